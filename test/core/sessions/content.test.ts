/** Plaintexts and attachments (docs/format-sessions.md, sections 5 and 6). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Bytes, concatBytes, u32Bytes } from '../../../core/encoding/bytes.ts';
import { openAttachment, sealAttachment } from '../../../core/sessions/attachment.ts';
import { encodeFileList, type ListedFile, parseFileList } from '../../../core/sessions/file-list.ts';
import {
  encodeContent,
  type MessageContent,
  padContent,
  parseContent,
} from '../../../core/sessions/message-content.ts';
import { flip, org, seededRandom } from './session-devices.ts';

const random = seededRandom('content');
const bytesOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((one) => new Uint8Array(one));
const inline = fc.uint8Array({ maxLength: 4_096 }).map((one) => new Uint8Array(one));
const reference = fc.record({
  blob: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  key: bytesOf(32),
  ciphertextHash: bytesOf(32),
  bodyHash: bytesOf(32),
  length: fc.nat(16_773_119).map((length) => length + 4_097),
});
const contents = fc.constantFrom(inline, reference).chain((body) =>
  fc.record({
    id: bytesOf(16),
    conversation: fc.stringMatching(/^[0-9a-f]{32}$/),
    counter: fc.nat(Number.MAX_SAFE_INTEGER - 1).map((counter) => counter + 1),
    time: fc.nat(Number.MAX_SAFE_INTEGER),
    head: fc.record({ seq: fc.nat(Number.MAX_SAFE_INTEGER), hash: bytesOf(32) }),
    type: fc.stringMatching(/^[!-~]{1,127}$/),
    body: body as typeof inline,
  }),
);

const example: MessageContent = {
  ...{
    id: random(16),
    conversation: 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf',
    counter: 1,
    time: 5,
    head: { seq: 1, hash: random(32) },
  },
  ...{ type: 'text/plain', body: random(10) },
};
const attachment = { blob: 'b', key: random(32), ciphertextHash: random(32), bodyHash: random(32), length: 5_000 };

describe('the plaintext of a message', () => {
  test('every content comes out as it went in, and its length is one of few', () => {
    const lengths = new Set<number>();
    fc.assert(
      fc.property(contents, (content) => {
        const encoded = encodeContent(content);
        lengths.add(encoded.length);
        expect(parseContent(encoded)).toEqual(content);
      }),
      { numRuns: 100 },
    );
    // Padmé: at most 8 lengths for each power of two from 256 to 8,192.
    expect(lengths.size).toBeLessThanOrEqual(40);
  });

  test('contents that no reader accepts cannot be written', () => {
    const bad: Partial<MessageContent>[] = [
      ...[
        { id: random(15) },
        { conversation: 'C0c1c2c3c4c5c6c7c8c9cacbcccdcecf' },
        { conversation: '' },
        { counter: 0 },
      ],
      ...[{ counter: 1.5 }, { time: -1 }, { time: 2 ** 53 }, { type: '' }, { type: 'a b' }, { type: 'é' }],
      ...[{ type: 'x'.repeat(128) }, { body: random(4_097) }, { head: { seq: 1, hash: random(31) } }],
      ...[{ body: { ...attachment, length: 4_096 } }, { body: { ...attachment, length: 16_777_217 } }],
      ...[{ body: { ...attachment, blob: '' } }, { body: { ...attachment, blob: 'a/b' } }],
    ];
    for (const part of bad)
      expect(() => encodeContent({ ...example, ...part }), JSON.stringify(part)).toThrow(RangeError);
  });

  test('other lengths, other padding and other forms are refused', () => {
    const encoded = encodeContent(example);
    expect(encoded).toHaveLength(256);
    const end = 5 + new DataView(encoded.buffer).getUint32(1);
    for (const at of [end, 255]) expect(() => parseContent(flip(encoded, at))).toThrow(DecryptionError);
    for (let at = 0; at < 9; at++) expect(() => parseContent(flip(encoded, at)), `${at}`).toThrow(DecryptionError);
    for (const length of [0, 4, 5, end, 255]) {
      expect(() => parseContent(encoded.slice(0, length))).toThrow(DecryptionError);
    }
    expect(() => parseContent(concatBytes(encoded, new Uint8Array(16)))).toThrow(DecryptionError);
    expect(() => parseContent(concatBytes(Uint8Array.of(1), u32Bytes(0xffffffff), new Uint8Array(251)))).toThrow(
      DecryptionError,
    );
    expect(() => parseContent(padContent(new Uint8Array(0)))).toThrow(DecryptionError);
    const form = encoded.subarray(0, end).length - 10 - 4 - 1;
    for (const bit of [1, 2]) expect(() => parseContent(flip(encoded, form, bit))).toThrow(DecryptionError);
  });
});

describe('an attachment', () => {
  const id = random(16);
  const seal = (length: number, text = 7): { bytes: Bytes; named: typeof attachment } => {
    const sealed = sealAttachment(org, id, new Uint8Array(length).fill(text), random);
    return { bytes: sealed.bytes, named: { ...sealed.reference, blob: 'b' } };
  };

  test.each([4_097, 5_000, 65_536, 1_000_003])('of %i bytes opens', (length) => {
    const { bytes, named } = seal(length);
    expect(openAttachment(org, id, named, bytes)).toEqual(new Uint8Array(length).fill(7));
  });

  test('has a minimum and a maximum length', () => {
    for (const length of [0, 4_096, 16_777_217]) expect(() => seal(length)).toThrow(RangeError);
  });

  test('does not open changed, truncated, extended, exchanged, or for another message or org', () => {
    const { bytes, named } = seal(5_000);
    const refuse = (...args: Partial<Parameters<typeof openAttachment>>) => {
      const [inOrg = org, message = id, ref = named, stored = bytes] = args;
      expect(() => openAttachment(inOrg, message, ref, stored)).toThrow(DecryptionError);
    };
    for (let at = 0; at < bytes.length; at += 97) refuse(org, id, named, flip(bytes, at));
    for (const length of [0, 24, 40, bytes.length - 1]) refuse(org, id, named, bytes.subarray(0, length));
    refuse(org, id, named, concatBytes(bytes, Uint8Array.of(0)));
    refuse(org, id, named, seal(5_000).bytes);
    refuse('fedcba9876543210');
    refuse(org, random(16));
    for (const part of [
      { key: random(32) },
      { bodyHash: random(32) },
      { ciphertextHash: random(32) },
      { length: 4_999 },
    ]) {
      refuse(org, id, { ...named, ...part });
    }
    // Another key that opens the blob would give another body: the hash of the body tells.
    const other = seal(5_000, 8);
    refuse(org, id, { ...other.named, bodyHash: named.bodyHash }, other.bytes);
    expect(openAttachment(org, id, named, bytes)).toHaveLength(5_000);
  });

  test('two seals of one body have nothing in common', () => {
    const [one, two] = [seal(5_000), seal(5_000)];
    expect(one.named.key).not.toEqual(two.named.key);
    expect(one.bytes.subarray(0, 24)).not.toEqual(two.bytes.subarray(0, 24));
    expect(one.named.bodyHash).toEqual(two.named.bodyHash);
  });
});

describe('a list of files', () => {
  const file: ListedFile = { name: 'a.txt', type: 'text/plain', ...attachment, length: 0 };
  const encoded = encodeFileList({ text: 'two', files: [file, { ...file, name: 'ä b', length: 16_777_216 }] });

  test('is read as it was written, and no other bytes are read', () => {
    const read = parseFileList(encoded);
    expect(read.text).toBe('two');
    expect(read.files.map(({ name, length }) => [name, length])).toEqual([
      ['a.txt', 0],
      ['ä b', 16_777_216],
    ]);
    for (let at = 0; at < encoded.length; at++)
      expect(() => parseFileList(encoded.subarray(0, at))).toThrow(DecryptionError);
    expect(() => parseFileList(concatBytes(encoded, encoded))).toThrow(DecryptionError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => parseFileList(bytes)).toThrow(DecryptionError);
      }),
    );
  });

  test('has names without paths, media types, blob names and 1 to 8 files', () => {
    const names = ['', '.', '..', 'a/b', 'a\\b', '\u0000', 'a\nb', '\ud800', 'x'.repeat(256), 'ä'.repeat(128)];
    const wrong: readonly Partial<ListedFile>[] = [
      ...names.map((name) => ({ name })),
      ...['', 'a b', 'x'.repeat(128)].map((type) => ({ type })),
    ];
    for (const change of wrong)
      expect(() => encodeFileList({ text: '', files: [{ ...file, ...change }] })).toThrow(RangeError);
    for (const change of [{ blob: 'a/b' }, { length: 16_777_217 }, { key: random(31) }, { bodyHash: random(33) }])
      expect(() => parseFileList(encodeFileList({ text: '', files: [{ ...file, ...change }] }))).toThrow(
        DecryptionError,
      );
    expect(() => encodeFileList({ text: '', files: [] })).toThrow(RangeError);
    expect(() => encodeFileList({ text: '', files: Array.from({ length: 9 }, () => file) })).toThrow(RangeError);
    expect(() => encodeFileList({ text: 'x'.repeat(4_000), files: [file] })).toThrow(RangeError);
  });
});
