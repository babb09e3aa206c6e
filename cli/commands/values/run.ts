import type { Command } from 'commander';
import { ChildStartError, runChild } from '../../secrets/child-process.ts';
import { isMaskable, minMaskedLength } from '../../secrets/encoded-forms.ts';
import { type EnvironmentPlan, planEnvironment } from '../../secrets/environment-plan.ts';
import { parseEntries, readText } from '../../secrets/secret-files.ts';
import { SecretReader } from '../../secrets/secret-reader.ts';
import { referenceKey } from '../../secrets/secret-references.ts';
import { StreamMasker } from '../../secrets/stream-masking.ts';
import { unresolvedReferencesError } from '../../secrets/unresolved-references.ts';
import { normalizeFolder } from '../../secrets/value-names.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
If the whole value of a variable is a reference (anima://path, anima://path?version=N), it is replaced with the referenced
value, only in the environment of the command. If a value can’t be read, the command is not started.

--prefix and --dotenv add variables. A variable that the environment already has is kept, unless --override is given; of the
others the last source wins: --prefix, then each --dotenv. (The option is not called --env-file, because Node.js, which runs
this command, would read that file itself.) Variables that can make programs run other code or connect elsewhere (NODE_OPTIONS,
LD_PRELOAD, PATH, BASH_ENV, GIT_SSH_COMMAND, HTTPS_PROXY …) are refused in both, because anyone who may write a value or the file
could then run code as you. --allow-variable NODE_OPTIONS allows this one. A reference that you set in the environment itself
needs no option.

The command does not get ANIMA_KEY, nor any other ANIMA_ variable that is not a known setting; --pass-key passes them on. A
stored profile stays readable for the command, as all files of its user.

--prefix prod/ sets a variable for every value below prod/. Its name is the name without the prefix in upper case, with _ for
each character other than A-Z 0-9 _, and a _ before a leading digit. prod/stripe/secret-key becomes STRIPE_SECRET_KEY.

Values in the output of the command are replaced with <concealed by anima>, also in base64, hexadecimal, URL-escaped and
JSON-escaped form, and as single lines of multi-line values. Values shorter than 4 characters are not masked. The command
writes to pipes instead of the terminal, so it may omit colours and progress. A few final characters without a line end may
be held back while they could start a value. --no-masking gives the command the terminal itself. Output to files or the
network is not masked.

Signals are forwarded to the command, and its exit code is returned: 128 plus the signal number if a signal ended it, 127 if
the command was not found, 126 if it can’t be executed.

Examples:
  $ STRIPE_KEY=anima://prod/stripe/key anima run -- node agent.js
  $ anima run --dotenv .env -- docker compose up
  $ anima run --dotenv <(sops -d prod.env) -- node agent.js
  $ anima run --prefix prod/ -- sh -c 'psql "$DATABASE_URL"'
  $ anima run --cache-max-age 1h -- npm test        use the cache of the last hour if the vault can’t be reached`;

interface Options {
  readonly dotenv?: readonly string[];
  readonly prefix?: string;
  readonly allowVariable?: readonly string[];
  readonly override?: boolean;
  readonly passKey?: boolean;
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
    .option('--dotenv <file>', 'variables from a .env file; repeatable', collectText)
    .option('--prefix <folder>', 'set a variable for every value below this folder')
    .option(
      '--allow-variable <name>',
      'allow --prefix and --dotenv to set this restricted variable; repeatable',
      collectText,
    )
    .option('--override', 'let --prefix and --dotenv replace variables that are already set')
    .option('--pass-key', 'pass ANIMA_KEY on to the command')
    .option('--no-masking', 'do not mask values in the output of the command')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, use values cached within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (words: string[], options: Options, command: Command) =>
      setExitCode(await run(shellOf(command), words, options)),
    );
}

async function run(shell: Shell, [command = '', ...args]: readonly string[], options: Options): Promise<number> {
  const files = await Promise.all(
    (options.dotenv ?? []).map(async (path) => ({
      path,
      entries: parseEntries('dotenv', await readText(path, shell.stdin), path),
    })),
  );
  const folder = normalizeFolder(options.prefix);
  // If nothing needs to be resolved, no key is required, so a pipeline can be tested without one.
  const reader = options.prefix === undefined ? undefined : await SecretReader.open(shell, options.cacheMaxAge);
  const names = (await reader?.listNames(folder)) ?? [];
  if (reader !== undefined && names.length === 0) shell.note(`There are no values below ${folder || 'the root'}.`);
  const plan = planEnvironment(
    { environment: shell.env, folder, files, names },
    {
      allowedVariables: new Set(options.allowVariable),
      override: options.override === true,
      passKey: options.passKey === true,
      ignoreCase: process.platform === 'win32',
    },
  );
  if (plan.kept.length > 0) {
    shell.note(`Kept as the environment has it: ${plan.kept.join(', ')}. --override replaces such variables.`);
  }
  const values =
    plan.references.size === 0 ? new Map<string, string>() : await resolveReferences(shell, plan, options, reader);
  const masked = options.masking && values.size > 0 ? await createMasker(shell, values) : undefined;
  if (masked !== undefined) ignoreClosedPipe(shell.rawStdout);
  return await withStartFailureExitCode(shell, () =>
    runChild({
      command,
      args,
      env: Object.fromEntries([...plan.literal, ...values]),
      concealer: masked,
      stdout: shell.rawStdout,
      stderr: shell.rawStderr,
      terminal: [shell.stdin, shell.rawStdout, shell.rawStderr].some(({ isTTY }) => isTTY),
    }),
  );
}

/** Resolves all references. Throws an error that lists the variables without a value. */
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
    throw usageError(
      `An environment variable can’t contain zero bytes, as in ${odd.join(', ')}. The command was not started`,
    );
  return new Map(values);
}

/**
 * Other commands end when their output pipe is closed. Here only the child's pipe is closed, and its exit code is
 * still returned.
 */
function ignoreClosedPipe(stdout: NodeJS.WriteStream): void {
  stdout.removeAllListeners('error');
  stdout.on('error', () => undefined);
}

/** The API key is masked too: the command may have it by --pass-key, or read it from a profile. */
async function createMasker(shell: Shell, values: ReadonlyMap<string, string>): Promise<StreamMasker> {
  const short = [...values].filter(([, value]) => value !== '' && !isMaskable(value)).map(([variable]) => variable);
  if (short.length > 0) {
    shell.note(`Not masked in the output, because shorter than ${minMaskedLength} characters: ${short.join(', ')}.`);
  }
  return new StreamMasker([...values.values(), (await shell.access()).apiKey]);
}

/** Shell exit codes for commands that cannot be started (POSIX sh, Exit Status for Commands). */
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
        next: 'E2BIG means that arguments and environment together are too long.',
      });
    }
    const [code, why] = known;
    shell.error(`anima: The command ${why} (${error.code}).`);
    return code;
  }
}
