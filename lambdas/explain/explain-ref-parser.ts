/** What `explain` can be asked about, as text. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { validateName } from '../shared/value-names.ts';
import type { RecordKey } from '../users/user-ports.ts';

export type ExplainRef =
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'blob'; readonly id: string }
  /** A user as a whole, or one record of it. */
  | { readonly kind: 'user'; readonly user: string; readonly record?: RecordKey };

const memoryIdPattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.recordIdLength - 1}}$`);

/** By the word that stands for a record of the collection (docs/format.md, section 12). */
const collectionsByRefKind = new Map<string, { readonly name: RecordKey['collection']; isId(id: string): boolean }>([
  ['memory', { name: 'memory', isId: (id) => memoryIdPattern.test(id) }],
  // Of a message, or of the answer to it.
  ['message', { name: 'messages', isId: (id) => isTimeId(id.replace(/-r$/, '')) }],
]);

/**
 * `value:<name>`, `blob:<id>`, `memory:<user>/<record id>`, `message:<user>/<id>`, `user:<user>`.
 * @throws VaultError `invalid_request`, which repeats nothing of it; `invalid_name`
 */
export function parseExplainRef(ref: string): ExplainRef {
  const colon = ref.indexOf(':');
  const [kind, rest] = [ref.slice(0, Math.max(colon, 0)), ref.slice(colon + 1)];
  if (kind === 'value') return { kind, name: validateName(rest) };
  if (kind === 'blob' && isTimeId(rest)) return { kind, id: rest };
  if (kind === 'user' && isOpaqueId(rest)) return { kind, user: rest };
  const slash = rest.indexOf('/');
  const [user, id] = [rest.slice(0, Math.max(slash, 0)), rest.slice(slash + 1)];
  const collection = collectionsByRefKind.get(kind);
  if (isOpaqueId(user) && collection?.isId(id) === true)
    return { kind: 'user', user, record: { collection: collection.name, id } };
  const message = 'is none of value:<name>, blob:<id>, memory:<user>/<id>, message:<user>/<id> and user:<user>';
  throw new VaultError('invalid_request', { errors: [{ path: 'query.ref', message }] });
}

/** What the audit keeps of a text that was asked about: the name or id in it. Of what is no ref nothing, since it may be anything. */
export function auditSubjectOfRef(text: string): string | undefined {
  return tryParseExplainRef(text) === undefined ? undefined : text.slice(text.indexOf(':') + 1);
}

function tryParseExplainRef(text: string): ExplainRef | undefined {
  try {
    return parseExplainRef(text);
  } catch (error) {
    if (error instanceof VaultError) return undefined;
    throw error;
  }
}

/** The records that the read of a user brings along for a ref. */
export const recordKeysOfRef = (ref: ExplainRef): readonly RecordKey[] =>
  ref.kind === 'user' && ref.record !== undefined ? [ref.record] : [];

/** The same of a text that may be no ref: what is wrong with it is told only to who may ask. */
export function recordKeysOfRefText(text: string): readonly RecordKey[] {
  const ref = tryParseExplainRef(text);
  return ref === undefined ? [] : recordKeysOfRef(ref);
}

/** Whether a ref is to what belongs to this very user. */
export const belongsToUser = (ref: ExplainRef, { user }: UserRef): ref is ExplainRef & { kind: 'user' } =>
  ref.kind === 'user' && ref.user === user;

/** Whether messages are meant, or among what is meant. */
export const concernsMessages = (ref: ExplainRef): boolean =>
  ref.kind === 'user' && ref.record?.collection !== 'memory';
