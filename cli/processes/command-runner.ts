/** Starts a command with its streams connected as the surroundings permit, and its output masked. */
import type { StreamMasker } from '../secrets/stream-masking.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { type ChildResult, ChildStartError, runChild } from './child-process.ts';
import { canUsePseudoTerminal, loadPseudoTerminals, runInPseudoTerminal } from './pseudo-terminal.ts';

export interface StartOptions {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Undefined if nothing is masked; the command then gets the streams of this process. */
  readonly masker: StreamMasker | undefined;
  readonly abort?: AbortSignal | undefined;
}

/** Runs the command to completion. A command that cannot be started has the exit code that shells give. */
export async function runCommand(shell: Shell, { words, env, masker, abort }: StartOptions): Promise<ChildResult> {
  const [command = '', ...args] = words;
  const streams = { stdin: shell.stdin, stdout: shell.rawStdout, stderr: shell.rawStderr };
  const options = { command, args, env: { ...env }, masker, abort, stdout: streams.stdout, stderr: streams.stderr };
  try {
    if (masker === undefined) return await runChild(options);
    ignoreClosedPipe(shell.rawStdout);
    if (!canUsePseudoTerminal(streams)) return await runChild(options);
    const pty = await loadPseudoTerminals();
    if (pty !== undefined) return await runInPseudoTerminal(pty, options, streams);
    shell.note(
      'The command writes to pipes, so colours and prompts can be missing: the optional package @lydell/node-pty is not installed. --no-masking gives the command the terminal.',
    );
    return await runChild(options);
  } catch (error) {
    if (!(error instanceof ChildStartError)) throw error;
    return { code: reportStartFailure(shell, error), signal: undefined };
  }
}

/**
 * Other commands end when their output pipe is closed. Here only the child's pipe is closed, and its exit code is
 * still returned.
 */
function ignoreClosedPipe(stdout: NodeJS.WriteStream): void {
  stdout.removeAllListeners('error');
  stdout.on('error', () => undefined);
}

/** Shell exit codes for commands that cannot be started (POSIX sh, Exit Status for Commands). */
const startFailureExitCodes: Readonly<Record<string, readonly [code: number, why: string]>> = {
  ENOENT: [127, 'was not found'],
  EACCES: [126, 'can’t be executed'],
  ENOEXEC: [126, 'can’t be executed'],
};

function reportStartFailure(shell: Shell, { code: cause }: ChildStartError): number {
  const known = startFailureExitCodes[cause];
  if (known === undefined) {
    throw new CommandError(`The command could not be started (${cause})`, {
      exit: exitCodes.failed,
      next: 'E2BIG means that arguments and environment together are too long.',
    });
  }
  const [code, why] = known;
  shell.error(`anima: The command ${why} (${cause}).`);
  return code;
}
