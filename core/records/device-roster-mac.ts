/** The MAC of the roster of a device vault, as the service stores it (docs/device-service.md, section 6). */
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from './authentication-key.ts';

export interface StoredRosterFields {
  /** `<user>/vault/<vault>`. */
  readonly id: string;
  readonly createdAt: string;
  readonly state: Uint8Array;
}

const macFields = ({ org }: AuthenticationKey, { id, createdAt, state }: StoredRosterFields) =>
  ['anima:device-roster:v1', org, id, createdAt, state] as const;

export const computeRosterMac = (key: AuthenticationKey, roster: StoredRosterFields): string =>
  computeRecordMac(key, macFields(key, roster));

/** @throws DecryptionError for a roster that the service did not store for this org */
export const verifyRosterMac = (key: AuthenticationKey, roster: StoredRosterFields, mac: unknown): void =>
  verifyRecordMac(key, mac, macFields(key, roster));
