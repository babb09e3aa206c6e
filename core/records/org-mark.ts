/**
 * The mark of an org (docs/format.md, section 5): what must stay true although somebody puts old records back into the
 * tables. It is kept in a bucket that a writer of the tables cannot reach. Marks are immutable; a function creates the
 * next mark from the previous one.
 */
import { DecryptionError } from '../decryption-error.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import type { AuthenticationKey } from './authentication-key.ts';
import { markCodec } from './mark-codec.ts';

/** A pending shredding. Until it is done or cancelled, no DEK of the org is used. */
export interface ShredLock {
  /** RFC 3339 times: the end of the waiting period, and its start. */
  readonly shredAt: string;
  readonly requestedAt: string;
  /** Id of the API key that requested it. */
  readonly by: string;
}

export interface OrgMark {
  readonly org: string;
  /** The lowest generation of a keyring or tombstone that is accepted. */
  readonly generation: number;
  readonly state: 'active' | 'shredded';
  /** The pending shredding at that generation. */
  readonly lock?: ShredLock;
  /** Number of receipts issued for the shredding. */
  readonly issued: number;
  /** API keys that were revoked or replaced: by id, the RFC 3339 time from which the key is refused. */
  readonly ended: Readonly<Record<string, string>>;
}

/** The parts of a keyring or tombstone that a mark keeps. */
export interface MarkedState {
  readonly generation: number;
  readonly state: 'active' | 'shredded';
  readonly lock?: ShredLock | undefined;
  readonly issued?: number | undefined;
}

export const newOrgMark = (org: string): OrgMark => ({ org, generation: 1, state: 'active', issued: 0, ended: {} });

/**
 * Creates the next mark, which accepts no record older than the given one. Returns the same mark if it already accepts
 * no older record. A shredded org stays shredded.
 */
export function raiseOrgMark(mark: OrgMark, { generation, state, lock, issued = 0 }: MarkedState): OrgMark {
  if (generation <= mark.generation || (mark.state === 'shredded' && state === 'active')) return mark;
  const { lock: _, ...rest } = mark;
  return {
    ...rest,
    generation,
    state,
    ...(lock === undefined ? {} : { lock }),
    issued: Math.max(mark.issued, issued),
  };
}

/** Creates the next mark, in which an API key ends at a time. An earlier end of the same key is kept. */
export function endKeyInMark(mark: OrgMark, keyId: string, at: string): OrgMark {
  const before = Object.hasOwn(mark.ended, keyId) ? mark.ended[keyId] : undefined;
  if (before !== undefined && Date.parse(before) <= Date.parse(at)) return mark;
  return { ...mark, ended: { ...mark.ended, [keyId]: at } };
}

/** When an API key ended or will end; undefined if the mark does not name it. */
export const endOfKeyInMark = ({ ended }: OrgMark, keyId: string): string | undefined =>
  Object.hasOwn(ended, keyId) ? ended[keyId] : undefined;

const marks = markCodec('anima:mark:v1');

/** The stored form: canonical JSON with its MAC. */
export const encodeOrgMark = (key: AuthenticationKey, mark: OrgMark): string => marks.encode(key, mark);

/**
 * Parses and verifies a stored mark.
 * @throws DecryptionError if it was not made by the vault for this org
 */
export function decodeOrgMark(key: AuthenticationKey, text: string): OrgMark {
  const { org, generation, state, issued, lock, ended } = marks.decode(key, text);
  // The MAC covers all members, so these checks only find errors of the vault itself.
  if (org !== key.org || !isCount(generation) || !isCount(issued)) throw new DecryptionError();
  if (state !== 'active' && state !== 'shredded') throw new DecryptionError();
  const ends: Record<string, string> = {};
  for (const [id, at] of Object.entries(requireObjectFields(ended))) {
    if (typeof at !== 'string') throw new DecryptionError();
    ends[id] = at;
  }
  return { org, generation, state, issued, ended: ends, ...parseShredLock(lock) };
}

/** Parses the stored lock of a keyring or mark. @throws DecryptionError */
export function parseShredLock(lock: unknown): { readonly lock?: ShredLock } {
  if (lock === undefined) return {};
  const { shredAt, requestedAt, by } = requireObjectFields(lock);
  if (typeof shredAt !== 'string' || typeof requestedAt !== 'string' || typeof by !== 'string') {
    throw new DecryptionError();
  }
  return { lock: { shredAt, requestedAt, by } };
}
