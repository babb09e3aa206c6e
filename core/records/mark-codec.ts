/** The stored form of a mark (docs/format.md, section 5): canonical JSON with a MAC over all other members. */
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { requireObjectFields } from '../encoding/stored-record-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from './authentication-key.ts';

export interface MarkCodec {
  encode(key: AuthenticationKey, mark: object): string;
  /** The members that the MAC covers. @throws DecryptionError if the vault did not make the mark for this org */
  decode(key: AuthenticationKey, text: string): Record<string, unknown>;
}

/** @param label separates the MACs of one kind of mark from those of every other record */
export function markCodec(label: string): MarkCodec {
  const macFields = (mark: object) => [label, canonicalJson(mark)];
  return {
    encode: (key, mark) => canonicalJson({ ...mark, mac: computeRecordMac(key, macFields(mark)) }),
    decode: (key, text) => {
      const { mac, ...mark } = requireObjectFields(parseJson(text));
      verifyRecordMac(key, mac, macFields(mark));
      return mark;
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DecryptionError();
  }
}
