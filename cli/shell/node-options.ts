/** Options that Node.js takes for itself, although they stand behind the script. */
import { type CommandError, usageError } from './command-error.ts';

/**
 * Node.js looks for these in all arguments up to the first `--`, also in those of the script. It then reads the file
 * into the environment of this process, and obeys a NODE_OPTIONS in it, before any of this code runs. For that reason
 * no option of this command may have one of these names, and a call with one of them is rejected.
 */
const nodeOption = /^(--(?:env-file(?:-if-exists)?|experimental-(?:default-)?config-file))(?:=|$)/;

/** The arguments before the first `--`. Those after it belong to the command that `anima run` starts. */
export function argumentsBeforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end);
}

/** The error for arguments that Node.js has taken for itself; undefined if there are none. */
export function nodeOptionError(args: readonly string[]): CommandError | undefined {
  for (const arg of argumentsBeforeDashes(args)) {
    const [, option] = nodeOption.exec(arg) ?? [];
    if (option === undefined) continue;
    return usageError(
      `${option} is an option of Node.js, which has applied it to this process before anima started. Nothing was done`,
      'For variables of a .env file use `anima run --dotenv FILE`. Options of the command to run go after `--`.',
    );
  }
  return undefined;
}
