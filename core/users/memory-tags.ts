/**
 * The blind index of memory (docs/format.md, section 12): keyed hashes of namespaces and of chosen members, with which
 * records are found without opening all of them. A reader of the table sees which records have equal tags.
 */
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { hmacSha256 } from '../hazmat/node-primitives.ts';
import type { Umk } from './user-root-key.ts';

/** A value that can be filtered by. */
export type TagScalar = string | number | boolean | null;

const tagBytes = 12;
const keyIdBytes = 24;

/** Domain of the tags. The key also authenticates the keyring, whose message begins with another domain. */
const tagOf = (umk: Umk, bytes: number, kind: string, ...fields: readonly string[]): string =>
  hmacSha256(umk.macKey, encodeLengthPrefixedFields('anima:memory-tag:v1', umk.org, umk.user, kind, ...fields))
    .subarray(0, bytes)
    .toString('base64url');

/** The tag of a namespace. A record has one for each beginning of its namespace. */
export const namespaceTag = (umk: Umk, parts: readonly string[]): string => tagOf(umk, tagBytes, 'namespace', ...parts);

/** The tag of a member. Numbers are written as JSON does, so `1` and `1.0` are equal, and `"1"` is another value. */
export const memberTag = (umk: Umk, path: string, value: TagScalar): string =>
  tagOf(umk, tagBytes, 'member', path, JSON.stringify(value));

/** The record id of a key in a namespace. */
export const keyedRecordId = (umk: Umk, namespace: readonly string[], key: string): string =>
  `k.${tagOf(umk, keyIdBytes, 'key', ...namespace, key)}`;
