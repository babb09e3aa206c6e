/** The records key and the marks of orgs in memory. */
import { createHmac, randomBytes } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { lockKeyring, parseKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { type AuthenticationKey, importAuthenticationKey } from '../../core/records/authentication-key.ts';
import { decodeOrgMark, encodeOrgMark, newOrgMark, type OrgMark, type ShredLock } from '../../core/records/org-mark.ts';
import { KeyringVerifier } from '../../lambdas/org-keys/keyring-verifier.ts';
import { AuthenticationKeys } from '../../lambdas/records/authentication-keys.ts';
import { OrgMarks } from '../../lambdas/records/org-marks.ts';
import type { OrgMarkStore, RecordsKey, StoredOrgMark } from '../../lambdas/records/record-ports.ts';
import type { Clock } from '../../lambdas/shared/ports.ts';

export class InMemoryRecordsKey implements RecordsKey {
  readonly #secret: Buffer;
  calls = 0;
  fail = false;

  constructor(secret = randomBytes(32)) {
    this.#secret = secret;
  }
  async deriveAuthenticationKey(org: string) {
    this.calls++;
    if (this.fail) throw new VaultError('unavailable');
    return this.#derive(org);
  }
  keyOf(org: string): AuthenticationKey {
    return importAuthenticationKey(this.#derive(org), org);
  }
  #derive(org: string): Buffer {
    return createHmac('sha256', this.#secret).update(org).digest();
  }
}

/** The records key of all in-memory worlds that do not need their own. */
export const testRecordsKey = new InMemoryRecordsKey();
export const authenticationKeyOf = (org: string): AuthenticationKey => testRecordsKey.keyOf(org);

/** The outcome of a write: done, done but the reply is lost, lost to another writer, or failed without effect. */
export type MarkWriteOutcome = 'done' | 'lost' | 'conflict' | 'refused';

export class InMemoryOrgMarks implements OrgMarkStore {
  readonly stored = new Map<string, StoredOrgMark>();
  reads = 0;
  writes = 0;
  outcomes: MarkWriteOutcome[] = [];

  async read(org: string) {
    this.reads++;
    return this.stored.get(org);
  }
  async write(org: string, text: string, before: string | undefined) {
    const outcome = this.outcomes.shift() ?? 'done';
    if (outcome === 'refused') throw new VaultError('unavailable');
    if (outcome === 'conflict') return undefined;
    const etag = this.writeNow(org, text, before);
    return outcome === 'lost' ? undefined : etag;
  }
  writeNow(org: string, text: string, before: string | undefined): string | undefined {
    if (this.stored.get(org)?.etag !== before) return undefined;
    const etag = `"${++this.writes}"`;
    this.stored.set(org, { text, etag });
    return etag;
  }
  /** Stores the first mark of an org. */
  begin(org: string): this {
    this.stored.set(org, { text: encodeOrgMark(authenticationKeyOf(org), newOrgMark(org)), etag: '"first"' });
    return this;
  }
  markOf(org: string): OrgMark {
    return decodeOrgMark(authenticationKeyOf(org), this.stored.get(org)?.text ?? '');
  }
}

/** The stored record of an org's keyring, locked. */
export const lockRecord = (org: string, record: unknown, lock: ShredLock): Record<string, unknown> =>
  toKeyringRecord(lockKeyring(authenticationKeyOf(org), parseKeyring(authenticationKeyOf(org), record), lock));

/** A process: its caches of keys and marks. */
export function createRecordVerifiers(store: OrgMarkStore, clock: Clock, recordsKey: RecordsKey = testRecordsKey) {
  const keys = new AuthenticationKeys(recordsKey);
  const marks = new OrgMarks(keys, store, clock);
  return { keys, marks, keyringVerifier: new KeyringVerifier(keys, marks) };
}
