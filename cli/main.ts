#!/usr/bin/env node
/** `anima`. This file loads only the version, because scripts may request it often. */
import { version } from './shell/version.ts';

const args = process.argv.slice(2);
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${version}\n`);
} else {
  // `anima list | head -1`: the reader closes the pipe early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(args, process);
}
