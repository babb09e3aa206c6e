import type { Command } from 'commander';
import { ChildStartError, runChild } from '../secrets/child-process.ts';
import { isMaskable, minMaskedLength } from '../secrets/encoded-forms.ts';
import { type EnvironmentPlan, planEnvironment } from '../secrets/environment-plan.ts';
import { parseEntries, readText } from '../secrets/secret-files.ts';
import { SecretReader } from '../secrets/secret-reader.ts';
import { referenceKey } from '../secrets/secret-references.ts';
import { StreamMasker } from '../secrets/stream-masking.ts';
import { unresolvedReferencesError } from '../secrets/unresolved-references.ts';
import { normalizeFolder } from '../secrets/value-names.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
Variables whose whole value is a reference (anima://path, anima://path?version=N) get the value instead, in the environment
of the command alone. If one can’t be read, the command is not started. Of variables that are given twice the last wins:
the environment of this command, then --prefix, then each --env-file.

--prefix prod/ makes a variable of every value below prod/: what follows the prefix in upper case, each character other than
A-Z 0-9 _ as _, and _ before a digit at the beginning. prod/stripe/secret-key is STRIPE_SECRET_KEY.

What the command prints goes through this one, which replaces the values by <concealed by anima>: also in base64, hexadecimal, URL- and
JSON-escaped, and the lines of longer ones. Values shorter than 4 characters are not looked for. The command then writes to pipes, not to the
terminal: it may show no colours and no progress. A few last characters without a line end can be held back while they may
be the beginning of a value. --no-masking hands it the terminal itself. Nothing masks what it writes elsewhere.

Signals and the exit code are passed on: 128 and its number for a signal, 127 and 126 when the command was not found or
can’t be executed.

Examples:
  $ STRIPE_KEY=anima://prod/stripe/key anima run -- node agent.js
  $ anima run --env-file .env -- docker compose up
  $ anima run --prefix prod/ -- sh -c 'psql "$DATABASE_URL"'
  $ anima run --cache-max-age 1h -- npm test        goes on for an hour if the vault can’t be reached`;

interface Options {
  readonly envFile?: readonly string[];
  readonly prefix?: string;
  readonly masking: boolean;
  readonly cacheMaxAge?: string;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('run')
    .description('run a command with values in its environment')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--env-file <file>', 'variables from a .env file; may be repeated', collect)
    .option('--prefix <folder>', 'every value below this folder as a variable')
    .option('--no-masking', 'do not look for values in what the command prints')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, take what was read within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (words: string[], options: Options, command: Command) =>
      setExitCode(await run(shellOf(command), words, options)),
    );
}

const collect = (file: string, before: readonly string[] = []): readonly string[] => [...before, file];

async function run(shell: Shell, [command = '', ...args]: readonly string[], options: Options): Promise<number> {
  const files = await Promise.all(
    (options.envFile ?? []).map(async (path) => ({
      path,
      entries: parseEntries('env', await readText(path, shell.stdin), path),
    })),
  );
  const folder = normalizeFolder(options.prefix);
  // Without anything to resolve no key is needed: a pipeline may be tried before there is one.
  const wanted = { environment: shell.env, folder, files };
  const reader = options.prefix === undefined ? undefined : await SecretReader.open(shell, options.cacheMaxAge);
  const names = (await reader?.listNames(folder)) ?? [];
  if (reader !== undefined && names.length === 0) shell.note(`There are no values below ${folder || 'the root'}.`);
  const plan = planEnvironment({ ...wanted, names });
  const values =
    plan.references.size === 0 ? new Map<string, string>() : await resolveReferences(shell, plan, options, reader);
  const masked = options.masking && values.size > 0 ? await createMasker(shell, values) : undefined;
  if (masked !== undefined) ignoreClosedPipe(shell.stdout);
  return await withStartFailureExitCode(shell, () =>
    runChild({
      command,
      args,
      env: Object.fromEntries([...plan.literal, ...values]),
      concealer: masked,
      stdout: shell.stdout,
      stderr: shell.stderr,
      terminal: [shell.stdin, shell.stdout, shell.stderr].some(({ isTTY }) => isTTY),
    }),
  );
}

/** The values of all references, or an error that names the variables without one. */
async function resolveReferences(
  shell: Shell,
  plan: EnvironmentPlan,
  options: Options,
  open: SecretReader | undefined,
): Promise<Map<string, string>> {
  const reader = open ?? (await SecretReader.open(shell, options.cacheMaxAge));
  const outcomes = await reader.readMany(plan.references.values());
  const told = [...plan.references].map(([variable, reference]) => {
    const outcome = outcomes.get(referenceKey(reference));
    if (outcome === undefined) throw new Error('a reference without an outcome');
    return [variable, outcome] as const;
  });
  const failed = told.filter(([, outcome]) => !outcome.ok);
  if (failed.length > 0) throw unresolvedReferencesError(failed, 'The command was not started');
  const values = told.flatMap(([variable, outcome]) => (outcome.ok ? [[variable, outcome.value.value] as const] : []));
  const odd = values.filter(([, value]) => value.includes('\0')).map(([variable]) => variable);
  if (odd.length > 0)
    throw usageError(`No environment can hold the zero bytes in ${odd.join(', ')}. The command was not started`);
  return new Map(values);
}

/**
 * Elsewhere `anima` ends when nobody reads its output any more. Here that is the command's affair: its pipe is closed, and its exit code still counts.
 */
function ignoreClosedPipe(stdout: NodeJS.WriteStream): void {
  stdout.removeAllListeners('error');
  stdout.on('error', () => undefined);
}

/** The key is among what is masked: the command has it too, if its environment had it. */
async function createMasker(shell: Shell, values: ReadonlyMap<string, string>): Promise<StreamMasker> {
  const short = [...values].filter(([, value]) => value !== '' && !isMaskable(value)).map(([variable]) => variable);
  if (short.length > 0) {
    shell.note(
      `Shorter than ${minMaskedLength} characters, and so not masked in what the command prints: ${short.join(', ')}.`,
    );
  }
  return new StreamMasker([...values.values(), (await shell.access()).apiKey]);
}

/** Exit codes of shells for commands that can't be started (POSIX sh, Exit Status for Commands). */
const startFailureExitCodes: Readonly<Record<string, readonly [code: number, why: string]>> = {
  ENOENT: [127, 'was not found'],
  EACCES: [126, 'can’t be executed'],
  ENOEXEC: [126, 'can’t be executed'],
};

async function withStartFailureExitCode(shell: Shell, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ChildStartError)) throw error;
    const known = startFailureExitCodes[error.code];
    if (known === undefined) {
      throw new CommandError(`The command could not be started (${error.code})`, {
        exit: exitCodes.failed,
        next: 'With E2BIG, arguments and environment are too long together.',
      });
    }
    const [code, why] = known;
    shell.stderr.write(`anima: The command ${why} (${error.code}).\n`);
    return code;
  }
}
