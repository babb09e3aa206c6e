/** The one read that brings what a request with an API key needs. */

import type { StoredValue } from '../shared/ports.ts';
import type { StoredApiKey } from './api-key-ports.ts';

/** What one read brings. The keyring is as stored, to be checked by the rules. */
export interface RequestRecords {
  readonly apiKey: StoredApiKey | undefined;
  readonly keyring: unknown;
  readonly values: ReadonlyMap<string, StoredValue>;
}

export interface RequestRecordsQuery {
  readonly org: string;
  readonly keyId: string;
  /** Values wanted, each name once. */
  readonly names: readonly string[];
  /** Whether earlier versions are wanted too. */
  readonly includeHistory: boolean;
}

/**
 * All stores: reads are strongly consistent; a failure or throttling of the service beneath is
 * VaultError `unavailable`; a record that does not have the documented form is DecryptionError.
 */
export interface RequestRecordStore {
  /** API key, keyring and values in one round trip (two when more than 98 values are wanted). */
  read(request: RequestRecordsQuery): Promise<RequestRecords>;
}
