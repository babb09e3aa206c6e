/** What the audit records of an entry of the directory: the operation, and whom it is about. */
import { deviceIdOf, fleetIdOf } from '../../core/directory/directory-ids.ts';
import { parseSignedEntry } from '../../core/directory/entry.ts';
import { type EntryBody, parseBody } from '../../core/directory/entry-bodies.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';

/**
 * `suspend/<id>`, `link/<id>/<id>`, `admit/<device>`, or the operation alone. The form only is checked: nothing of it is
 * verified yet. Undefined for anything else, because it could contain anything.
 * @param entry signed entry in base64
 */
export function entryAuditName(entry: string): string | undefined {
  const signed = decodeStrictBase64(entry);
  const parsed = signed && parseSignedEntry(signed);
  if (parsed === undefined || typeof parsed === 'string') return undefined;
  const body = parseBody(parsed.op, parsed.body);
  return body && [body.op, ...subjectsOf(parsed.org, body)].join('/');
}

function subjectsOf(org: string, body: EntryBody): readonly string[] {
  if (body.op === 'admit') return [deviceIdOf(org, body.device)];
  if (body.op === 'delegate') return [fleetIdOf(org, body.fleet.key)];
  if ('subject' in body) return [body.subject];
  return 'a' in body ? [body.a, body.b] : [];
}
