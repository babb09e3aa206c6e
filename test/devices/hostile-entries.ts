/** Entries and changes that no honest service or member writes. */
import { expect } from 'vitest';
import { zeroHash } from '../../core/devices/chain-entry.ts';
import { type Change, encodeChanges, parseChanges, sealChange } from '../../core/devices/record-changes.ts';
import { type Bytes, encodeFieldBytes, utf8Bytes } from '../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../core/encoding/field-reader.ts';
import { mediaType } from '../../sdk/src/device/records/record-content.ts';
import type { AttackedDevice } from './hostile-proxy.ts';

export const stops = (reason: string) => ({ code: 'bad_envelope', reason });

/** A version that a member writes without the checks of an honest device. */
export async function changeOf(by: AttackedDevice, id: string, text: string, more: object = {}): Promise<Change> {
  await by.vault.sync();
  const { state, currentKey } = by.vault.engine.view;
  const head = state.records.get(`memory:${id}`);
  const place = { version: (head?.version ?? 0) + 1, parent: head?.hash ?? zeroHash, device: by.keys.id };
  const body = utf8Bytes(JSON.stringify({ data: { text } }));
  const content = { lamport: state.head.seq, live: true, mediaType, body };
  return await sealChange(currentKey(), { type: 'memory', id }, { ...place, ...content, ...more });
}

/** Alters the bytes of one field of an entry; its signature does not fit then. */
export function alteredField(signed: Bytes, index: number, change: (field: Bytes) => Uint8Array): Bytes {
  const [unsigned, signature] = decodeFieldBytes(signed) ?? expect.fail();
  const fields = decodeFieldBytes(unsigned ?? expect.fail()) ?? expect.fail();
  const altered = fields.map((field, at) => (at === index ? change(new Uint8Array(field)) : field));
  return encodeFieldBytes(encodeFieldBytes(...altered.map((one) => new Uint8Array(one))), signature ?? expect.fail());
}
const bodyField = 8;
/** The same entry with its first change altered. */
export const withChange = (signed: Bytes, alter: (change: Change) => Change): Bytes =>
  alteredField(signed, bodyField, (body) =>
    encodeChanges((parseChanges(body) ?? []).map((one) => alter(one ?? expect.fail()))),
  );
