/**
 * The tombstone that replaces the keyring of a shredded org (docs/format.md, section 5). It contains no DEK, wrapped or
 * not, but facts about the DEKs that the org had. Its generation continues that of the keyring, so that a concurrent
 * change of the keyring cannot overwrite it.
 */
import { hash } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { isCount, requireObjectFields } from '../encoding/stored-record-fields.ts';
import { type DekState, isDekState, type Keyring, parseKeyring, toKeyringRecord } from '../org-keys/org-keyring.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';

/** A DEK that was destroyed. */
export interface DestroyedDek {
  readonly version: number;
  /** Its state before it was destroyed. */
  readonly state: DekState;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Base64url of the SHA-256 of its wrapped form. Anyone who finds a wrapped DEK can check whether it is this one. */
  readonly wrappedHash: string;
}

export interface Tombstone {
  readonly org: string;
  readonly state: 'shredded';
  readonly createdAt: string;
  readonly generation: number;
  /** RFC 3339: the time of the request, and the time at which it was carried out. */
  readonly requestedAt: string;
  readonly shreddedAt: string;
  /** Id of the API key that requested it. */
  readonly by: string;
  /** The DEKs that existed until the shredding, ascending by version. */
  readonly destroyed: readonly DestroyedDek[];
  /** Number of versions that rotation had retired, and so destroyed, before. */
  readonly retired: number;
  /** RFC 3339: the time since which the tombstone is known to be in the table; absent before the first receipt. */
  readonly unusableSince?: string;
  /** Number of receipts issued, including those that are no longer kept. */
  readonly issued: number;
  /** JWS in compact form, oldest first. */
  readonly receipts: readonly string[];
  /** Whether a receipt states that no copy existed. */
  readonly final: boolean;
  /** HMAC-SHA-256 over all of the above with the authentication key of the org, base64. */
  readonly mac: string;
}

/** Maximum number of receipts in a tombstone: the first one and the latest ones. */
const maxReceiptsKept = 10;

/**
 * Creates the tombstone of a keyring.
 * @param minGeneration the tombstone gets a higher generation than this one and than that of the keyring
 */
export function createTombstone(
  key: AuthenticationKey,
  { org, createdAt, generation, deks }: Keyring,
  request: Pick<Tombstone, 'requestedAt' | 'by' | 'shreddedAt'>,
  minGeneration = 0,
): Tombstone {
  const destroyed = deks
    .filter(({ state }) => state !== 'retired')
    .map(({ version, state, createdAt: madeAt, wrapped }) => ({
      version,
      state,
      createdAt: madeAt,
      wrappedHash: hash('sha256', Buffer.from(wrapped, 'base64'), 'base64url'),
    }));
  const retired = deks.length - destroyed.length;
  const { requestedAt, by, shreddedAt } = request;
  return withMac(key, {
    org,
    state: 'shredded',
    createdAt,
    generation: Math.max(generation, minGeneration) + 1,
    requestedAt,
    shreddedAt,
    by,
    destroyed,
    retired,
    issued: 0,
    receipts: [],
    final: false,
  });
}

const macFields = (tombstone: Omit<Tombstone, 'mac'>) => ['anima:tombstone:v1', canonicalJson(tombstone)];

const withMac = (key: AuthenticationKey, tombstone: Omit<Tombstone, 'mac'>): Tombstone => ({
  ...tombstone,
  mac: computeRecordMac(key, macFields(tombstone)),
});

/** Creates the next tombstone, with one more receipt. */
export function addTombstoneReceipt(
  key: AuthenticationKey,
  { mac: _, ...tombstone }: Tombstone,
  receipt: { readonly jws: string; readonly final: boolean; readonly unusableSince: string },
): Tombstone {
  const [first, ...later] = [...tombstone.receipts, receipt.jws];
  return withMac(key, {
    ...tombstone,
    generation: tombstone.generation + 1,
    unusableSince: receipt.unusableSince,
    issued: tombstone.issued + 1,
    receipts: [...(first === undefined ? [] : [first]), ...later.slice(-(maxReceiptsKept - 1))],
    final: tombstone.final || receipt.final,
  });
}

/**
 * Parses and verifies the stored record of an org.
 * @throws DecryptionError
 */
export function parseKeyringOrTombstone(key: AuthenticationKey, record: unknown): Keyring | Tombstone {
  return requireObjectFields(record).state === 'shredded' ? parseTombstone(key, record) : parseKeyring(key, record);
}

function parseTombstone(key: AuthenticationKey, record: unknown): Tombstone {
  const { org } = key;
  const { state, generation, activeVersion, deks, destroyed, retired, issued, receipts, final, mac, ...rest } =
    requireObjectFields(record);
  if (rest.org !== org || state !== 'shredded' || activeVersion !== 0) throw new DecryptionError();
  // A record that still has a DEK is not a tombstone.
  if (Object.keys(requireObjectFields(deks)).length > 0) throw new DecryptionError();
  if (!isCount(generation) || !isCount(retired) || !isCount(issued) || typeof final !== 'boolean') {
    throw new DecryptionError();
  }
  if (!Array.isArray(destroyed) || !Array.isArray(receipts) || !receipts.every(isString)) throw new DecryptionError();
  const { createdAt, requestedAt, shreddedAt, by, unusableSince } = rest;
  if (!isString(createdAt) || !isString(requestedAt) || !isString(shreddedAt) || !isString(by))
    throw new DecryptionError();
  if (unusableSince !== undefined && !isString(unusableSince)) throw new DecryptionError();
  if (!isString(mac)) throw new DecryptionError();
  const tombstone: Omit<Tombstone, 'mac'> = {
    org,
    state: 'shredded',
    createdAt,
    generation,
    requestedAt,
    shreddedAt,
    by,
    destroyed: destroyed.map(parseDestroyedDek),
    retired,
    ...(unusableSince === undefined ? {} : { unusableSince }),
    issued,
    receipts,
    final,
  };
  verifyRecordMac(key, mac, macFields(tombstone));
  return { ...tombstone, mac };
}

function parseDestroyedDek(record: unknown): DestroyedDek {
  const { version, state, createdAt, wrappedHash } = requireObjectFields(record);
  if (!isCount(version) || !isDekState(state) || !isString(createdAt) || !isString(wrappedHash))
    throw new DecryptionError();
  return { version, state, createdAt, wrappedHash };
}

const isString = (value: unknown): value is string => typeof value === 'string';

/** The stored form of a keyring or tombstone. */
export const toStoredRecord = (stored: Keyring | Tombstone): Record<string, unknown> =>
  stored.state === 'shredded' ? { ...stored, activeVersion: 0, deks: {} } : toKeyringRecord(stored);
