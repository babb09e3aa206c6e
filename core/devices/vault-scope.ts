/** Ids of device vaults, devices and records (docs/format-devices.md, section 1). */

import { type Bytes, concatBytes, encodeFieldBytes, equalBytes } from '../encoding/bytes.ts';
import { toBase32 } from '../encoding/crockford-base32.ts';
import { isCurvePoint, pointLength } from '../hazmat/p256.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';

/** The vault that a key, an entry or a code belongs to. Always known to the caller, never taken from the server. */
export interface VaultScope {
  readonly org: string;
  readonly user: string;
  readonly vault: string;
}

/** The public keys of a member: P-256 points. */
export interface MemberKeys {
  readonly ecdh: Bytes;
  readonly ecdsa: Bytes;
}

const opaqueId = /^[0-9a-z]{16}$/;

/** Ids of orgs, users, vaults and pairings. */
export const isOpaqueIdText = (text: string): boolean => opaqueId.test(text);

/** Ids of devices: 160 bits in base32. */
export const isDeviceId = (text: string): boolean => /^[0-9a-hjkmnp-tv-z]{32}$/.test(text);

/** Types of the records that the chain carries. */
export const recordTypes: readonly string[] = ['memory', 'provider', 'session', 'todo'];

/** Ids of records. They are stored unencrypted, so they must not contain any content. */
export const isRecordId = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text);

/** Returns the scope. @throws RangeError unless all three ids have the form of an opaque id */
export function assertVaultScope(scope: VaultScope): VaultScope {
  if (!scopeFields(scope).every(isOpaqueIdText)) throw new RangeError('not the ids of a device vault');
  return scope;
}

/** The three fields that bind everything to a vault. */
export const scopeFields = ({ org, user, vault }: VaultScope) => [org, user, vault] as const;

export const isSameScope = (a: VaultScope, b: VaultScope): boolean =>
  a.org === b.org && a.user === b.user && a.vault === b.vault;

const deviceIdBytes = 20;

/** The id of a member: the first 160 bits of the hash of its keys. */
export async function deviceIdOf({ ecdh, ecdsa }: MemberKeys): Promise<string> {
  const digest = await portableSha256(encodeFieldBytes('anima:device:v1', ecdh, ecdsa));
  return toBase32(digest.subarray(0, deviceIdBytes));
}

/** Whether both keys are points of the curve, and different. */
export const areMemberKeys = ({ ecdh, ecdsa }: MemberKeys): boolean =>
  isCurvePoint(ecdh) && isCurvePoint(ecdsa) && !equalBytes(ecdh, ecdsa);

/** ECDH key ‖ ECDSA key: 130 bytes. */
export const joinKeys = ({ ecdh, ecdsa }: MemberKeys): Bytes => concatBytes(ecdh, ecdsa);

/** The inverse of {@link joinKeys}; undefined for another length, and unless both are usable keys of a member. */
export function splitKeys(joined: Uint8Array | undefined): MemberKeys | undefined {
  if (joined?.length !== 2 * pointLength) return undefined;
  const keys = { ecdh: new Uint8Array(joined.slice(0, pointLength)), ecdsa: new Uint8Array(joined.slice(pointLength)) };
  return areMemberKeys(keys) ? keys : undefined;
}
