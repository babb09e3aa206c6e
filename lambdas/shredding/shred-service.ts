/**
 * Shreds an org: replaces its keyring, of which no backup may exist, with a tombstone. Every request reads that record
 * again, so from then on no request gets a DEK, even from a cache. Shredding needs no key.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { ShredRequest, ShredResponse } from '../../contract/shredding/wire.ts';
import { lockKeyring, unlockKeyring } from '../../core/org-keys/org-keyring.ts';
import type { OrgMark, ShredLock } from '../../core/records/org-mark.ts';
import { createTombstone, parseKeyringOrTombstone, type Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import type { OrgBlobPurger } from '../blobs/org-blob-purger.ts';
import type { ShreddableKeyringStore } from '../org-keys/keyring-ports.ts';
import type { KeyringVerifier, StoredKeyring } from '../org-keys/keyring-verifier.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { OrgUserPurger } from '../users/org-user-purger.ts';
import { isShredComplete, type ShredReceiptService } from './shred-receipt-service.ts';

/** Maximum number of attempts of one keyring update if concurrent updates are faster. */
const maxAttempts = 12;
const dayMs = 86_400_000;

/** Input of a shredding workflow. */
export interface ShredWorkflowInput {
  readonly org: string;
  /** RFC 3339: identifies the lock that the workflow ends, or the shredding whose cleanup it completes. */
  readonly requestedAt: string;
  /** RFC 3339: the end of the waiting period. The same for all executions of a workflow. */
  readonly waitUntil: string;
}

/** Head start of the request: after an immediate shredding, it searches for backups before the workflow does. */
const headStartSeconds = 60;

/**
 * Number of lists that a request deletes. A list of blobs has 1000 objects and 100 records. A list of users has 1000
 * keyrings, or 250 records when no keyring is left.
 */
const listsPerRequest = 1;

const keysDestroyedDetail =
  'The keys are destroyed, but the cleanup or the receipt is not finished. Send the same request again.';

export class ShredService {
  readonly #store: ShreddableKeyringStore;
  readonly #verifier: KeyringVerifier;
  readonly #blobPurger: Pick<OrgBlobPurger, 'purge'>;
  readonly #userPurger: Pick<OrgUserPurger, 'purge'>;
  readonly #receiptService: ShredReceiptService;
  readonly #workflowStarter: WorkflowStarter;
  readonly #clock: Clock;

  constructor(
    store: ShreddableKeyringStore,
    verifier: KeyringVerifier,
    blobPurger: Pick<OrgBlobPurger, 'purge'>,
    userPurger: Pick<OrgUserPurger, 'purge'>,
    receiptService: ShredReceiptService,
    workflowStarter: WorkflowStarter,
    clock: Clock,
  ) {
    this.#store = store;
    this.#verifier = verifier;
    this.#blobPurger = blobPurger;
    this.#userPurger = userPurger;
    this.#receiptService = receiptService;
    this.#workflowStarter = workflowStarter;
    this.#clock = clock;
  }

  /**
   * Shreds an org immediately, or locks it and shreds it after a number of days. The request can be repeated: an
   * existing lock is kept, and its workflow is started again if its execution failed. If the org is already shredded,
   * the request deletes users and blobs and searches for backups again, unless the receipts state that none remain.
   * @throws VaultError `invalid_request`, `write_contention`, `unavailable`
   */
  async request({ org, keyId: by }: Caller, { confirm, waitDays = 0 }: ShredRequest): Promise<ShredResponse> {
    if (confirm !== org) {
      throw new VaultError('invalid_request', {
        errors: [{ path: 'confirm', message: 'is not the ID of this organization' }],
      });
    }
    const now = this.#clock();
    const requestedAt = now.toISOString();
    if (waitDays === 0)
      return await this.#purgeAndIssueReceipt(await this.#replaceWithTombstone(org, { requestedAt, by }));
    const shredAt = new Date(now.getTime() + waitDays * dayMs).toISOString();
    return await this.#lockUntilShred(org, { shredAt, requestedAt, by });
  }

  /** Cancels a pending shredding. @throws VaultError `no_shred_pending`, `org_shredded`, `write_contention` */
  async cancel(org: string): Promise<ShredResponse> {
    let removed = false;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#read(org);
      const mark = await this.#verifier.marks.getLatest(org);
      if (stored.state === 'shredded') throw new VaultError('org_shredded');
      if (stored.lock === undefined) {
        // An earlier attempt of this call, or an earlier call that was interrupted, removed the lock.
        if (!removed && mark.lock === undefined) throw new VaultError('no_shred_pending');
        return await this.#confirm(stored);
      }
      removed = true;
      const unlocked = unlockKeyring(await this.#verifier.keys.get(org), stored);
      if (await this.#store.replaceIfUnchanged(unlocked, stored)) return await this.#confirm(unlocked);
    }
    throw keyringContention();
  }

  /**
   * Ends a waiting period: shreds the org if it is still locked by that request. Returns whether it is shredded.
   * @throws VaultError `write_contention`, `unavailable`
   */
  async shredIfLocked(org: string, requestedAt: string): Promise<boolean> {
    const tombstone = await this.#replaceWithTombstone(org, requestedAt);
    if (tombstone !== undefined) await this.#verifier.marks.raise(org, tombstone);
    return tombstone !== undefined;
  }

  /**
   * Replaces the keyring with a tombstone, despite concurrent updates. Returns the existing tombstone if there is one.
   * @param request the requester, for an immediate shredding; or the `requestedAt` of a lock. If that lock is no longer
   *   present, returns undefined.
   */
  async #replaceWithTombstone(org: string, request: Pick<ShredLock, 'requestedAt' | 'by'>): Promise<Tombstone>;
  async #replaceWithTombstone(org: string, lockedAt: string): Promise<Tombstone | undefined>;
  async #replaceWithTombstone(
    org: string,
    request: Pick<ShredLock, 'requestedAt' | 'by'> | string,
  ): Promise<Tombstone | undefined> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { stored, mark } = await this.#readEvenIfOld(org);
      if (stored.state === 'shredded') return stored;
      const lock = stored.generation < mark.generation ? mark.lock : stored.lock;
      const asked = typeof request === 'string' ? lock : request;
      if (asked === undefined || (typeof request === 'string' && asked.requestedAt !== request)) return undefined;
      const { requestedAt, by } = asked;
      const times = { requestedAt, by, shreddedAt: this.#clock().toISOString() };
      const tombstone = createTombstone(await this.#verifier.keys.get(org), stored, times, mark.generation);
      if (await this.#store.replaceIfUnchanged(tombstone, stored)) return tombstone;
    }
    throw keyringContention();
  }

  /**
   * Deletes as many users and blobs as a request has time for and issues the receipt. A workflow continues if this
   * request is interrupted, if backups exist, or if data remains.
   */
  async #purgeAndIssueReceipt(tombstone: Tombstone): Promise<ShredResponse> {
    const { org, requestedAt } = tombstone;
    try {
      if (isShredComplete(tombstone)) return await this.#confirm(tombstone);
      const waitUntil = new Date(Date.parse(requestedAt) + headStartSeconds * 1000).toISOString();
      // The workflow of a lock has another input, and therefore needs another name.
      await this.#startWorkflow({ org, requestedAt, waitUntil }, '-cleanup');
      // Earlier keyrings are refused from here on.
      await this.#verifier.marks.raise(org, tombstone);
      await this.#userPurger.purge(org, listsPerRequest);
      await this.#blobPurger.purge(org, false, listsPerRequest);
      return toShredResponse(await this.#receiptService.issue(org));
    } catch (error) {
      if (error instanceof VaultError && error.code === 'unavailable') {
        throw new VaultError('unavailable', { detail: keysDestroyedDetail });
      }
      throw error;
    }
  }

  async #lockUntilShred(org: string, lock: ShredLock): Promise<ShredResponse> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#read(org);
      if (stored.state === 'shredded') return await this.#purgeAndIssueReceipt(stored);
      if (stored.lock !== undefined) {
        await this.#startLockWorkflow(org, stored.lock);
        return await this.#confirm(stored);
      }
      // Started before the lock is set: a workflow without a lock does nothing, but a lock without a workflow would
      // never end.
      await this.#startLockWorkflow(org, lock);
      const locked = lockKeyring(await this.#verifier.keys.get(org), stored, lock);
      if (await this.#store.replaceIfUnchanged(locked, stored)) return await this.#confirm(locked);
    }
    throw keyringContention();
  }

  async #startLockWorkflow(org: string, { requestedAt, shredAt }: ShredLock): Promise<void> {
    await this.#startWorkflow({ org, requestedAt, waitUntil: shredAt }, '');
  }

  async #startWorkflow(input: ShredWorkflowInput, suffix: '' | '-cleanup'): Promise<void> {
    await this.#workflowStarter.start(`${input.org}-${Date.parse(input.requestedAt)}${suffix}`, input);
  }

  /** The response about a stored keyring. It is sent only once earlier keyrings are refused. */
  async #confirm(stored: StoredKeyring): Promise<ShredResponse> {
    await this.#verifier.marks.raise(stored.org, stored);
    return toShredResponse(stored);
  }

  async #read(org: string): Promise<StoredKeyring> {
    const reread = () => this.#store.getRaw(org);
    return await this.#verifier.verify(await reread(), org, reread);
  }

  /**
   * Reads a record that may be older than the mark. A shredding must not depend on what somebody put back: it replaces
   * an old keyring too, and takes the pending shredding from the mark.
   * @throws DecryptionError if the vault did not write the record
   */
  async #readEvenIfOld(org: string): Promise<{ readonly stored: StoredKeyring; readonly mark: OrgMark }> {
    const stored = parseKeyringOrTombstone(await this.#verifier.keys.get(org), await this.#store.getRaw(org));
    return { stored, mark: await this.#verifier.marks.getLatest(org) };
  }
}

const keyringContention = () =>
  new VaultError('write_contention', { detail: 'The keyring kept changing; nothing was changed.' });

/** The shredding state of an org, as its API reports it. */
export function toShredResponse(stored: StoredKeyring): ShredResponse {
  const { org } = stored;
  if (stored.state === 'shredded') {
    const { unusableSince, shreddedAt, final, receipts } = stored;
    return { org, state: 'shredded', shreddedAt: unusableSince ?? shreddedAt, final, receipts: [...receipts] };
  }
  const waiting = { org, final: false, receipts: [] };
  return stored.lock === undefined
    ? { ...waiting, state: 'active' }
    : { ...waiting, state: 'locked', shredAt: stored.lock.shredAt };
}
