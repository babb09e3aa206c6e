/** Conversion of audit table items (docs/format.md, section 8). Items read from the table are untrusted. */
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import { auditRecord } from '../../../contract/audit/schemas.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { Item } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredAuditRecord, StoredSeal } from '../audit-ports.ts';

/** Prefix of the sort keys of seals. They sort after those of records, whose first character is at most `7`. */
export const sealPrefix = 'seal#';
/** Number of digits of a seal number in its sort key. */
const seqLength = 12;

export const toSealItem = (org: string, { seq, jws }: StoredSeal) => ({
  org,
  id: sealPrefix + String(seq).padStart(seqLength, '0'),
  seal: jws,
});

/** @throws DecryptionError */
export function parseStoredSeal(item: Item): StoredSeal {
  const digits = item.id?.S?.slice(sealPrefix.length) ?? '';
  const jws = item.seal?.S;
  if (jws === undefined || !/^[0-9]{12}$/.test(digits)) throw new DecryptionError();
  return { seq: Number(digits), jws };
}

/** Parses a record; undefined if the item does not have the documented format. */
export function parseStoredAuditRecord(item: Item): StoredAuditRecord | undefined {
  const { ttl, mark: _, ...fields } = unmarshall(item);
  const parsed = z.safeParse(auditRecord, fields);
  if (!parsed.success || (ttl !== undefined && typeof ttl !== 'number')) return undefined;
  return { record: parsed.data, ttl };
}
