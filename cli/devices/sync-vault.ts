/** One sync with progress, and what it has to say to people. */
import type { DeviceVault, SyncNotice, SyncResult } from '../../sdk/src/device/index.ts';
import { ProgressLine } from '../shell/progress-line.ts';
import type { Shell } from '../shell/shell.ts';

const noticeTexts: Readonly<Record<SyncNotice['kind'], string>> = {
  entry_void: 'An entry of another device was skipped, because the rules do not allow it',
  change_void: 'A change of another device was skipped, because it does not follow the one before',
  content_void: 'A change of another device was skipped, because it does not open',
  no_key: 'This device has no key for a part of the vault',
  history_missing: 'This device cannot open what was written before it joined',
  roster_changed: 'The devices of the vault changed',
  rotation_due: 'The key must change, because a device left: sync a device with the role admin',
  deletion_requested:
    'Somebody with the key of the user requested that the vault is deleted. To cancel: `anima device keep`',
};

/** Progress is shown on a terminal's standard error, and notices as notes. */
export async function syncVault(shell: Shell, vault: DeviceVault, signal?: AbortSignal): Promise<SyncResult> {
  const progress = new ProgressLine(shell);
  try {
    const result = await vault.sync({
      signal,
      onProgress: ({ verified, announced, records }) =>
        progress.show(
          records === undefined
            ? `verifying: ${verified} of ${announced} entries`
            : `reading a pruned vault: ${records} records`,
        ),
    });
    progress.end();
    for (const { kind, detail } of result.notices) shell.note(`${noticeTexts[kind]} (${detail}).`);
    return result;
  } finally {
    progress.end();
  }
}

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

/** `Read 3 entries, wrote 1 change.` */
export function describeSync({ pulled, pushed, queued, conflicts }: SyncResult): string {
  const lines = [
    `Read ${count(pulled, 'entry', 'entries')} of other devices, wrote ${count(pushed, 'change', 'changes')} of this one.`,
  ];
  if (queued > 0) lines.push(`Still queued here: ${count(queued, 'change', 'changes')}.`);
  if (conflicts.length > 0)
    lines.push(
      `A person must decide ${count(conflicts.length, 'conflict', 'conflicts')}: \`anima records conflicts\`.`,
    );
  return lines.join('\n');
}
