/**
 * Pagination cursors: opaque to callers and bound to the org, the list and the prefix they were created for. They
 * contain no secret and grant nothing: every query is limited to the caller's org and prefix, whatever the cursor
 * contains. The scope is in the cursor as a hash, because filters can be longer than a cursor may be
 * (limits.cursorLength).
 */
import { hash } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';

type ListKind =
  | 'values'
  | 'keys'
  | 'logins'
  | 'audit'
  | 'activity'
  | 'seals'
  | 'blobs'
  | 'parts'
  | 'users'
  | 'memory'
  | 'search'
  | 'messages';
/** For lists of a user, the prefix is the user ID. */
type CursorScope = readonly [org: string, list: ListKind, prefix: string];

const scopeHashBytes = 16;

const hashScope = (scope: CursorScope): Buffer =>
  hash('sha256', encodeLengthPrefixedFields(...scope), 'buffer').subarray(0, scopeHashBytes);

export function encodeCursor(scope: CursorScope, lastKey: string): string {
  return Buffer.concat([hashScope(scope), Buffer.from(lastKey, 'utf8')]).toString('base64url');
}

/** The last name or ID of the previous page. @throws VaultError `invalid_cursor` */
export function decodeCursor(cursor: string, scope: CursorScope): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const lastKey = bytes.subarray(scopeHashBytes).toString('utf8');
  const isCanonical = encodeCursor(scope, lastKey) === cursor;
  if (lastKey === '' || !isCanonical) throw new VaultError('invalid_cursor');
  return lastKey;
}

/**
 * The last ID of the previous page, or undefined without a cursor: any ID that the table can contain, because a page can
 * end at an item that someone else put there.
 * @param usedBytes bytes of the sort key before the ID
 * @throws VaultError `invalid_cursor`
 */
export function decodeKeyCursor(cursor: string | undefined, scope: CursorScope, usedBytes = 0): string | undefined {
  if (cursor === undefined) return undefined;
  const key = decodeCursor(cursor, scope);
  if (!fitsSortKey(key, usedBytes)) throw new VaultError('invalid_cursor');
  return key;
}

/** Maximum length of a DynamoDB sort key in bytes. */
const maxSortKeyBytes = 1024;

/** Whether a text fits into a sort key. @param usedBytes bytes of the key before the text */
export const fitsSortKey = (text: string, usedBytes: number): boolean =>
  text.isWellFormed() && Buffer.byteLength(text, 'utf8') + usedBytes <= maxSortKeyBytes;
