/** `anima request`: asks a person for a secret. */
import type { Command } from 'commander';
import type { SecretRequestHandle } from '../../../sdk/src/index.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { runUntilInterrupted } from '../../shell/abort-on-signal.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { durationText, parseDuration } from '../../shell/durations.ts';
import { ProgressLine } from '../../shell/progress-line.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Prints a link for a person, and waits until they have typed the secret on its page. The secret is encrypted in their browser
and stored under NAME. Only they choose what it may be used for. The link works once.

The name must be free. With --replace, a value with that name is replaced together with its earlier versions; that needs a key
that can write values.

Examples:
  $ anima request prod/stripe/key --why 'to list the invoices of May'
  $ anima request prod/stripe/key --why 'to list invoices' --expires-in 4h --no-wait
  $ anima request --status 0123456789abcdef
  $ anima request --cancel 0123456789abcdef`;

interface Options {
  readonly why?: string;
  readonly expiresIn?: string;
  readonly replace?: boolean;
  readonly wait: boolean;
  readonly status?: string;
  readonly cancel?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('request')
    .description('ask a person for a secret by a link')
    .argument('[name]', 'name under which the secret is stored')
    .option('--why <reason>', 'why it is needed, shown to the person; at most 200 characters')
    .option('--expires-in <duration>', 'end the link after this time, at most 24h (default: 1h)')
    .option('--replace', 'replace the value of that name, and all its versions')
    .option('--no-wait', 'print the link and end')
    .option('--status <id>', 'show whether a request was answered')
    .option('--cancel <id>', 'end the link of a request')
    .addHelpText('after', help)
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const shell = shellOf(command);
      const id = options.status ?? options.cancel;
      if (id === undefined) return await ask(shell, name, options);
      if (name !== undefined || options.why !== undefined || (options.status && options.cancel) !== undefined)
        throw usageError('--status and --cancel take the id of a request and nothing else. Nothing was done');
      await showState(shell, await (await shell.client()).vault.findRequest(id), options.cancel !== undefined);
    });
}

async function showState(shell: Shell, request: SecretRequestHandle, cancels: boolean): Promise<void> {
  const status = await (cancels ? request.cancel() : request.status());
  shell.print(line`${status.name}: ${status.state}.`, status);
}

async function ask(shell: Shell, name: string | undefined, { why, expiresIn, replace, wait }: Options): Promise<void> {
  if (name === undefined || why === undefined)
    throw usageError('A request needs a name and --why. Nothing was asked', 'See `anima request --help`.');
  assertValueName(name, 'Nothing was asked');
  const seconds = expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn);
  const client = await shell.client();
  const request = await client.vault.request(name, { why, expiresIn: seconds, replace });
  const { id, url, expiresAt } = request;
  shell.print(url, { id, name, url, expiresAt });
  shell.note(line`Give this link to the person who has the secret. It works once, until ${expiresAt}.`);
  if (!wait) return shell.note(line`\`anima request --status ${id}\` shows whether it was answered.`);
  const progress = new ProgressLine(shell);
  const show = () => progress.show(`Waiting for an answer, ${durationText(Date.parse(expiresAt) - Date.now())} left`);
  show();
  const timer = setInterval(show, 1000);
  try {
    const status = await runUntilInterrupted((signal) => request.filled({ signal }));
    progress.end();
    shell.print(line`Stored ${name}.`, status);
  } catch (error) {
    progress.end();
    throw interrupted(error, id) ?? error;
  } finally {
    clearInterval(timer);
  }
}

/** The error after Ctrl-C: the request stays open. */
function interrupted(error: unknown, id: string): CommandError | undefined {
  if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'aborted') return undefined;
  return new CommandError('Stopped waiting. The link still works', {
    exit: exitCodes.failed,
    next: `\`anima request --status ${id}\` shows whether it was answered, and --cancel ends it.`,
  });
}
