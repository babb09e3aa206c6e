/** `anima agent listen`. */
import { runUntilInterrupted } from '../../shell/abort-on-signal.ts';
import { usageError } from '../../shell/command-error.ts';
import { parseDuration, parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { certifyBy } from '../enroll-commands.ts';
import { type OrgFlag, withDevice } from '../open-device.ts';
import { Listener, type ListenSettings } from './listener.ts';
import { TaskStore } from './task-store.ts';

export interface ListenFlags extends OrgFlag {
  readonly timeout: string;
  readonly grace: string;
  readonly parallel: string;
  readonly maxInput: string;
  readonly maxOutput: string;
  readonly stopWord: string;
  readonly fromAgents?: boolean;
  readonly notes: boolean;
  readonly rerun?: boolean;
  readonly certify?: string;
}

const maxBytes = 16 * 1024 * 1024;
const maxParallel = 64;

export async function listen(shell: Shell, command: readonly string[], flags: ListenFlags): Promise<void> {
  const settings: ListenSettings = {
    command,
    timeoutMs: parseDuration('--timeout', flags.timeout) * 1000,
    graceMs: parseDuration('--grace', flags.grace) * 1000,
    parallel: within('--parallel', flags.parallel, 1, maxParallel),
    inputBytes: within('--max-input', flags.maxInput, 1, maxBytes),
    outputBytes: within('--max-output', flags.maxOutput, 1, maxBytes),
    stopWord: flags.stopWord,
    answersAgents: flags.fromAgents === true,
    sendsNotes: flags.notes,
    rerunsInterrupted: flags.rerun === true,
  };
  const certify = flags.certify === undefined ? undefined : certifyBy(shell, flags.certify);
  await withDevice(shell, flags, { acceptsParticipants: true, certify }, async (client) => {
    const store = await TaskStore.open(shell, client.org);
    try {
      await runUntilInterrupted(async (signal) => {
        shell.note(`Listening as the device ${client.device}. Ctrl-C ends it.`);
        await new Listener(shell, client, store, settings).run(signal);
      });
    } finally {
      await store.close();
    }
  });
}

function within(option: string, text: string, least: number, most: number): number {
  const number = parseWhole(option, text, least);
  if (number <= most) return number;
  throw usageError(`${option} must be at most ${most}. Nothing was done`);
}
