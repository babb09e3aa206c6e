/** `anima device sync`, and the commands that end a vault. */
import { setTimeout as wait } from 'node:timers/promises';
import type { DeletedVault, DeviceVault, RecordChange, RecordType, SyncResult } from '../../sdk/src/device/index.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { usageError } from '../shell/command-error.ts';
import { parseDuration } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { line } from '../shell/terminal-text.ts';
import { toDeviceFailure } from './device-errors.ts';
import { checkVaultId, chooseLocalVault, deviceContext, openVault, withVault } from './open-device-vault.ts';
import { confirmInTerminal } from './roster-commands.ts';
import { describeSync, syncVault } from './sync-vault.ts';

export interface SyncFlags {
  readonly vault?: string;
  readonly watch?: boolean;
  readonly every?: string;
}

const toJson = (vault: string, { pulled, pushed, queued, notices, conflicts }: SyncResult) => ({
  vault,
  pulled,
  pushed,
  queued,
  notices,
  conflicts: conflicts.map(({ type, id }) => ({ type, id })),
});

export async function sync(shell: Shell, { vault: wanted, watch, every = '5s' }: SyncFlags): Promise<void> {
  const seconds = parseDuration('--every', every);
  if (watch === true) return await watchVault(shell, wanted, seconds * 1000);
  await runUntilInterrupted(async (signal) => {
    await withVault(shell, wanted, async (vault) => {
      const result = await syncVault(shell, vault, signal);
      shell.print(describeSync(result), toJson(vault.scope.vault, result));
    });
  });
}

const recordTypes: readonly RecordType[] = ['memory', 'session', 'provider', 'todo'];

/** Syncs again and again. The vault is closed in between, so that other commands can use it. */
async function watchVault(shell: Shell, wanted: string | undefined, everyMs: number): Promise<void> {
  const context = await deviceContext(shell);
  const id = await chooseLocalVault(shell, context, wanted);
  shell.note(`Watching the vault ${id}. Press Ctrl-C to stop.`);
  await runUntilInterrupted(async (signal) => {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        const vault = await openVault(context, id);
        try {
          await reportChanges(shell, vault, signal, isFirst);
        } finally {
          await vault.close();
        }
      } catch (error) {
        const { message, code, next } = toDeviceFailure(error);
        if (signal.aborted) return;
        // What may pass is reported, and tried again.
        if (!transientCodes.has(code)) throw error;
        shell.note(line`${message}. ${next ?? ''}`);
      }
      await wait(everyMs, undefined, { signal }).catch(() => undefined);
    }
  });
}

const transientCodes: ReadonlySet<string> = new Set([
  'connection_failed',
  'timeout',
  'unavailable',
  'internal',
  'too_many_conflicts',
  'vault_in_use',
]);

async function reportChanges(shell: Shell, vault: DeviceVault, signal: AbortSignal, isFirst: boolean): Promise<void> {
  const changes: RecordChange[] = [];
  const done = new AbortController();
  const watching = recordTypes.map(async (type) => {
    for await (const change of vault.records(type).watch({ signal: done.signal })) changes.push(change);
  });
  const result = await syncVault(shell, vault, signal).finally(() => done.abort());
  await Promise.all(watching);
  for (const { type, id, record } of changes) {
    const what = record === undefined ? 'deleted' : `version ${record.version}`;
    shell.print(line`${type} ${id}: ${what}`, { type, id, version: record?.version, deleted: record === undefined });
  }
  if (isFirst && !shell.json) shell.note(describeSync(result));
}

export interface EndFlags {
  readonly vault?: string;
  readonly yes?: boolean;
}

export async function prune(shell: Shell, { vault: wanted, yes }: EndFlags): Promise<void> {
  await withVault(shell, wanted, async (vault) => {
    const { vault: id } = vault.scope;
    if (yes !== true) {
      const question =
        'This deletes all versions but the newest one of each record from the service, for good. Type yes to continue:';
      await confirmInTerminal(shell, question, 'yes');
    }
    await syncVault(shell, vault);
    const { checkpoint, isWaiting } = await vault.prune({ confirmed: true });
    const done =
      checkpoint === undefined
        ? 'Nothing was deleted yet.'
        : `The log of the vault ${id} was pruned up to entry ${checkpoint}.`;
    const waiting = 'Sync another device, which checks what stays; the rest follows by itself.';
    shell.print(isWaiting ? `${done} ${waiting}` : done, { vault: id, checkpoint, waiting: isWaiting });
  });
}

export async function close(shell: Shell, { vault: wanted, yes }: EndFlags): Promise<void> {
  requireNamedVault(wanted, yes);
  await withVault(shell, wanted, async (vault) => {
    const { vault: id } = vault.scope;
    if (yes !== true) {
      const question = `This ends the vault for all devices, for good: nothing can be written any more. Type its id, ${id}, to continue:`;
      await confirmInTerminal(shell, question, id);
    }
    await syncVault(shell, vault);
    await vault.closeVault({ confirm: id });
    shell.print(
      `Closed the vault ${id}. Its devices can still read their copies. \`anima device delete ${id}\` deletes it from the service.`,
      { vault: id, closed: true },
    );
  });
}

export async function deleteVault(shell: Shell, wanted: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  const id = checkVaultId(wanted);
  const { vaults } = await deviceContext(shell);
  if (yes !== true) {
    const question = `This deletes the vault from the service for all devices, for good. Type its id, ${id}, to continue:`;
    await confirmInTerminal(shell, question, id);
  }
  const answer = await vaults.delete(id, { confirm: id });
  shell.print(describeDeletion(answer), answer);
}

function describeDeletion({ vault, deleted, deletableAt }: DeletedVault): string {
  if (deleted) return line`Deleted the vault ${vault} from the service. Devices keep their copies.`;
  if (deletableAt === undefined)
    return line`Parts of the vault ${vault} are left. Run the same command again to continue.`;
  return [
    line`The vault ${vault} is not closed, so nothing was deleted yet. From ${deletableAt} on, the same command deletes it.`,
    'Until then, `anima device keep` on an admin device cancels this. To delete it at once, run `anima device close` first.',
  ].join('\n');
}

export async function keep(shell: Shell, { vault: wanted }: { readonly vault?: string }): Promise<void> {
  await withVault(shell, wanted, async (vault) => {
    await vault.keep();
    const { vault: id } = vault.scope;
    shell.print(`The vault ${id} is not deleted.`, { vault: id, kept: true });
  });
}

/** A script that ends a vault names it. */
function requireNamedVault(wanted: string | undefined, yes: boolean | undefined): void {
  if (yes === true && wanted === undefined)
    throw usageError('--yes requires --vault with the id of the vault; nothing was done');
}
