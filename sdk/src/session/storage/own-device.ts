/** The keys of this device, and how far its enrollment is. */
import { deviceIdOf, fingerprintOf } from '../../../../core/directory/directory-ids.ts';
import type { DirectoryRole } from '../../../../core/directory/entry-bodies.ts';
import { generateSigningKey, type SigningKey, signingKeyOf } from '../../../../core/directory/signing-key.ts';
import { type Bytes, concatBytes } from '../../../../core/encoding/bytes.ts';
import type { OwnKeys } from '../../../../core/sessions/device-keys.ts';
import { dhKeyOf, newDhSecret } from '../../../../core/sessions/device-secrets.ts';
import { sessionError } from '../session-errors.ts';
import type { Changes, SessionStore } from './session-store.ts';

/** This device with its secrets. */
export interface OwnDevice extends OwnKeys {
  readonly ik: SigningKey;
}

export type EnrollmentPhase = 'begun' | 'sent' | 'active';

/** What is stored beside the keys. */
export interface DeviceRecord {
  readonly phase: EnrollmentPhase;
  /** Text of the invite until the device is active, then empty; its id is kept. Empty for a member of a fleet. */
  readonly invite: string;
  readonly inviteId: string;
  /** Pin of a member of a fleet in base64url. */
  readonly pin: string;
  readonly person: string;
  readonly role: DirectoryRole | '';
  /** When the enrollment began, in milliseconds since 1970. */
  readonly started: number;
}

const keysName = 'device-keys';
const recordName = 'device';
const seedLength = 32;

const ownDeviceOf = (org: string, ik: SigningKey, dhSecret: Bytes): OwnDevice => {
  const keys = { ik: ik.publicKey, dh: dhKeyOf(dhSecret) };
  return { org, ik, dhSecret, device: { id: deviceIdOf(org, keys), ...keys } };
};

/** New keys, made independently of each other. */
export const newOwnDevice = (org: string): OwnDevice => ownDeviceOf(org, generateSigningKey(), newDhSecret());

export const stageKeys = (changes: Changes, { ik, dhSecret }: OwnDevice): Changes =>
  changes.putSecret(keysName, concatBytes(ik.seed, dhSecret));

export const stageRecord = (changes: Changes, record: DeviceRecord): Changes => changes.put(recordName, record);

/** @returns undefined if the storage has no device yet */
export async function loadOwnDevice(
  store: SessionStore,
  org: string,
): Promise<{ readonly own: OwnDevice; readonly record: DeviceRecord } | undefined> {
  const [secrets, record] = [await store.bytes(keysName), await store.item<DeviceRecord>(recordName)];
  if (secrets === undefined && record === undefined) return undefined;
  if (secrets?.length !== 2 * seedLength || record === undefined) throw sessionError('storage_damaged');
  const own = ownDeviceOf(org, signingKeyOf(secrets.slice(0, seedLength)), secrets.slice(seedLength));
  secrets.fill(0);
  return { own, record };
}

export const eraseOwnDevice = ({ ik, dhSecret }: OwnDevice): void => {
  ik.seed.fill(0);
  dhSecret.fill(0);
};

/** `XXXX-XXXX-XXXX-XXXX`, which people compare. */
export const fingerprintOfOwn = ({ org, device }: OwnDevice): string => fingerprintOf(org, device);
