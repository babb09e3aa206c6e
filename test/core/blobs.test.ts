import { createCipheriv, hkdfSync, randomBytes, randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BlobDescription,
  type BlobId,
  blobHeaderLength,
  chooseChunkLog2,
  computeBlobLayout,
  descriptionBlockLength,
  encodeBlobDescription,
  encodeBlobHeader,
  encodeBlobPreamble,
  parseBlobDescription,
  parseBlobHeader,
  sealedLength,
} from '../../core/blobs/blob-format.ts';
import { newFragmentKey } from '../../core/blobs/blob-key-derivation.ts';
import { BlobRangeReader } from '../../core/blobs/blob-range-reader.ts';
import { BlobSealer, openBlob } from '../../core/blobs/blob-stream.ts';
import { type ByteSource, collectGroups, eachPiece } from '../../core/blobs/byte-source.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { concatBytes, encodeFieldBytes } from '../../core/encoding/bytes.ts';
import { chunkTagLength, createChunkCipher, createWebCryptoChunkCipher } from '../../core/hazmat/chunk-cipher.ts';

const key = newFragmentKey();
const blob: BlobId = { org: '0123456789abcdef', id: '01m7xpe6000123456789abcdef' };
const chunk = 2 ** 16;
const sealedChunk = chunk + chunkTagLength;

const described = (size: number | undefined): BlobDescription => ({ type: 'image/png', name: 'a.png', size });

/** Cuts bytes into pieces of random lengths, some of them empty. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = randomInt(0, 30_000);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** The same bytes from each kind of source. */
const sources: ((bytes: Uint8Array) => ByteSource)[] = [
  pieces,
  (bytes) => [...pieces(bytes)],
  async function* (bytes) {
    yield* pieces(bytes);
  },
];
const anySource = (bytes: Uint8Array): ByteSource => (sources[randomInt(sources.length)] ?? pieces)(bytes);

async function sealed(content: Uint8Array, announced = true): Promise<Uint8Array> {
  const sealer = await BlobSealer.create(key, blob, described(announced ? content.length : undefined), 16);
  return collectGroups(sealer.seal(anySource(content)));
}

/** The output of a read until it ends or fails. @param length the blob length that the reader is given */
async function read(bytes: Uint8Array, under = key, as = blob, length?: number) {
  const given: Uint8Array[] = [];
  try {
    const { content } = await openBlob(under, as, anySource(bytes), length);
    for await (const piece of eachPiece(content)) given.push(piece);
    return { given: concatBytes(...given), error: undefined };
  } catch (error) {
    return { given: concatBytes(...given), error };
  }
}

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice();
  const at = bit >>> 3;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

/** Asserts that the read ends with an error, and that every byte before it is the correct byte of the content. */
async function refused(bytes: Uint8Array, content: Uint8Array, under = key, as = blob): Promise<void> {
  for (const length of [undefined, bytes.length, sealedLength(content.length, 16)]) {
    const { given, error } = await read(bytes, under, as, length);
    expect(error).toBeInstanceOf(DecryptionError);
    expect(Buffer.from(content).subarray(0, given.length).equals(given)).toBe(true);
  }
}

describe('blobs', () => {
  test('every content comes back as it was, with its description, whatever pieces it travels in', async () => {
    const edges = [
      0,
      1,
      chunk - descriptionBlockLength - 1,
      chunk - descriptionBlockLength,
      chunk - descriptionBlockLength + 1,
    ];
    for (const length of [...edges, 2 * chunk - descriptionBlockLength, 3 * chunk]) {
      const content = randomBytes(length);
      for (const announced of [true, false]) {
        const bytes = await sealed(content, announced);
        expect(bytes.length).toBe(sealedLength(length, 16));
        expect(computeBlobLayout(bytes.length, 16).contentLength).toBe(length);
        const forms = sources.flatMap((source) => [undefined, bytes.length].map((told) => ({ source, told })));
        for (const { source, told } of forms) {
          const opened = await openBlob(key, blob, source(bytes), told);
          expect(opened.description).toEqual(described(announced ? length : undefined));
          expect(Buffer.from(await collectGroups(opened.content)).equals(content)).toBe(true);
        }
      }
    }
  });

  test('a megabyte chunk and the small one are told by the header', async () => {
    expect([chooseChunkLog2(2 ** 20), chooseChunkLog2(2 ** 20 + 1), chooseChunkLog2(undefined)]).toEqual([16, 20, 20]);
    const content = randomBytes(2 ** 20 + 5);
    const sealer = await BlobSealer.create(key, blob, described(content.length));
    const bytes = await collectGroups(sealer.seal([content]));
    expect(parseBlobHeader(bytes.subarray(0, 64)).chunkLog2).toBe(20);
    expect(Buffer.from((await read(bytes)).given).equals(content)).toBe(true);
  });

  test('content that is not as long as was said is refused', async () => {
    for (const length of [9, 11])
      for (const source of sources) {
        const sealer = await BlobSealer.create(key, blob, described(10), 16);
        await expect(collectGroups(sealer.seal(source(new Uint8Array(length))))).rejects.toThrow(RangeError);
      }
  });

  test('content with a piece that is no Uint8Array is refused', async () => {
    for (const piece of ['0123456789', undefined, [1, 2]]) {
      const content = [new Uint8Array(4), piece, new Uint8Array(6)] as Uint8Array[];
      for (const source of [content, content.values()]) {
        const sealer = await BlobSealer.create(key, blob, described(10), 16);
        await expect(collectGroups(sealer.seal(source))).rejects.toThrow(TypeError);
      }
    }
  });

  test('an array is sealed and opened chunk by chunk, without waiting for each piece', async () => {
    const content = randomBytes(3 * chunk);
    const sealer = await BlobSealer.create(key, blob, described(content.length), 16);
    const groups: Uint8Array[][] = [];
    for await (const group of sealer.seal([...pieces(content)])) groups.push(group);
    const lengths = (of: Uint8Array[][]) => of.map((group) => concatBytes(...group).length);
    const rest = descriptionBlockLength + chunkTagLength;
    expect(lengths(groups)).toEqual([blobHeaderLength + sealedChunk, sealedChunk, sealedChunk, rest]);
    const bytes = concatBytes(...groups.flat());
    const opened: Uint8Array[][] = [];
    const { content: found } = await openBlob(key, blob, [...pieces(bytes)], bytes.length);
    for await (const group of found) opened.push(group);
    expect(lengths(opened)).toEqual([chunk - descriptionBlockLength, chunk, chunk, descriptionBlockLength]);
  });

  test('content that arrives slowly is sealed as it arrives', async () => {
    const arrive = Promise.withResolvers<void>();
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100);
      await arrive.promise;
      yield new Uint8Array(100);
    }
    const sealing = (await BlobSealer.create(key, blob, described(200), 16)).seal(slowly());
    const early: Uint8Array[] = [];
    for (const expected of [blobHeaderLength + descriptionBlockLength, 100]) {
      const { value } = await sealing.next();
      early.push(...(value ?? []));
      expect(concatBytes(...(value ?? [])).length).toBe(expected);
    }
    arrive.resolve();
    const late = await collectGroups(sealing);
    expect((await read(concatBytes(...early, late))).given).toEqual(new Uint8Array(200));
  });

  test('a chunk in more pieces than a function takes arguments is sealed and opened', async () => {
    const content = randomBytes(200_000);
    const bytewise = (bytes: Uint8Array) => Array.from(bytes, (byte) => Uint8Array.of(byte));
    const sealing = (await BlobSealer.create(key, blob, described(content.length), 20)).seal(bytewise(content));
    const bytes = await collectGroups(sealing);
    const opened = await openBlob(key, blob, bytewise(bytes), bytes.length);
    const found: Uint8Array[] = [];
    for await (const piece of eachPiece(opened.content)) found.push(piece);
    expect(Buffer.concat(found).equals(content)).toBe(true);
  });

  test('a sealer seals once, and again only under its own header', async () => {
    const content = randomBytes(100_000);
    const first = await BlobSealer.create(key, blob, described(content.length), 16);
    const bytes = await collectGroups(first.seal([content]));
    await expect(collectGroups(first.seal([content]))).rejects.toThrow('once');
    const again = await BlobSealer.resume(key, blob, described(content.length), first.header);
    expect(Buffer.from(await collectGroups(again.seal(pieces(content)))).equals(bytes)).toBe(true);
    const other = { ...blob, id: '01m7xpe6000123456789abcdeg' };
    await expect(BlobSealer.resume(key, other, described(1), first.header)).rejects.toThrow(DecryptionError);
  });

  test('two blobs of one key and content share no bytes: salts are drawn', async () => {
    const [a, b] = [await sealed(new Uint8Array(0)), await sealed(new Uint8Array(0))];
    expect(Buffer.from(a.subarray(8, 32)).equals(b.subarray(8, 32))).toBe(false);
    expect(Buffer.from(a.subarray(64)).equals(b.subarray(64))).toBe(false);
  });

  test('a wrong key, another blob and another org open nothing', async () => {
    const content = randomBytes(1000);
    const bytes = await sealed(content);
    await refused(bytes, new Uint8Array(0), newFragmentKey());
    await refused(bytes, new Uint8Array(0), key, { ...blob, id: '01m7xpe6000123456789abcdeg' });
    await refused(bytes, new Uint8Array(0), key, { ...blob, org: '0123456789abcdeg' });
  });

  test('every byte of the header counts, each bit of it', async () => {
    const bytes = await sealed(randomBytes(10));
    for (let bit = 0; bit < blobHeaderLength * 8; bit++) await refused(flipped(bytes, bit), new Uint8Array(0));
  });

  test('1,000 random bits of the body: refused, and nothing unauthentic comes out', async () => {
    const content = randomBytes(2 * chunk);
    const bytes = await sealed(content);
    for (let i = 0; i < 1000; i++) {
      await refused(flipped(bytes, randomInt(blobHeaderLength * 8, bytes.length * 8)), content);
    }
  });

  test('truncated anywhere, extended, reordered, doubled or spliced: refused', async () => {
    const content = randomBytes(3 * chunk);
    const bytes = await sealed(content);
    const other = await sealed(content);
    const part = (of: Uint8Array, from: number, to: number) =>
      of.subarray(blobHeaderLength + from * sealedChunk, blobHeaderLength + to * sealedChunk);
    const header = bytes.subarray(0, blobHeaderLength);
    const cuts = [
      0,
      1,
      63,
      64,
      65,
      80,
      81,
      64 + sealedChunk - 1,
      64 + sealedChunk,
      64 + 2 * sealedChunk,
      64 + 3 * sealedChunk,
    ];
    for (const length of [...cuts, bytes.length - 1]) await refused(bytes.subarray(0, length), content);
    for (const tail of [new Uint8Array(1), new Uint8Array(16), new Uint8Array(sealedChunk), part(bytes, 0, 1)]) {
      await refused(concatBytes(bytes, tail), content);
    }
    await refused(concatBytes(header, part(bytes, 1, 2), part(bytes, 0, 1), part(bytes, 2, 4)), content);
    await refused(concatBytes(header, part(bytes, 0, 1), part(bytes, 0, 1), part(bytes, 2, 4)), content);
    await refused(concatBytes(header, part(bytes, 0, 2), part(bytes, 3, 4)), content);
    await refused(concatBytes(header, part(bytes, 0, 1), part(other, 1, 2), part(bytes, 2, 4)), content);
    await refused(concatBytes(header, part(other, 0, 4)), content);
  });

  test('an empty last chunk, a description that is not one, and a wrong size do not open even under the right key', async () => {
    const salt = randomBytes(24);
    const info = encodeFieldBytes('anima:blob:v1', encodeBlobPreamble(16), blob.org, blob.id);
    const derived = new Uint8Array(hkdfSync('sha256', key, salt, info, 64));
    const header = encodeBlobHeader({ chunkLog2: 16, salt: new Uint8Array(salt), commitment: derived.slice(32) });
    const build = (...chunks: readonly Uint8Array[]) =>
      concatBytes(
        header,
        ...chunks.map((plain, index) => {
          const nonce = Buffer.alloc(12);
          nonce.writeUInt32BE(index, 7);
          nonce[11] = index === chunks.length - 1 ? 1 : 0;
          const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), nonce);
          return concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag());
        }),
      );
    const description = encodeBlobDescription(described(undefined));
    const full = concatBytes(description, new Uint8Array(chunk - descriptionBlockLength));
    expect((await read(build(full, new Uint8Array(1)))).error).toBeUndefined();
    expect((await read(build(full, new Uint8Array(0)))).error).toBeInstanceOf(DecryptionError);
    expect((await read(build(description))).error).toBeUndefined();
    const bad = [
      description.subarray(0, 1023),
      flipped(description, 1023 * 8),
      flipped(description, 3 * 8),
      flipped(description, 4 * 8),
      encodeBlobDescription(described(1)),
      new Uint8Array(descriptionBlockLength),
    ];
    for (const block of bad) expect((await read(build(block))).error).toBeInstanceOf(DecryptionError);
  });

  test('descriptions come back, and those that do not fit are refused before anything is sealed', async () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 100 }),
        fc.string({ maxLength: 100 }),
        fc.option(fc.nat()),
        (name, type, size) => {
          fc.pre(name.isWellFormed());
          const description = { name, type, size: size ?? undefined };
          expect(parseBlobDescription(encodeBlobDescription(description))).toEqual(description);
        },
      ),
    );
    expect(() => encodeBlobDescription({ type: '', name: 'x'.repeat(1000), size: 1 })).not.toThrow();
    for (const name of ['x'.repeat(1001), 'é'.repeat(501), '\ud800']) {
      await expect(BlobSealer.create(key, blob, { type: '', name, size: 1 })).rejects.toThrow(RangeError);
    }
  });

  test('node:crypto, which is taken here, and WebCrypto make and open the same chunks', async () => {
    const node = await createChunkCipher(new Uint8Array(32).fill(7));
    const web = await createWebCryptoChunkCipher(new Uint8Array(32).fill(7));
    for (const [index, last] of [
      [0, false],
      [1, true],
      [2 ** 40, false],
    ] as const) {
      const plain = randomBytes(1000);
      const chunkOfNode = await node.seal(index, last, plain);
      expect(Buffer.from(chunkOfNode).equals(await web.seal(index, last, plain))).toBe(true);
      for (const cipher of [node, web]) {
        expect(Buffer.from(await cipher.open(index, last, chunkOfNode)).equals(plain)).toBe(true);
        for (const wrong of [flipped(chunkOfNode, 5), chunkOfNode.subarray(1), chunkOfNode.subarray(0, 15)]) {
          await expect(cipher.open(index, last, wrong)).rejects.toThrow(DecryptionError);
        }
        await expect(cipher.open(index, !last, chunkOfNode)).rejects.toThrow(DecryptionError);
        await expect(cipher.open(index + 1, last, chunkOfNode)).rejects.toThrow(DecryptionError);
      }
    }
  });
});

describe('ranges of blobs', () => {
  test('any range is what stands there, and reads no chunk that it does not need', async () => {
    const content = randomBytes(5 * chunk + 123);
    const bytes = await sealed(content);
    const reads: number[] = [];
    const ranges = await BlobRangeReader.open(key, blob, bytes.length, async (start, end) => {
      reads.push(end - start);
      return bytes.subarray(start, end);
    });
    expect(ranges.contentLength).toBe(content.length);
    expect(await ranges.readDescription()).toEqual(described(content.length));
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length), fc.nat(chunk), async (start, length) => {
        reads.length = 0;
        expect(
          Buffer.from(await ranges.readRange(start, start + length)).equals(content.subarray(start, start + length)),
        ).toBe(true);
        expect(reads.length).toBeLessThanOrEqual(1);
        expect(reads[0] ?? 0).toBeLessThanOrEqual(2 * sealedChunk);
      }),
      { numRuns: 40 },
    );
    await expect(ranges.readRange(5, 4)).rejects.toThrow(RangeError);
  });

  test('64 KiB of a GiB: the header and at most two chunks are read', async () => {
    const size = 2 ** 30;
    const header = (await BlobSealer.create(key, blob, described(size))).header;
    const asked: [number, number][] = [];
    const length = sealedLength(size, 20);
    const ranges = await BlobRangeReader.open(key, blob, length, async (start, end) => {
      asked.push([start, end]);
      return start === 0 ? header : new Uint8Array(end - start);
    });
    // The returned chunks are not authentic. This test checks only which chunks are requested.
    await expect(ranges.readRange(700 * 2 ** 20, 700 * 2 ** 20 + 65_536)).rejects.toThrow(DecryptionError);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toEqual([0, 64]);
    expect((asked[1]?.[1] ?? 0) - (asked[1]?.[0] ?? 0)).toBeLessThanOrEqual(2 * (2 ** 20 + chunkTagLength));
  });

  test('moved, truncated, extended and changed chunks are refused', async () => {
    const content = randomBytes(3 * chunk);
    const bytes = await sealed(content);
    const over = async (stored: Uint8Array, start: number, end: number) => {
      const ranges = await BlobRangeReader.open(key, blob, stored.length, async (from, to) =>
        stored.subarray(from, to),
      );
      return ranges.readRange(start, end);
    };
    const moved = bytes.slice();
    moved.set(bytes.subarray(64, 64 + sealedChunk), 64 + sealedChunk);
    await expect(over(moved, chunk, chunk + 10)).rejects.toThrow(DecryptionError);
    await expect(over(flipped(bytes, (64 + sealedChunk) * 8), chunk, chunk + 10)).rejects.toThrow(DecryptionError);
    // The blob is cut at the end of a chunk. Its last chunk was not sealed as the last one.
    await expect(over(bytes.subarray(0, 64 + 2 * sealedChunk), chunk, 2 * chunk)).rejects.toThrow(DecryptionError);
    await expect(over(concatBytes(bytes, new Uint8Array(100)), 3 * chunk - 1, 3 * chunk)).rejects.toThrow(
      DecryptionError,
    );
    await expect(over(bytes.subarray(0, 70), 0, 1)).rejects.toThrow(DecryptionError);
    const short = await BlobRangeReader.open(key, blob, bytes.length, async (from, to) =>
      bytes.subarray(from, Math.min(to, 100)),
    );
    await expect(short.readRange(0, 10)).rejects.toThrow(DecryptionError);
  });
});
