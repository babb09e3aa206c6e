/**
 * Cursors of lists: opaque to callers, bound to the org, the list and the prefix they were made for. They hold nothing
 * secret and grant nothing: a query is bounded by the caller's own org and prefix whatever the cursor says.
 */
import { VaultError } from '../../contract/vault-error.ts';
import { encodeFields } from '../../core/fields.ts';

type Scope = readonly [org: string, list: 'values' | 'keys' | 'audit' | 'seals' | 'blobs' | 'parts', prefix: string];

export function encodeCursor(scope: Scope, last: string): string {
  return Buffer.concat([encodeFields(...scope), Buffer.from(last, 'utf8')]).toString('base64url');
}

/** The last name or id of the page before. @throws VaultError `invalid_cursor` */
export function decodeCursor(cursor: string, scope: Scope): string {
  const expected = encodeFields(...scope);
  const bytes = Buffer.from(cursor, 'base64url');
  const last = bytes.subarray(expected.length).toString('utf8');
  const canonical = encodeCursor(scope, last) === cursor;
  if (last === '' || !canonical) throw new VaultError('invalid_cursor');
  return last;
}
