/** `anima records`: reads and writes the records of a device vault. */
import {
  AnimaError,
  type DeviceRecord,
  type DeviceRecords,
  type DeviceVault,
  type RecordConflict,
  type RecordData,
  type RecordType,
} from '../../sdk/src/device/index.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../shell/command-error.ts';
import { parseWhole } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { formatTable, formatTableWithHead, formatTime } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { withVault } from './open-device-vault.ts';
import {
  type ContentFlags,
  checkType,
  deviceNames,
  noRecord,
  readContent,
  recordTypes,
  stateOf,
  summarize,
} from './record-content.ts';

export interface VaultFlag {
  readonly vault?: string;
}

export async function put(
  shell: Shell,
  typeText: string,
  id: string | undefined,
  { vault: wanted, ...content }: VaultFlag & ContentFlags,
): Promise<void> {
  const type = checkType(typeText);
  const data = await readContent(shell, content);
  await withVault(shell, wanted, async (vault) => {
    await store(shell, vault, type, async (records) => await records.put(data, { id }));
  });
}

/** Writes a record, and says where it is now. @throws CommandError conflict if it waits for a decision */
async function store(
  shell: Shell,
  vault: DeviceVault,
  type: RecordType,
  write: (records: DeviceRecords) => Promise<DeviceRecord>,
): Promise<void> {
  const records = vault.records(type);
  const record = await write(records).catch((error: unknown) => {
    if (!(error instanceof AnimaError && error.code === 'device_refused')) throw error;
    const { exit, next = '' } = toFailure(error);
    throw new CommandError('Stored on this device only: this device is not a member of the vault any more', {
      exit,
      next,
    });
  });
  const { id, version, state } = record;
  if ((await records.conflicts()).some((conflict) => conflict.id === id)) {
    throw new CommandError(
      line`Another device changed ${type} ${id} at the same time; your change waits on this device`,
      {
        exit: exitCodes.conflict,
        next: 'A person must decide: `anima records conflicts` shows both sides, `anima records resolve` keeps one.',
      },
    );
  }
  const { data: _content, ...info } = record;
  shell.print(line`Stored ${type} ${id}, version ${version}.`, info);
  if (state === 'local')
    shell.note('Only this device has it: the vault could not be reached. `anima device sync` sends it later.');
}

export async function get(shell: Shell, typeText: string, id: string, { vault: wanted }: VaultFlag): Promise<void> {
  const type = checkType(typeText);
  await withVault(shell, wanted, async (vault) => {
    const record = await vault.records(type).get(id);
    if (record === undefined) throw noRecord();
    if (record.isImported)
      shell.note(
        type === 'provider'
          ? 'This record was imported. If the endpoint is right: `anima records confirm provider ID`.'
          : 'This record was imported: nobody verified who wrote it.',
      );
    if (shell.json) shell.print('', record);
    else shell.printContent(`${JSON.stringify(record.data, undefined, 2)}\n`);
  });
}

export async function list(shell: Shell, typeText: string, { vault: wanted }: VaultFlag): Promise<void> {
  const type = checkType(typeText);
  await withVault(shell, wanted, async (vault) => {
    await printRecords(shell, vault, type, await vault.records(type).list());
  });
}

export async function search(
  shell: Shell,
  typeText: string,
  words: readonly string[],
  { vault: wanted, limit }: VaultFlag & { readonly limit?: string },
): Promise<void> {
  const type = checkType(typeText);
  const most = limit === undefined ? undefined : parseWhole('--limit', limit, 1);
  await withVault(shell, wanted, async (vault) => {
    await printRecords(shell, vault, type, await vault.records(type).search(words.join(' '), { limit: most }));
  });
}

async function printRecords(
  shell: Shell,
  vault: DeviceVault,
  type: RecordType,
  records: readonly DeviceRecord[],
): Promise<void> {
  if (records.length === 0) shell.note('No records. `anima device sync` reads what other devices wrote.');
  const nameOf = deviceNames(await vault.devices());
  const rows = records.map((record) => [
    record.id,
    String(record.version),
    nameOf(record.device),
    summarize(type, record.data),
    stateOf(record),
  ]);
  if (!shell.isTerminal || rows.length === 0) return shell.print(formatTable(rows), records);
  shell.print(formatTableWithHead([['ID', 'VERSION', 'WRITTEN BY', 'CONTENT', ''], ...rows]), records);
}

export async function remove(
  shell: Shell,
  typeText: string,
  id: string,
  { vault: wanted, yes }: VaultFlag & { readonly yes?: boolean },
): Promise<void> {
  const type = checkType(typeText);
  await withVault(shell, wanted, async (vault) => {
    const records = vault.records(type);
    if (yes !== true && shell.stdin.isTTY)
      await shell.confirm(
        'This deletes the record on all devices; `restore` can undo it. Type yes to continue:',
        'yes',
      );
    if (!(await records.delete(id))) throw noRecord();
    shell.print(line`Deleted ${type} ${id}.`, { type, id, deleted: true });
  });
}

export async function history(shell: Shell, typeText: string, id: string, { vault: wanted }: VaultFlag): Promise<void> {
  const type = checkType(typeText);
  await withVault(shell, wanted, async (vault) => {
    const versions = await vault.records(type).history(id);
    if (versions.length === 0) throw noRecord();
    const nameOf = deviceNames(await vault.devices());
    const rows = versions.map(({ version, time, device, data, isDeleted }) => [
      String(version),
      time === undefined ? '(pruned)' : formatTime(time),
      device === '' ? '(not known)' : nameOf(device),
      isDeleted ? '(deleted)' : data === undefined ? '(does not open)' : summarize(type, data),
    ]);
    if (!shell.isTerminal) return shell.print(formatTable(rows), versions);
    shell.print(formatTableWithHead([['VERSION', 'TIME (UTC)', 'WRITTEN BY', 'CONTENT'], ...rows]), versions);
  });
}

export async function restore(
  shell: Shell,
  typeText: string,
  id: string,
  version: string,
  { vault: wanted }: VaultFlag,
): Promise<void> {
  const type = checkType(typeText);
  const number = parseWhole('The version', version, 1);
  await withVault(shell, wanted, async (vault) => {
    await store(shell, vault, type, async (records) => await records.restore(id, number));
  });
}

export async function confirm(shell: Shell, typeText: string, id: string, { vault: wanted }: VaultFlag): Promise<void> {
  const type = checkType(typeText);
  await withVault(shell, wanted, async (vault) => {
    const record = await vault.records(type).get(id);
    if (record === undefined) throw noRecord();
    if (!shell.stdin.isTTY) {
      throw usageError(
        'A person must look at the content, and there is no terminal; nothing was changed',
        'Run this command in a terminal.',
      );
    }
    shell.error(JSON.stringify(record.data, undefined, 2));
    await shell.confirm('An agent may use this from now on. Type yes if the content is right:', 'yes');
    await store(shell, vault, type, async () => await vault.confirmImported(type, id));
  });
}

export async function conflicts(
  shell: Shell,
  typeText: string | undefined,
  { vault: wanted }: VaultFlag,
): Promise<void> {
  const types = typeText === undefined ? recordTypes : [checkType(typeText)];
  await withVault(shell, wanted, async (vault) => {
    const found: RecordConflict[] = [];
    for (const type of types) found.push(...(await vault.records(type).conflicts()));
    if (shell.json) return shell.print('', found);
    if (found.length === 0) return shell.note('No conflicts.');
    for (const { type, id, theirs, mine } of found)
      shell.printContent(`${type} ${id}\n  mine:   ${sideOf(mine)}\n  theirs: ${sideOf(theirs)}\n`);
    shell.note(
      'mine is the version of this device, theirs the one in the vault. Keep one with `anima records resolve TYPE ID --keep mine` (or theirs), or write another with --file.',
    );
  });
}

const sideOf = (data: RecordData | undefined): string => (data === undefined ? '(deleted)' : JSON.stringify(data));

export interface ResolveFlags extends VaultFlag, ContentFlags {
  readonly keep?: string;
}

export async function resolve(
  shell: Shell,
  typeText: string,
  id: string,
  { vault: wanted, keep, ...content }: ResolveFlags,
): Promise<void> {
  const type = checkType(typeText);
  if (keep !== undefined && keep !== 'mine' && keep !== 'theirs')
    throw usageError('--keep must be mine or theirs; nothing was decided');
  if (keep === undefined && content.file === undefined && shell.stdin.isTTY) {
    throw usageError(
      'It is not said which side is kept; nothing was decided',
      'Use --keep mine or --keep theirs, or give merged content with --file or a pipe.',
    );
  }
  const decision = keep ?? { data: await readContent(shell, content) };
  await withVault(shell, wanted, async (vault) => {
    const records = vault.records(type);
    await records.resolve(id, decision);
    const kept = await records.get(id);
    shell.print(line`Decided ${type} ${id}: ${kept === undefined ? 'deleted' : `version ${kept.version}`}.`, {
      type,
      id,
      version: kept?.version,
      state: kept?.state,
      deleted: kept === undefined,
    });
  });
}
