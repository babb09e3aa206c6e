import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { indexFragments } from '../../viewer/src/preview/fragmented-mp4.ts';
import { boxesAt } from '../../viewer/src/preview/iso-media-boxes.ts';

const media = (name: string) => new Uint8Array(readFileSync(join(import.meta.dirname, 'media', name)));

/** Sizes and positions in the index of each track, and the bytes of the samples at these positions. */
async function samplesOf(file: Blob) {
  const view = new DataView(await file.arrayBuffer());
  return [...boxesAt(view, 0, 'moov', 'trak', 'mdia', 'minf', 'stbl')].map(({ start, end }) => {
    const table = new DataView(view.buffer.slice(start, end));
    const [sizes, positions] = ['stsz', 'co64'].map((type) => boxesAt(table, 0, type).next().value?.start ?? 0);
    const count = table.getUint32((sizes ?? 0) + 8);
    return Array.from({ length: count }, (_, at) => {
      const position = Number(table.getBigUint64((positions ?? 0) + 8 + 8 * at));
      return Buffer.from(view.buffer, position, table.getUint32((sizes ?? 0) + 12 + 4 * at)).toString('hex');
    });
  });
}

test.for([
  ['fragments.mp4', [30]],
  ['fragments-behind-samples.mp4', [30, 48]],
  ['fragments-without-offsets.mp4', [30, 48]],
] as const)('%s gets an index of all its samples', async ([name, counts]) => {
  const indexed = await indexFragments(new Blob([media(name)]));
  const samples = await samplesOf(indexed ?? new Blob());
  expect(samples.map(({ length }) => length)).toEqual(counts);
  // Each H.264 sample begins with the length of its first unit.
  for (const sample of samples[0] ?? [])
    expect(Number.parseInt(sample.slice(0, 8), 16) * 2).toBeLessThan(sample.length);
});

test('files with the same samples in different fragments get the same samples', async () => {
  const [one, other] = await Promise.all(
    ['fragments-behind-samples.mp4', 'fragments-without-offsets.mp4'].map(async (name) =>
      samplesOf((await indexFragments(new Blob([media(name)]))) ?? new Blob()),
    ),
  );
  expect(one).toEqual(other);
});

test('files that are not fragmented, cut or damaged are left as they are, or get an index of what is there', async () => {
  expect(await indexFragments(new Blob([media('video.mp4')]))).toBeUndefined();
  expect(await indexFragments(new Blob([media('sequence.avif')]))).toBeUndefined();
  expect(await indexFragments(new Blob(['no boxes at all']))).toBeUndefined();
  const whole = media('fragments.mp4');
  for (let length = 0; length < whole.length; length += 97) await indexFragments(new Blob([whole.subarray(0, length)]));
  for (let at = 0; at < whole.length; at += 13) {
    const damaged = whole.slice();
    damaged.fill(255, at, at + 4);
    await indexFragments(new Blob([damaged]));
  }
});
