/** The combined read that every API-key request starts with. */

import type { ReadValue } from '../shared/ports.ts';
import type { StoredApiKey } from './api-key-ports.ts';

/** The result of one read. The keyring is unverified; KeyringOpener checks it. */
export interface RequestRecords {
  readonly apiKey: StoredApiKey | undefined;
  readonly keyring: unknown;
  /** The current versions, by name. A damaged item is among them and does not fail the read. */
  readonly values: ReadonlyMap<string, ReadValue>;
}

export interface RequestRecordsQuery {
  readonly org: string;
  readonly keyId: string;
  /** Names of the values to read, without duplicates. */
  readonly names: readonly string[];
}

/**
 * Contract of all stores: reads are strongly consistent. Throttling or a failure of the underlying service is
 * VaultError `unavailable`. An API key that does not have the documented format is DecryptionError.
 */
export interface RequestRecordStore {
  /** Reads API key, keyring and values in one round trip (two if more than 98 values are requested). */
  read(request: RequestRecordsQuery): Promise<RequestRecords>;
}
