/** Conversion of audit table items (docs/format.md, section 8). Items read from the table are untrusted. */
import * as z from 'zod/mini';
import { auditRecord } from '../../../contract/audit/schemas.ts';
import { isCount, isDateTime } from '../../../core/encoding/stored-record-fields.ts';
import { isTimeId, timeOfTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { type Item, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredAuditRecord } from '../audit-ports.ts';

/**
 * Parses a record; undefined if the item does not have the documented format. Verifiers refuse a record whose time is
 * not that of its ID, so such a record must not be sealed.
 */
export function parseStoredAuditRecord(item: Item): StoredAuditRecord | undefined {
  const { ttl, mark: _, ...fields } = unmarshallReadable(item);
  if (ttl !== undefined && !isTimeInSeconds(ttl)) return undefined;
  const parsed = z.safeParse(auditRecord(), fields);
  if (!parsed.success || !isTimeId(parsed.data.id)) return undefined;
  if (Date.parse(parsed.data.time) !== timeOfTimeId(parsed.data.id)) return undefined;
  return { record: parsed.data, ttl };
}

const isTimeInSeconds = (value: unknown): value is number => isCount(value) && isDateTime(value * 1000);
