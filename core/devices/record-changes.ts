/** The body of an entry `records`, and the content of a change (docs/format-devices.md, section 8). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { boxOverhead, type RandomSource } from '../hazmat/portable-aes-gcm.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';
import { hashLength } from './chain-entry.ts';
import { type EpochKey, umkLength } from './epoch-keys.ts';
import { maxLamportPerEntry } from './limits.ts';
import { openRecord, type SealedRecord, sealRecord } from './published-boxes.ts';
import { encodeRecordPlaintext, parseRecordPlaintext, type RecordPlaintext } from './record-plaintext.ts';
import { scopeFields, type VaultScope } from './vault-scope.ts';

/** One new version of one record. */
export interface Change extends SealedRecord {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** Hash of the change that wrote the version before; 32 zero bytes for version 1. */
  readonly parent: Bytes;
}

const changeFields = 6;

export const encodeChange = ({ type, id, version, parent, box, dek }: Change): Bytes =>
  encodeFieldBytes(type, id, u64Bytes(version), parent, box, dek);

export const encodeChanges = (changes: readonly Change[]): Bytes => encodeFieldBytes(...changes.map(encodeChange));

/** Parses the body. A change of another form is undefined. */
export const parseChanges = (body: Uint8Array): readonly (Change | undefined)[] | undefined =>
  decodeFieldBytes(body)?.map(parseChange);

/** Parses one change. @returns undefined for another form */
export function parseChange(encoded: Bytes): Change | undefined {
  const fields = decodeFieldBytes(encoded) ?? [];
  const type = decodeTextField(fields[0]);
  const id = decodeTextField(fields[1]);
  const version = decodeU64Field(fields[2]);
  const parent = fieldOfLength(fields[3], hashLength);
  const box = fields[4];
  const dek = fieldOfLength(fields[5], umkLength + boxOverhead);
  if (fields.length !== changeFields || type === undefined || id === undefined) return undefined;
  if (version === undefined || parent === undefined || dek === undefined) return undefined;
  if (box === undefined || box.length < boxOverhead) return undefined;
  return { type, id, version, parent, box: new Uint8Array(box), dek };
}

/** The hash of a change, which the next version names as its parent. @param epoch epoch of the entry */
export const changeHash = (scope: VaultScope, epoch: number, change: Change): Promise<Bytes> => {
  const { type, id, version, parent, box, dek } = change;
  const place = [type, id, u64Bytes(version), parent, u32Bytes(epoch)] as const;
  return portableSha256(encodeFieldBytes('anima:change:v1', ...scopeFields(scope), ...place, box, dek));
};

/** Seals a version. @param key keys of the current epoch */
export async function sealChange(
  key: EpochKey,
  record: { readonly type: string; readonly id: string },
  plaintext: RecordPlaintext,
  random?: RandomSource,
): Promise<Change> {
  const { type, id } = record;
  const encoded = encodeRecordPlaintext(plaintext);
  const sealed = await sealRecord(key.records, { user: key.scope.user, type, id }, encoded, random);
  encoded.fill(0);
  return { type, id, version: plaintext.version, parent: plaintext.parent, ...sealed };
}

/**
 * Opens a version.
 * @param key keys of the epoch of the entry
 * @param entry the entry that the change is from. Of a change from a bundle, its signer is not known, and `seq` is that of
 *   the checkpoint: the members who signed and acknowledged it compared both (docs/format-devices.md, section 9)
 * @throws DecryptionError for every cause. The content is then void: readers use the version before
 */
export async function openChange(
  key: EpochKey,
  change: Change,
  entry: { readonly seq: number; readonly signer: string | undefined },
): Promise<RecordPlaintext> {
  const { type, id } = change;
  const encoded = await openRecord(key.records, { user: key.scope.user, type, id }, change);
  const plaintext = parseAndZero(encoded);
  const isPlace = plaintext.version === change.version && equalBytes(plaintext.parent, change.parent);
  const isSigner = entry.signer === undefined || plaintext.device === entry.signer;
  const isWriter = isSigner && plaintext.lamport <= maxLamportPerEntry * entry.seq;
  if (!isPlace || !isWriter) throw new DecryptionError();
  return plaintext;
}

function parseAndZero(encoded: Bytes): RecordPlaintext {
  try {
    return parseRecordPlaintext(encoded);
  } finally {
    encoded.fill(0);
  }
}
