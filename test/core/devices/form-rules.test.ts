/** Rules of docs/format-devices.md about the forms of texts, numbers and fields, as every implementation must apply them. */
import { beforeEach, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { type EntryKind, zeroHash } from '../../../core/devices/chain-entry.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import { encodeKeyWraps, keyWrapsHash, readKeyWraps } from '../../../core/devices/key-wraps.ts';
import { parseRecordPlaintext } from '../../../core/devices/record-plaintext.ts';
import { concatBytes, encodeFieldBytes, u32Bytes, u64Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { signMessage } from '../../../core/hazmat/p256.ts';
import { accepted, scope, summary, VaultSimulator } from './vault-simulator.ts';

const notUtf8 = Uint8Array.of(0xff);
const bom = Uint8Array.of(0xef, 0xbb, 0xbf);
const empty = new Uint8Array(0);

let vault: VaultSimulator;
let admin: DeviceKeys;
beforeEach(async () => {
  vault = new VaultSimulator();
  admin = await vault.begin();
});

/** The outcome of an entry `heartbeat` with other fields, signed as it is. */
async function outcomeWith(fields: Record<number, Uint8Array>): Promise<string> {
  await vault.write(admin, vault.draft(admin, 'heartbeat', empty));
  const { before, signed } = vault.log.at(-1) ?? expect.fail('no entry');
  const parts = decodeFieldBytes(decodeFieldBytes(signed)?.[0] ?? empty) ?? [];
  const entry = encodeFieldBytes(...parts.map((part, at) => fields[at] ?? part));
  return summary(await applyEntry(before, encodeFieldBytes(entry, await signMessage(admin.ecdsa.privateKey, entry))));
}

describe('an entry', () => {
  test.each([
    ['anima:entry:v01', 'unsupported_suite'],
    ['anima:entry:v2', 'unsupported_suite'],
    ['anima:entry:v', 'malformed'],
    ['anima:entry:v1234567890', 'malformed'],
    ['anima:entry:v1\n', 'malformed'],
    ['', 'malformed'],
  ])('with the first field "%s" stops a reader', async (name, reason) => {
    expect(await outcomeWith({ 0: utf8Bytes(name) })).toBe(`stop ${reason}`);
  });

  test('keeps a byte-order mark as part of its texts', async () => {
    expect(await outcomeWith({ 0: concatBytes(bom, utf8Bytes('anima:entry:v1')) })).toBe('stop malformed');
    expect(await outcomeWith({ 1: concatBytes(bom, utf8Bytes(scope.org)) })).toBe('stop other_vault');
    expect(await outcomeWith({ 7: concatBytes(bom, utf8Bytes('heartbeat')) })).toBe('stop unknown_kind');
    expect(await outcomeWith({ 10: concatBytes(bom, utf8Bytes(admin.id)) })).toBe('stop not_a_member');
    for (const at of [1, 2, 3, 7, 9, 10]) expect(await outcomeWith({ [at]: notUtf8 })).toBe('stop malformed');
  });

  test('of a checkpoint, heartbeat or acknowledgement: the role counts before the form', async () => {
    const recovery = await vault.recovery(admin);
    for (const kind of ['heartbeat', 'checkpoint', 'acknowledge', 'records'] as const satisfies EntryKind[]) {
      const body = utf8Bytes('no form');
      expect(summary(await vault.write(recovery, vault.draft(recovery, kind, body)))).toBe('void forbidden');
      expect(summary(await vault.write(admin, vault.draft(admin, kind, body)))).toBe('void malformed_body');
    }
  });

  test('`remove` without a device id has no form; with the id of nobody, it has', async () => {
    const remove = async (device: string) => {
      const body = encodeFieldBytes(vault.state.roster.hash, zeroHash, zeroHash, device);
      return summary(await vault.write(admin, vault.draft(admin, 'remove', body)));
    };
    expect(await remove('x'.repeat(33))).toBe('void malformed_body');
    expect(await remove(admin.id.toUpperCase())).toBe('void malformed_body');
    expect(await remove('0'.repeat(32))).toBe('void unknown_device');
  });
});

describe('a change', () => {
  test('whose type or id is no text, or whose version is no number, has no form; the entry is accepted', async () => {
    const { type, id, version, parent, box, dek } = await vault.change(admin, 'memory', 'a', 'text');
    const tooLarge = u64Bytes(0).fill(0x7f);
    const bodies = [
      encodeFieldBytes(notUtf8, id, u64Bytes(version), parent, box, dek),
      encodeFieldBytes(type, notUtf8, u64Bytes(version), parent, box, dek),
      encodeFieldBytes(type, id, tooLarge, parent, box, dek),
      encodeFieldBytes(type, id, u64Bytes(version), parent, box, dek, empty),
    ];
    const outcome = await vault.write(admin, vault.draft(admin, 'records', encodeFieldBytes(...bodies)));
    expect(outcome).toMatchObject({
      result: 'accept',
      changes: [],
      voided: bodies.map((_, index) => ({ index, reason: 'malformed_body' })),
    });
  });
});

describe('the plaintext of a record', () => {
  const plaintext = (...more: Uint8Array<ArrayBuffer>[]) => {
    const parts = [u64Bytes(1), zeroHash, utf8Bytes(admin.id), u64Bytes(0), Uint8Array.of(1), utf8Bytes('!~'), empty];
    for (const [at, part] of more.entries()) parts[parts.length - 2 + at] = part;
    const fields = encodeFieldBytes(...parts);
    const padded = new Uint8Array(256);
    padded.set(concatBytes(Uint8Array.of(2), u32Bytes(fields.length), fields));
    return padded;
  };

  test('has exactly seven fields, a media type without spaces, and a Lamport time from 0 on', () => {
    expect(parseRecordPlaintext(plaintext())).toMatchObject({ lamport: 0, mediaType: '!~' });
    for (const mediaType of ['text plain', ' ', '\x7f', ''])
      expect(() => parseRecordPlaintext(plaintext(utf8Bytes(mediaType))), mediaType).toThrow(DecryptionError);
    expect(() => parseRecordPlaintext(plaintext(utf8Bytes('!'), empty, empty))).toThrow(DecryptionError);
  });
});

describe('wraps', () => {
  test('have an earlier epoch and its box, or neither; whatever else they have for others, they open', async () => {
    accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    const encoded = vault.log.at(-1)?.wraps ?? expect.fail('no wraps');
    const parsed = await readKeyWraps(scope, encoded, await keyWrapsHash(encoded));
    const read = async (bytes: Uint8Array) => await readKeyWraps(scope, bytes, await keyWrapsHash(bytes));
    const box = parsed.history?.box ?? expect.fail('no history box');
    for (const history of [
      { epoch: 0, box },
      { epoch: 2, box },
      { epoch: 3, box },
      { epoch: 1, box: empty },
      { epoch: 1, box: box.subarray(1) },
    ])
      await expect(read(encodeKeyWraps({ ...parsed, history }))).rejects.toThrow(DecryptionError);
    const without = encodeKeyWraps({ ...parsed, history: undefined });
    expect((await read(without)).history).toBeUndefined();
    const other = { ...(parsed.wraps[0] ?? expect.fail('no wrap')), device: '0'.repeat(32) };
    const more = encodeKeyWraps({ ...parsed, wraps: [other, ...parsed.wraps] });
    expect((await read(more)).wraps).toHaveLength(2);
  });
});
