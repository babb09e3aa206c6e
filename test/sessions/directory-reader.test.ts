/** What a function keeps of the directories that it serves. */
import { expect, test } from 'vitest';
import { initialDirectory } from '../../core/directory/directory-state.ts';
import { DirectoryReader } from '../../lambdas/directory/directory-reader.ts';
import type { DirectoryView } from '../../lambdas/directory/directory-view.ts';

const orgOf = (number: number): string => `org${String(number).padStart(13, '0')}`;

/** A reader over tables without entries: it knows only what it keeps. */
function newReader(): { keep(number: number, devices: number): void; kept(count: number): Promise<number[]> } {
  const store = { read: async () => ({ orgKeyring: undefined, snapshot: undefined, hasNext: false }) };
  const reader = new DirectoryReader(store as never, {} as never, {} as never);
  return {
    keep: (number, devices) => {
      const state = {
        ...initialDirectory(orgOf(number)),
        devices: { size: devices } as DirectoryView['state']['devices'],
      };
      reader.keep({ state, snapshotSeq: 0, checkpoints: [] });
    },
    kept: async (count) => {
      const all = Array.from({ length: count }, (_, number) => number);
      const views = await Promise.all(all.map(async (number) => (await reader.read(orgOf(number))).view));
      return all.filter((number) => views[number] !== undefined);
    },
  };
}

test('it keeps the 16 directories that changed last', async () => {
  const reader = newReader();
  for (let number = 0; number < 20; number++) reader.keep(number, 10);
  expect(await reader.kept(20)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

test('it keeps 100,000 devices at most, and always the last directory', async () => {
  const reader = newReader();
  for (const [number, devices] of [20_000, 40_000, 20_000, 20_000].entries()) reader.keep(number, devices);
  expect(await reader.kept(4)).toEqual([0, 1, 2, 3]);
  reader.keep(4, 20_000);
  expect(await reader.kept(5)).toEqual([1, 2, 3, 4]);
  reader.keep(5, 200_000);
  expect(await reader.kept(6)).toEqual([5]);
});
