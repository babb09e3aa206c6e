/** Runs the command that the arguments select, and turns errors into an exit code and two lines on standard error. */
import { Command, CommanderError } from 'commander';
import { commandTable, type SetExitCode } from './command-table.ts';
import { type GlobalOptions, type HostProcess, ProcessShell, wantsColours } from './node-shell.ts';
import { exitCodes, exitMeanings, type Failure, toFailure, usageError } from './shell/command-error.ts';
import { argumentsBeforeDashes, nodeOptionError } from './shell/node-options.ts';
import type { Shell } from './shell/shell.ts';
import { escapeForLine, escapeForTerminal, escapeJson } from './shell/terminal-text.ts';

/**
 * Runs a command to completion.
 * @param given the arguments after `anima`
 * @param onInterrupted called if SIGINT ended the started command, with the processes that have to end by it
 * @returns the exit code; never throws
 */
export async function runProgram(
  given: readonly string[],
  host: HostProcess,
  onInterrupted: (scope: 'self' | 'group') => void = () => {},
): Promise<number> {
  const args = withHelpOption(given);
  let code: number = exitCodes.ok;
  const setCode: SetExitCode = (wanted, interrupted) => {
    code = wanted;
    if (interrupted !== undefined) onInterrupted(interrupted);
  };
  try {
    const taken = nodeOptionError(args);
    if (taken !== undefined) throw taken;
    const program = await buildProgram(args, host, setCode);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    const failure = failureToReport(error);
    if (failure === undefined) return exitCodes.ok;
    reportFailure(failure, args, host);
    return failure.exit;
  }
  return code;
}

/** The program with the selected command fully loaded, and the other commands by name only. */
async function buildProgram(args: readonly string[], host: HostProcess, setExitCode: SetExitCode): Promise<Command> {
  const program = new Command('anima');
  program
    .description('Stores secrets of AI agents in a vault that encrypts them with a key of their organization.')
    .usage('[options] <command>')
    .option('--profile <name>', 'stored profile to use (default: ANIMA_PROFILE, then "default", then "local")')
    .option('--url <url>', 'address of the vault')
    .option('--json', 'print results and errors as JSON')
    .option('--quiet', 'print no notes on standard error')
    .option('--no-color', 'print no colours, as with NO_COLOR')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => void host.stdout.write(escapeForTerminal(text)),
      writeErr: (text) => void host.stderr.write(escapeForTerminal(text)),
      // Commander's own output is suppressed, because it may quote an argument, which may be a misplaced secret.
      outputError: () => undefined,
      getOutHasColors: () => wantsColours(host.stdout, host.env),
      getErrHasColors: () => wantsColours(host.stderr, host.env),
    })
    .exitOverride()
    .addHelpText('after', helpFooter);
  const shellOf = (command: Command): Shell => new ProcessShell(host, command.optsWithGlobals<GlobalOptions>());
  const wanted = findCommandName(args);
  // The completion command needs all other commands loaded.
  const all = wanted === 'completion';
  for (const [name, { group, summary, load }] of Object.entries(commandTable)) {
    if (all || name === wanted || (name === 'completion' && wanted === '__complete'))
      (await load()).register(program, shellOf, setExitCode);
    else program.command(name).helpGroup(`${group}:`).summary(summary).description(summary).allowUnknownOption();
  }
  return program;
}

/** The first argument that is not an option: the command. */
function findCommandName(args: readonly string[]): string | undefined {
  return args[findCommandIndex(args)];
}

/** Index of the command in the arguments; their number if there is none. */
function findCommandIndex(args: readonly string[]): number {
  let i = 0;
  while (args[i]?.startsWith('-')) i += args[i] === '--profile' || args[i] === '--url' ? 2 : 1;
  return Math.min(i, args.length);
}

/** `anima help run` is `anima run --help`. An unknown command stays without the option, so that it is reported. */
function withHelpOption(args: readonly string[]): readonly string[] {
  const at = findCommandIndex(args);
  if (args[at] !== 'help') return args;
  const rest = args.toSpliced(at, 1);
  const name = findCommandName(rest);
  return name === undefined || Object.hasOwn(commandTable, name) ? [...rest, '--help'] : rest;
}

const helpFooter = `
Examples:
  $ anima login                              store address and key
  $ anima set prod/stripe/key                prompts for the value without showing it
  $ anima get prod/stripe/key
  $ anima share report.pdf --expires-in 7d   a link that opens it
  $ anima run -- node agent.js               resolves anima:// references in the environment

Environment:
  ANIMA_KEY, ANIMA_URL     key and address; take precedence over profiles
  ANIMA_LOGIN              log in with the identity of this machine instead of a key (ORGANIZATION/LOGIN)
  ANIMA_IDENTITY           that identity, if it is not found: github, gitlab, kubernetes or aws
  ANIMA_PROFILE            the profile to use
  ANIMA_AGENT, ANIMA_RUN   caller ids recorded in the audit
  ANIMA_KEYRING=off        store keys in files of mode 0600, not in the system keyring

Exit codes:
${Object.entries(exitCodes)
  .map(([name, code]) => `  ${code}  ${exitMeanings[name as keyof typeof exitMeanings]}`)
  .join('\n')}

anima help COMMAND explains a command; anima --version prints the version.`;

/** The failure to report; undefined if help was requested. */
function failureToReport(error: unknown): Failure | undefined {
  if (!(error instanceof CommanderError)) return toFailure(error);
  if (error.exitCode === 0) return undefined;
  return toFailure(
    usageError(`${describeUsageError(error)}; nothing was done`, 'See `anima --help`, or `anima COMMAND --help`.'),
  );
}

/** Commander's messages quote arguments, so only messages that cannot contain a value are passed on. */
function describeUsageError({ code, message }: CommanderError): string {
  const said = message.replace(/^error: /, '').split('\n');
  const [, option] = /unknown option '(--[a-z][a-z-]{0,30})/.exec(message) ?? [];
  const suggestion = /\(Did you mean [a-z -]{1,40}\?\)/.exec(message)?.[0];
  switch (code) {
    case 'commander.missingArgument':
    case 'commander.optionMissingArgument':
    case 'commander.missingMandatoryOptionValue':
    case 'commander.conflictingOption':
      return escapeForLine(said[0] ?? '');
    case 'commander.unknownOption':
      return [option === undefined ? 'Unknown option' : `Unknown option ${option}`, suggestion]
        .filter(Boolean)
        .join(' ');
    case 'commander.unknownCommand':
      return ['Unknown command', suggestion].filter(Boolean).join(' ');
    case 'commander.excessArguments':
      return 'The command has too many arguments';
    case 'commander.help':
      return 'A command is missing';
    default:
      return 'The arguments are invalid';
  }
}

function reportFailure(failure: Failure, args: readonly string[], host: HostProcess): void {
  const { exit, message, code, next, requestId, trace } = failure;
  if (argumentsBeforeDashes(args).includes('--json')) {
    const json = JSON.stringify({ error: { code, exit, message, next, requestId } });
    host.stderr.write(`${escapeJson(json)}\n`);
    return;
  }
  const id = requestId === undefined ? '' : ` [request ${requestId}]`;
  host.stderr.write(`${escapeForLine(`anima: ${message}${id}.`)}\n`);
  if (next !== undefined) host.stderr.write(`${escapeForLine(next)}\n`);
  if (trace !== undefined && host.env.ANIMA_DEBUG) host.stderr.write(`${escapeForTerminal(trace)}\n`);
}
