#!/usr/bin/env node
/** `anima`. This file loads nothing but the version: a script may ask for that often. */
import { version } from './shell/version.ts';

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${version}\n`);
} else {
  // `anima list | head -1`: who reads has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(args, process);
}
