/** Parses the references that `explain` accepts. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isHashId } from '../../core/directory/directory-ids.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { validateName } from '../shared/value-names.ts';
import type { RecordKey } from '../users/user-ports.ts';

export type ExplainRef =
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'blob'; readonly id: string }
  /** A user as a whole, or one record of it. */
  | { readonly kind: 'user'; readonly user: string; readonly record?: RecordKey }
  | { readonly kind: 'device'; readonly user: string; readonly vault: string }
  /** A conversation between devices of the directory, and one of these devices. */
  | { readonly kind: 'conversation'; readonly id: string }
  | { readonly kind: 'session-device'; readonly id: string }
  /** A login of an identity of another system, and the API keys that it has given. */
  | { readonly kind: 'login'; readonly id: string };

const memoryIdPattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.recordIdLength - 1}}$`);

/** Collections by the word that refers to one of their records (docs/format.md, section 12). */
const collectionsByRefKind = new Map<string, { readonly name: RecordKey['collection']; isId(id: string): boolean }>([
  ['memory', { name: 'memory', isId: (id) => memoryIdPattern.test(id) }],
  // The ID of a message, or of the answer to it.
  ['message', { name: 'messages', isId: (id) => isTimeId(id.replace(/-r$/, '')) }],
]);

/**
 * `value:<name>`, `blob:<id>`, `memory:<user>/<record id>`, `message:<user>/<id>`, `user:<user>`,
 * `device:<user>/<vault>`, `conversation:<id>`, `session-device:<id>`, `login:<id>`.
 * @throws VaultError `invalid_request`, which does not quote the reference; `invalid_name`
 */
export function parseExplainRef(ref: string): ExplainRef {
  const colon = ref.indexOf(':');
  const [kind, rest] = [ref.slice(0, Math.max(colon, 0)), ref.slice(colon + 1)];
  if (kind === 'value') return { kind, name: validateName(rest) };
  if (kind === 'blob' && isTimeId(rest)) return { kind, id: rest };
  if ((kind === 'conversation' || kind === 'session-device') && isHashId(rest)) return { kind, id: rest };
  if (kind === 'login' && isOpaqueId(rest)) return { kind, id: rest };
  if (kind === 'user' && isOpaqueId(rest)) return { kind, user: rest };
  const slash = rest.indexOf('/');
  const [user, id] = [rest.slice(0, Math.max(slash, 0)), rest.slice(slash + 1)];
  if (kind === 'device' && isOpaqueId(user) && isOpaqueId(id)) return { kind, user, vault: id };
  const collection = collectionsByRefKind.get(kind);
  if (isOpaqueId(user) && collection?.isId(id) === true)
    return { kind: 'user', user, record: { collection: collection.name, id } };
  const message =
    'must be value:<name>, blob:<id>, memory:<user>/<id>, message:<user>/<id>, user:<user>, device:<user>/<vault>, conversation:<id>, session-device:<id> or login:<id>';
  throw new VaultError('invalid_request', { errors: [{ path: 'query.ref', message }] });
}

/**
 * The part of a reference that is recorded in the audit: its name or ID. Undefined if the text is not a reference,
 * because it could contain anything.
 */
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

/** The records that are read together with the user, for a reference. */
export const recordKeysOfRef = (ref: ExplainRef): readonly RecordKey[] =>
  ref.kind === 'user' && ref.record !== undefined ? [ref.record] : [];

/**
 * The same for a text that might not be a reference. The error is reported later, and only to an authenticated caller.
 */
export function recordKeysOfRefText(text: string): readonly RecordKey[] {
  const ref = tryParseExplainRef(text);
  return ref === undefined ? [] : recordKeysOfRef(ref);
}

/** Whether a reference is to data of this user. */
export const belongsToUser = (ref: ExplainRef, { user }: UserRef): ref is ExplainRef & { kind: 'user' | 'device' } =>
  (ref.kind === 'user' || ref.kind === 'device') && ref.user === user;

/** Whether a reference is to messages, or includes them. */
export const concernsMessages = (ref: ExplainRef): boolean =>
  ref.kind === 'user' && ref.record?.collection !== 'memory';
