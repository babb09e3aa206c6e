/**
 * Cursors of lists: opaque to callers, bound to the org, the list and the prefix they were made for. They hold nothing
 * secret and grant nothing: a query is bounded by the caller's own org and prefix whatever the cursor says.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';

type ListKind = 'values' | 'keys' | 'audit' | 'seals' | 'blobs' | 'parts' | 'users' | 'memory' | 'search' | 'messages';
/** The prefix of a user's lists is the user. */
type CursorScope = readonly [org: string, list: ListKind, prefix: string];

export function encodeCursor(scope: CursorScope, lastKey: string): string {
  return Buffer.concat([encodeLengthPrefixedFields(...scope), Buffer.from(lastKey, 'utf8')]).toString('base64url');
}

/** The last name or id of the page before. @throws VaultError `invalid_cursor` */
export function decodeCursor(cursor: string, scope: CursorScope): string {
  const expected = encodeLengthPrefixedFields(...scope);
  const bytes = Buffer.from(cursor, 'base64url');
  const lastKey = bytes.subarray(expected.length).toString('utf8');
  const isCanonical = encodeCursor(scope, lastKey) === cursor;
  if (lastKey === '' || !isCanonical) throw new VaultError('invalid_cursor');
  return lastKey;
}

/** Bytes of a sort key of DynamoDB. */
const maxSortKeyBytes = 1024;

/** Whether a text can be (the rest of) a key in a table. @param usedBytes bytes of the key before it */
export const fitsSortKey = (text: string, usedBytes: number): boolean =>
  text.isWellFormed() && Buffer.byteLength(text, 'utf8') + usedBytes <= maxSortKeyBytes;
