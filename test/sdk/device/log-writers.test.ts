/** Two writers of one log whose lock failed: at most one goes on, and what it was told to be stored is there. */
import { appendFileSync, copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { rejectionOf } from '../fake-fetch.ts';
import { batch, contents, VaultFolder } from './folder-fixtures.ts';

const inUse = { code: 'vault_in_use' };
let vault: VaultFolder;
beforeEach(() => {
  vault = new VaultFolder();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await vault.delete();
});

/** Two that have the same log open. */
async function twoWriters() {
  const first = await vault.open();
  await first.write(batch({ key: 'old', both: 'old' }));
  return { first, second: await vault.openTwice() };
}

/** What all open files have in common. */
async function prototypeOfFiles() {
  const probe = await files.open(vault.file);
  await probe.close();
  return Object.getPrototypeOf(probe);
}

/** Makes most of the log outdated, so that it is written anew with the next batch. */
const outdated = (text: string) => batch({ large: text.repeat(700_000) });

test.each(['first', 'second'] as const)(
  'of two interleaved writers, the %s one goes on and the other ends',
  async (who) => {
    const two = await twoWriters();
    const [winner, loser] = who === 'first' ? [two.first, two.second] : [two.second, two.first];
    await winner.write(batch({ key: 'winner', won: '1' }));
    expect(await rejectionOf(loser.write(batch({ key: 'loser', lost: '1' })))).toMatchObject(inUse);
    await winner.write(batch({ both: 'winner' }));
    const size = statSync(vault.file).size;
    expect(await rejectionOf(loser.write(batch({ lost: '2' })))).toMatchObject(inUse);
    expect(statSync(vault.file).size).toBe(size);
    const expected = { both: 'winner', key: 'winner', won: '1' };
    expect(await contents(winner)).toEqual(expected);
    expect(await vault.stored()).toEqual(expected);
  },
);

test('of two that write at the same time, at most one is told that its batch was stored, and one batch counts', async () => {
  for (let round = 0; round < 40; round++) {
    const { first, second } = await twoWriters();
    const outcomes = await Promise.allSettled([
      first.write(batch({ key: 'first' })),
      second.write(batch({ key: 'second' })),
    ]);
    const told = ['first', 'second'].filter((_, at) => outcomes[at]?.status === 'fulfilled');
    const { key } = await vault.stored();
    expect(told.length).toBeLessThanOrEqual(1);
    expect(told.length === 1 ? told : ['first', 'second']).toContain(key);
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject(inUse);
    await vault.delete();
    vault = new VaultFolder();
  }
});

test('a record that another writer appended behind does not count, and what follows does', async () => {
  const { first, second } = await twoWriters();
  const before = readFileSync(vault.file);
  await second.write(batch({ key: 'second' }));
  const late = readFileSync(vault.file).subarray(before.length);
  writeFileSync(vault.file, before);
  await first.write(batch({ key: 'first' }));
  appendFileSync(vault.file, late);
  expect(await rejectionOf(first.write(batch({ key: 'not known' })))).toMatchObject(inUse);
  const next = await vault.openTwice();
  expect(await contents(next)).toEqual({ both: 'old', key: 'first' });
  await next.write(batch({ key: 'next' }));
  expect(await vault.stored()).toEqual({ both: 'old', key: 'next' });
});

test('who meets the record of another writer behind its own is not told that it was stored', async () => {
  const { first } = await twoWriters();
  const late = readFileSync(vault.file);
  const prototype = await prototypeOfFiles();
  vi.spyOn(prototype, 'sync').mockImplementationOnce(async () => appendFileSync(vault.file, late));
  expect(await rejectionOf(first.write(batch({ key: 'first' })))).toMatchObject(inUse);
  // After a failure, too: what another one wrote is not cut off.
  vi.restoreAllMocks();
  const next = await vault.openTwice();
  vi.spyOn(prototype, 'sync').mockImplementationOnce(async () => {
    appendFileSync(vault.file, late);
    throw new Error('ENOSPC');
  });
  const { size } = statSync(vault.file);
  expect(await rejectionOf(next.write(batch({ key: 'next' })))).toMatchObject(inUse);
  expect(statSync(vault.file).size).toBeGreaterThan(size + late.length);
});

/** Appends something when the log is about to be written anew. */
function appendBeforeRewriting(bytes: Buffer): void {
  const open = files.open.bind(files);
  vi.spyOn(files, 'open').mockImplementation(async (path, flags, mode) => {
    if (flags === 'ax+') appendFileSync(vault.file, bytes);
    return await open(path, flags, mode);
  });
}

/** A record that was appended to the log with a batch of this text, and the log before it. */
async function appended(text: string) {
  const { first } = await twoWriters();
  const before = readFileSync(vault.file);
  await first.write(batch({ key: text }));
  await first.close();
  const record = readFileSync(vault.file).subarray(before.length);
  writeFileSync(vault.file, before);
  return { before, record };
}

test('an end that another writer is writing is not cut off, and counts when it is whole', async () => {
  const { record } = await appended('late'.repeat(20));
  appendFileSync(vault.file, record.subarray(0, 40));
  appendBeforeRewriting(record.subarray(40));
  // The other one is told that its batch was stored: the file had the size that it expected.
  expect(await rejectionOf(vault.openTwice())).toMatchObject(inUse);
  vi.restoreAllMocks();
  expect(await vault.stored()).toEqual({ key: 'late'.repeat(20), both: 'old' });
});

test.each([10, 30, 60])(
  'a record of which %i bytes were written does not count, whatever is behind it',
  async (bytes) => {
    const { before, record } = await appended('torn'.repeat(20));
    const other = await vault.openTwice();
    appendFileSync(vault.file, record.subarray(0, bytes));
    // One that read the log before appends, and is told that it has lost.
    const bypass = readFileSync(vault.file);
    writeFileSync(vault.file, before);
    await other.write(batch({ key: 'loser', more: 'x'.repeat(300) }));
    const lost = readFileSync(vault.file).subarray(before.length);
    writeFileSync(vault.file, Buffer.concat([bypass, lost]));
    expect(await vault.stored()).toEqual({ key: 'old', both: 'old' });
    const next = await vault.openTwice();
    await next.write(batch({ key: 'next' }));
    expect(await vault.stored()).toEqual({ key: 'next', both: 'old' });
  },
);

test('a record whose first block was not written does not count', async () => {
  const { record } = await appended('torn'.repeat(2_000));
  appendFileSync(vault.file, Buffer.concat([Buffer.alloc(4_096), record.subarray(4_096)]));
  expect(await vault.stored()).toEqual({ key: 'old', both: 'old' });
});

test('a full disk while the log is written anew fails no batch', async () => {
  const { first } = await twoWriters();
  const open = files.open.bind(files);
  vi.spyOn(files, 'open').mockImplementation(async (path, flags, mode) => {
    if (flags === 'ax+') throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    return await open(path, flags, mode);
  });
  for (const text of 'abcd') await first.write(outdated(text));
  vi.restoreAllMocks();
  await first.write(batch({ key: 'first' }));
  expect(await vault.stored()).toMatchObject({ both: 'old', key: 'first' });
});

test('a log that was written anew, replaced or deleted ends the writer that has the old one open', async () => {
  const { first, second } = await twoWriters();
  for (const text of 'abcd') await first.write(outdated(text));
  expect(statSync(vault.file).size).toBeLessThan(1_000_000);
  expect(await rejectionOf(second.write(batch({ key: 'second' })))).toMatchObject(inUse);
  await first.write(batch({ key: 'first' }));
  expect(await vault.stored()).toMatchObject({ both: 'old', key: 'first' });
  copyFileSync(vault.file, `${vault.file}.copy`);
  await files.rename(`${vault.file}.copy`, vault.file);
  expect(await rejectionOf(first.write(batch({ key: 'again' })))).toMatchObject(inUse);
  const last = await vault.openTwice();
  await files.rm(vault.file);
  expect(await rejectionOf(last.write(batch({ key: 'last' })))).toMatchObject(inUse);
});

test('another file of the same size is not taken for the log that was open', async () => {
  const { first } = await twoWriters();
  const before = statSync(vault.file).size;
  await first.write(batch({ key: 'first' }));
  const { size } = statSync(vault.file);
  copyFileSync(vault.file, `${vault.file}.copy`);
  await files.rename(`${vault.file}.copy`, vault.file);
  // The other file grows as much as this one.
  vi.spyOn(await prototypeOfFiles(), 'sync').mockImplementationOnce(async () =>
    appendFileSync(vault.file, new Uint8Array(size - before)),
  );
  expect(await rejectionOf(first.write(batch({ key: 'again' })))).toMatchObject(inUse);
});

/** Runs something just before the log is replaced. */
function beforeRename(work: () => Promise<unknown>): void {
  const rename = files.rename.bind(files);
  vi.spyOn(files, 'rename').mockImplementationOnce(async (from, to) => {
    await work();
    await rename(from, to);
  });
}

test('while the log is written anew, nobody else who has it open writes to the old file', async () => {
  const { first } = await twoWriters();
  let [late, second]: [unknown, Awaited<ReturnType<VaultFolder['open']>> | undefined] = [undefined, undefined];
  const open = files.open.bind(files);
  vi.spyOn(files, 'open').mockImplementation(async (path, flags, mode) => {
    // It reads everything before the other file is made.
    if (flags === 'ax+') second = await vault.openTwice();
    return await open(path, flags, mode);
  });
  beforeRename(async () => {
    late = await second?.write(batch({ key: 'second' })).catch((error: unknown) => error);
  });
  for (const text of 'abcd') await first.write(outdated(text));
  expect(late).toMatchObject(inUse);
  await first.write(batch({ key: 'first' }));
  expect(await vault.stored()).toMatchObject({ key: 'first' });
});

test('who opens the log while it is written anew ends that, and goes on', async () => {
  const { first } = await twoWriters();
  let next: Awaited<ReturnType<VaultFolder['open']>> | undefined;
  beforeRename(async () => {
    next = await vault.openTwice();
  });
  const outcomes: unknown[] = [];
  for (const text of 'abcd') outcomes.push(await first.write(outdated(text)).catch((error: unknown) => error));
  expect(outcomes).toContainEqual(expect.objectContaining(inUse));
  await next?.write(batch({ key: 'next' }));
  expect(await vault.stored()).toMatchObject({ key: 'next' });
  expect(readdirSync(vault.folder).filter((name) => name.endsWith('.new'))).toEqual([]);
});
