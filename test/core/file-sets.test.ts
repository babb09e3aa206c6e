import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBlobDescription } from '../../core/blobs/blob-format.ts';
import { newFragmentKey } from '../../core/blobs/blob-key-derivation.ts';
import { BlobSealer, openBlob } from '../../core/blobs/blob-stream.ts';
import { collectBytes, collectGroups, eachPiece } from '../../core/blobs/byte-source.ts';
import { encodeFileIndex, type FileSetEntry, FileSetReader, parseFileIndex } from '../../core/blobs/file-set.ts';
import { concatBytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../../core/encoding/bytes.ts';

const file = (size: number, name = 'a', previewOf?: number): FileSetEntry => ({ type: '', name, size, previewOf });
const blob = { org: '0123456789abcdef', id: '01m7xpe6000123456789abcdef' };
const key = newFragmentKey();
const described = (index: number, size: number | undefined) => ({ type: '', name: 'Set', size, indexLength: index });

describe('an index of files', () => {
  test('is read as it was written, for any files', () => {
    const entry = fc.record({
      type: fc.string(),
      name: fc.string({ unit: 'grapheme' }),
      size: fc.nat(),
      previewOf: fc.constant(undefined),
    });
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (files) => {
        const entries = [{ ...file(5, 'p'), previewOf: 1 }, ...files];
        const index = encodeFileIndex(entries);
        const total = entries.reduce((sum, { size }) => sum + size, index.length);
        expect(parseFileIndex(index, total)).toEqual(entries);
        expect(() => parseFileIndex(index, total + 1)).toThrow();
        expect(() => parseFileIndex(index.subarray(0, -1), total)).toThrow();
      }),
    );
  });

  test.for<[string, FileSetEntry[]]>([
    ['no file', []],
    ['a preview alone', [file(1, 'p', 0)]],
    ['a preview of a preview', [file(1, 'p', 1), file(1, 'q', 2), file(1)]],
    ['two previews of one file', [file(1, 'p', 2), file(1, 'q', 2), file(1)]],
    ['a preview of no entry', [file(1, 'p', 2), file(1)]],
    ['too many files', Array.from({ length: 1001 }, () => file(0))],
    ['too long names', Array.from({ length: 1000 }, () => file(0, 'x'.repeat(1100)))],
    ['a lone surrogate', [file(0, '\ud800')]],
  ])('is not written: %s', ([, entries]) => {
    expect(() => encodeFileIndex(entries)).toThrow(RangeError);
  });

  const raw = (...fields: (string | Uint8Array)[]) => encodeFieldBytes(...fields);
  test.for<[string, Uint8Array, number]>([
    ['no file', new Uint8Array(0), 0],
    ['three fields', raw('', 'a', u64Bytes(1)), 1],
    ['a size of 4 bytes', raw('', 'a', u32Bytes(1), ''), 1],
    ['a size above 2^53−1', raw('', 'a', new Uint8Array(8).fill(255), ''), 1],
    ['a role of 8 bytes', raw('', 'a', u64Bytes(1), u64Bytes(0)), 1],
    ['a preview of itself', raw('', 'a', u64Bytes(1), u32Bytes(0)), 1],
    ['a name that is not UTF-8', raw('', Uint8Array.of(255), u64Bytes(1), ''), 1],
    ['sizes that exceed the content', raw('', 'a', u64Bytes(2), ''), 1],
  ])('is not read: %s', ([, index, size]) => {
    expect(() => parseFileIndex(index, index.length + size)).toThrow('decrypt');
  });
});

describe('a set in a blob', () => {
  const contents = [new Uint8Array(70_000).fill(1), new Uint8Array(0), new Uint8Array(3).fill(3)];
  const entries = contents.map(({ length }, at) => file(length, `${at}`));
  const index = encodeFileIndex(entries);
  const size = contents.reduce((sum, { length }) => sum + length, index.length);
  const seal = async (
    description = described(index.length, size),
    parts: Uint8Array<ArrayBuffer>[] = [index, ...contents],
  ) => await collectGroups((await BlobSealer.create(key, blob, description, 16)).seal(parts));

  test('has an index that its description states, and files one after the other', async () => {
    const { description, content } = await openBlob(key, blob, [await seal()]);
    expect(description).toEqual(described(index.length, size));
    const reader = new FileSetReader(eachPiece(content));
    const read: Uint8Array[] = [];
    const found = await reader.readIndex(index.length, size);
    for (const entry of found) read.push(await collectBytes(reader.read(entry.size)));
    await reader.end();
    expect([found, read]).toEqual([entries, contents]);
  });

  test('a file whose description has three fields is no set', async () => {
    const { description } = await openBlob(key, blob, [
      await seal({ ...described(0, size), indexLength: undefined } as never),
    ]);
    expect(description).not.toHaveProperty('indexLength');
  });

  test('that ends early, or goes on, is refused', async () => {
    const cut = new FileSetReader(eachPiece((await openBlob(key, blob, [(await seal()).subarray(0, -1)])).content));
    await cut.readIndex(index.length, size);
    await expect(collectBytes(cut.read(70_000))).rejects.toThrow('decrypt');
    const long = new FileSetReader(
      (async function* () {
        yield concatBytes(index, ...contents, Uint8Array.of(9));
      })(),
    );
    for (const { size: length } of await long.readIndex(index.length, size)) await collectBytes(long.read(length));
    await expect(long.end()).rejects.toThrow('decrypt');
  });

  test('without a size, or with an index that is longer than its content, is neither written nor read', async () => {
    await expect(seal(described(index.length, undefined))).rejects.toThrow(RangeError);
    await expect(seal(described(size + 1, size))).rejects.toThrow(RangeError);
    const block = new Uint8Array(1024);
    for (const [length, index] of [
      [u64Bytes(5), u64Bytes(6)],
      [new Uint8Array(0), u64Bytes(1)],
      [u64Bytes(2 ** 30), u64Bytes(2 ** 20 + 1)],
      [u64Bytes(5), u32Bytes(1)],
    ] as const) {
      const fields = encodeFieldBytes('', '', length, index);
      block.fill(0).set(concatBytes(u32Bytes(fields.length), fields));
      expect(() => parseBlobDescription(block)).toThrow('decrypt');
    }
  });
});
