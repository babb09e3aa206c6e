import type { Command } from 'commander';
import type { ChildResult, InterruptScope } from '../../processes/child-process.ts';
import { runCommand } from '../../processes/command-runner.ts';
import { createOutputMasker, type MaskingOptions } from '../../secrets/output-masker.ts';
import {
  type EnvironmentOptions,
  EnvironmentResolver,
  type ResolvedEnvironment,
} from '../../secrets/resolved-environment.ts';
import { envFileDialects, parseDialect } from '../../secrets/secret-files.ts';
import { normalizeFolder } from '../../secrets/value-names.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseDuration } from '../../shell/durations.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
If the whole value of a variable is a reference (anima://path, anima://path?version=N), it is replaced with the referenced
value, only in the environment of the command. References in braces are replaced within longer text:
postgres://{{anima://db/user}}:{{anima://db/password | url}}@host; | url percent-encodes the value, | json escapes it for a
JSON string. If a value can’t be read, or a text only resembles a reference, the command is not started.

--prefix and --dotenv add variables. A variable that the environment already has is kept, unless --override is given; of the
others the last source wins: each --prefix, then each --dotenv. A folder or file without any variable is an error, unless
--allow-empty is given. (The option is not called --env-file, because Node.js, which runs this command, would read that file
itself.) A line of a .env file that dotenv, Docker Compose, python-dotenv and sh read differently is refused; --dialect dotenv
reads it as dotenv does. Variables that can make programs run other code or connect elsewhere (NODE_OPTIONS, LD_PRELOAD, PATH,
BASH_ENV, GIT_SSH_COMMAND, HTTPS_PROXY …) are refused in both, because anyone who may write a value or the file could then run
code as you. --allow-variable NODE_OPTIONS allows this one. A reference that you set in the environment itself needs no option.

The command does not get ANIMA_KEY, nor any other ANIMA_ variable that is not a known setting; --pass-key passes them on. A
stored profile stays readable for the command, as all files of its user.

--prefix prod/ sets a variable for every value below prod/. Its name is the name without the prefix in upper case, with _ for
each character other than A-Z 0-9 _, and a _ before a leading digit. prod/stripe/secret-key becomes STRIPE_SECRET_KEY.

Values in the output of the command are replaced with <concealed by anima>, also in base64, hexadecimal, URL-escaped and
JSON-escaped form, and as single lines of multi-line values. Values of 4 to 7 characters and long numbers are masked only as
whole words. Shorter values, and ordinary words and numbers such as production or 8443, are not masked; a note names them.
--mask NAME masks the value of a variable all the same, as a whole word; --unmask NAME leaves it. Output to files or the
network is not masked. --no-masking masks nothing.

At a terminal the command runs in a pseudo-terminal, so colours and prompts stay, and Ctrl-Z is left to the command. If a
stream is redirected, output goes through pipes. A few final characters without a line end may be held back while they could
start a value.

Signals are delivered to the command once, and its exit code is returned: 128 plus the signal number if a signal ended it, 127
if the command was not found, 126 if it can’t be executed. If Ctrl-C ended it, a script that started anima ends too.

--watch reads the values again every 30 seconds (--watch-interval), and starts the command again when one has changed. Each
reading is recorded in the audit.

Examples:
  $ STRIPE_KEY=anima://prod/stripe/key anima run -- node agent.js
  $ anima run --dotenv .env -- docker compose up
  $ anima run --dotenv <(sops -d prod.env) -- node agent.js
  $ anima run --prefix base/ --prefix prod/ -- sh -c 'psql "$DATABASE_URL"'
  $ anima run --prefix prod/ --watch -- node server.js
  $ anima run --cache-max-age 1h -- npm test        use the cache of the last hour if the vault can’t be reached`;

interface Options extends Omit<EnvironmentOptions, 'folders' | 'dialect'>, MaskingOptions {
  readonly prefix?: readonly string[];
  readonly dialect?: string;
  readonly masking: boolean;
  readonly watch?: boolean;
  readonly watchInterval: string;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number, interrupted?: InterruptScope) => void,
): void {
  program
    .command('run')
    .description('run a command with values in its environment')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('--dotenv <file>', 'variables from a .env file; repeatable', collectText)
    .option('--dialect <dialect>', `how to read --dotenv files: ${envFileDialects.join(', ')} (default: common)`)
    .option('--prefix <folder>', 'set a variable for every value below this folder; repeatable', collectText)
    .option('--allow-empty', 'start the command even if a folder or file sets no variable')
    .option(
      '--allow-variable <name>',
      'allow --prefix and --dotenv to set this restricted variable; repeatable',
      collectText,
    )
    .option('--override', 'let --prefix and --dotenv replace variables that are already set')
    .option('--pass-key', 'pass ANIMA_KEY on to the command')
    .option('--no-masking', 'do not mask values in the output of the command')
    .option(
      '--mask <variable>',
      'mask the value of this variable although it is short or ordinary; repeatable',
      collectText,
    )
    .option('--unmask <variable>', 'do not mask the value of this variable; repeatable', collectText)
    .option('--watch', 'start the command again when its values change')
    .option('--watch-interval <duration>', 'time between two readings with --watch', '30s')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, use values cached within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (words: string[], options: Options, command: Command) => {
      const { code, interrupted } = await run(shellOf(command), words, options);
      setExitCode(code, interrupted);
    });
}

async function run(shell: Shell, words: readonly string[], options: Options): Promise<ChildResult> {
  const folders = (options.prefix ?? []).map(normalizeFolder);
  const interval = parseDuration('--watch-interval', options.watchInterval) * 1000;
  const { mask, unmask, masking } = options;
  if (!masking && [...(mask ?? []), ...(unmask ?? [])].length > 0)
    throw usageError('--no-masking excludes --mask and --unmask. The command was not started');
  const dialect = parseDialect(options.dialect, 'The command was not started');
  const resolver = await EnvironmentResolver.open(shell, { ...options, folders, dialect });
  const start = async (environment: ResolvedEnvironment, abort?: AbortSignal): Promise<ChildResult> => {
    noteKept(shell, environment);
    const masker = masking ? await createOutputMasker(shell, environment, { mask, unmask }) : undefined;
    return await runCommand(shell, { words, env: environment.variables, masker, abort });
  };
  if (options.watch !== true) return await start(await resolver.resolve());
  const { runWatched } = await import('../../processes/watched-command.ts');
  return await runWatched(shell, resolver, interval, start);
}

function noteKept(shell: Shell, { kept }: ResolvedEnvironment): void {
  if (kept.length === 0) return;
  shell.note(`Kept as the environment has it: ${kept.join(', ')}. --override replaces such variables.`);
}
