#!/usr/bin/env node
/** `anima`. This file loads only the version, because scripts may request it often. */
import { supportsNode, version } from './shell/version.ts';

const args = process.argv.slice(2);
if (!supportsNode(process.versions.node)) {
  const { reportUnsupportedNode } = await import('./shell/unsupported-node.ts');
  reportUnsupportedNode();
} else if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${version}\n`);
} else {
  // `anima list | head -1`: the reader closes the pipe early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { runProgram } = await import('./program.ts');
  let interrupted: 'self' | 'group' | undefined;
  process.exitCode = await runProgram(args, process, (scope) => {
    interrupted = scope;
  });
  // Ends as the started command did; see InterruptScope.
  if (interrupted !== undefined) process.kill(interrupted === 'group' ? 0 : process.pid, 'SIGINT');
}
