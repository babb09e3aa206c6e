import type { Command } from 'commander';
import type { Anima, Rotation } from '../../../sdk/src/index.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { durationText, parseDuration } from '../../shell/durations.ts';
import { ProgressLine } from '../../shell/progress-line.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatFacts } from '../../shell/terminal-output.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
New values are encrypted with a new key immediately. Existing values are re-encrypted in the background without
interruption. The command waits and shows progress; Ctrl-C stops waiting, not the rotation. If a rotation is already
running, the command waits for that one.

Examples:
  $ anima rotate
  $ anima rotate --no-wait
  $ anima rotate status`;

/** Initial and maximum polling interval, milliseconds. */
const firstPollMs = 250;
const maxPollMs = 5_000;

interface Options {
  readonly wait: boolean;
  readonly timeout: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  const rotate = program
    .command('rotate')
    .description('rotate the data-encryption key of the organization')
    .option('--wait', 'wait until the rotation is done (default)', true)
    .option('--no-wait', 'return after the rotation has started')
    .option('--timeout <duration>', 'maximum time to wait', '1h')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await start(shellOf(command), options));
  rotate
    .command('status')
    .description('show the latest rotation and its progress')
    .action(async (_options: object, command: Command) => await status(shellOf(command)));
}

async function start(shell: Shell, { wait, timeout }: Options): Promise<void> {
  const until = Date.now() + parseDuration('--timeout', timeout) * 1000;
  const client = await shell.client();
  const begun = await client.org.rotate();
  if (begun === undefined) {
    return shell.print('There is no key to rotate yet; the key is created with the first value.', { rotation: null });
  }
  if (!wait)
    return shell.print(line`Rotation ${begun.id} has started; \`anima rotate status\` shows its progress.`, begun);
  const done = await follow(shell, client, begun, until);
  shell.print(formatRotation(done), done);
}

async function status(shell: Shell): Promise<void> {
  const client = await shell.client();
  const latest = await client.org.rotation();
  if (latest === undefined) return shell.print('There was no rotation yet.', { rotation: null });
  shell.print(
    formatFacts([
      ['rotation', String(latest.id)],
      ['state', latest.state],
      ['new version', String(latest.to)],
      ['processed', `${latest.counted} of ${latest.total} stored versions`],
      ['re-encrypted', String(latest.reencrypted)],
      ['damaged', latest.damaged === 0 ? undefined : String(latest.damaged)],
      ['started', latest.startedAt],
      ['ended', latest.finishedAt],
    ]),
    latest,
  );
}

/** Waits until a rotation is done and reports progress. */
async function follow(shell: Shell, client: Anima, begun: Rotation, until: number): Promise<Rotation> {
  const progress = new RotationProgress(shell);
  try {
    let rotation = begun;
    for (let pause = firstPollMs; rotation.id === begun.id; pause = Math.min(maxPollMs, pause * 1.5)) {
      progress.show(rotation);
      if (rotation.state === 'done') return rotation;
      throwIfStuckOrTimedOut(rotation, until);
      await new Promise((resolve) => setTimeout(resolve, pause));
      rotation = (await client.org.rotation()) ?? rotation;
    }
    // A newer rotation has started, so this one has ended.
    return rotation;
  } finally {
    progress.end();
  }
}

function throwIfStuckOrTimedOut({ id, counted, total, damaged }: Rotation, until: number): void {
  if (damaged > 0 && counted >= total) {
    throw new CommandError(
      `Rotation ${id} can’t finish: ${damaged} stored versions can’t be decrypted, so their keys are kept`,
      {
        exit: exitCodes.decryption,
        next: 'Delete or repair these values, then rotate again.',
      },
    );
  }
  if (Date.now() < until) return;
  throw new CommandError(`Rotation ${id} is still running; the time-out has passed`, {
    exit: exitCodes.unavailable,
    next: 'Use `anima rotate status` for its progress, or --timeout to wait longer.',
  });
}

/** Progress output: one updated line on a terminal, otherwise one line per step for logs. */
class RotationProgress {
  readonly #shell: Shell;
  readonly #line: ProgressLine;
  #last = '';

  constructor(shell: Shell) {
    this.#shell = shell;
    this.#line = new ProgressLine(shell);
  }

  show({ state, counted, total, reencrypted }: Rotation): void {
    const share = total === 0 ? '' : `${Math.min(100, Math.floor((100 * counted) / total))} %, `;
    const text =
      state === 'running'
        ? `re-encrypting: ${share}${counted} of ${total} stored versions processed, ${reencrypted} re-encrypted`
        : `${reencrypted} stored versions re-encrypted; waiting for running requests to end before the old key is retired`;
    if (text === this.#last || state === 'done') return;
    this.#last = text;
    if (this.#line.isShown) this.#line.show(text);
    else this.#shell.note(text);
  }

  end(): void {
    this.#line.end();
  }
}

function formatRotation({ id, to, reencrypted, startedAt, finishedAt }: Rotation): string {
  const took = finishedAt === undefined ? '' : ` in ${durationText(Date.parse(finishedAt) - Date.parse(startedAt))}`;
  return line`Rotation ${id} is done${took}: ${reencrypted} stored versions re-encrypted under key version ${to}; older keys are retired.`;
}
