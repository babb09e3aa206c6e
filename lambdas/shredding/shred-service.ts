/**
 * The rules of shredding an org: its keyring, of which no copy may exist, is replaced by a tombstone; from then on no request
 * gets a DEK, whatever it has cached, since each reads that record anew. It works without any key.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { ShredRequest, ShredResponse } from '../../contract/shredding/wire.ts';
import type { ShredLock } from '../../core/org-keys/org-keyring.ts';
import { createTombstone, type Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import type { OrgBlobPurger } from '../blobs/org-blob-purger.ts';
import { parseStoredKeyring, type StoredKeyring } from '../org-keys/keyring-opener.ts';
import type { ShreddableKeyringStore } from '../org-keys/keyring-ports.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowStarter } from '../shared/workflow-ports.ts';
import type { OrgUserPurger } from '../users/org-user-purger.ts';
import { isShredComplete, type ShredReceiptService } from './shred-receipt-service.ts';

/** Changes of one keyring that may come between before a request is given up. */
const maxAttempts = 12;
const dayMs = 86_400_000;

/** What a workflow of shredding is started with. */
export interface ShredWorkflowInput {
  readonly org: string;
  /** Of the lock that it is to end, or of the shredding whose copies it is to look after. */
  readonly requestedAt: string;
  readonly waitSeconds: number;
}

/** After a shredding at once, its own request looks for copies first. */
const headStartSeconds = 60;

/** Lists of blobs that a request deletes: 1000 objects and 100 records; of users, 1000 keyrings, and 250 records once none is left. */
const listsPerRequest = 1;

const keysDestroyedDetail =
  'The keys are destroyed; only what follows is left to be done. Send the same request again.';

export class ShredService {
  readonly #store: ShreddableKeyringStore;
  readonly #blobPurger: Pick<OrgBlobPurger, 'purge'>;
  readonly #userPurger: Pick<OrgUserPurger, 'purge'>;
  readonly #receiptService: ShredReceiptService;
  readonly #workflowStarter: WorkflowStarter;
  readonly #clock: Clock;

  constructor(
    store: ShreddableKeyringStore,
    blobPurger: Pick<OrgBlobPurger, 'purge'>,
    userPurger: Pick<OrgUserPurger, 'purge'>,
    receiptService: ShredReceiptService,
    workflowStarter: WorkflowStarter,
    clock: Clock,
  ) {
    this.#store = store;
    this.#blobPurger = blobPurger;
    this.#userPurger = userPurger;
    this.#receiptService = receiptService;
    this.#workflowStarter = workflowStarter;
    this.#clock = clock;
  }

  /**
   * Shreds an org, now or after some days for which it is locked. Repeated, it changes nothing that was done: a lock stays as it
   * is, and once shredded, users and blobs are deleted and copies looked for again, unless the receipts say that there are none.
   * @throws VaultError `invalid_request`, `write_contention`, `unavailable`
   */
  async request({ org, keyId: by }: Caller, { confirm, waitDays = 0 }: ShredRequest): Promise<ShredResponse> {
    if (confirm !== org) {
      throw new VaultError('invalid_request', {
        errors: [{ path: 'confirm', message: 'is not the id of this organization' }],
      });
    }
    const now = this.#clock();
    const requestedAt = now.toISOString();
    if (waitDays === 0)
      return await this.#purgeAndIssueReceipt(await this.#replaceWithTombstone(org, { requestedAt, by }));
    const shredAt = new Date(now.getTime() + waitDays * dayMs).toISOString();
    return await this.#lockUntilShred(org, { shredAt, requestedAt, by }, (waitDays * dayMs) / 1000);
  }

  /** Ends the waiting, and the shredding with it. @throws VaultError `no_shred_pending`, `org_shredded`, `write_contention` */
  async cancel(org: string): Promise<ShredResponse> {
    let removed: string | undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#readKeyring(org);
      if (stored.state === 'shredded') throw new VaultError('org_shredded');
      const { lock, ...unlocked } = stored;
      if (lock === undefined) {
        // Gone after our own try: its reply was lost, and this is what it did.
        if (removed === undefined) throw new VaultError('no_shred_pending');
        return toShredResponse(stored);
      }
      removed = lock.requestedAt;
      if (await this.#store.replaceIfUnchanged(unlocked, stored)) return toShredResponse(unlocked);
    }
    throw keyringContention();
  }

  /**
   * The end of a waiting period: shreds the org if it is still locked by that very request. Returns whether it is shredded.
   * @throws VaultError `write_contention`, `unavailable`
   */
  async shredIfLocked(org: string, requestedAt: string): Promise<boolean> {
    return (await this.#replaceWithTombstone(org, requestedAt)) !== undefined;
  }

  /**
   * Replaces the keyring by a tombstone, whoever else changes it meanwhile; the tombstone there is, if there is one.
   * @param request who asks for it now; or when a lock was asked for that must still be there, and undefined is returned if it is not
   */
  async #replaceWithTombstone(org: string, request: Pick<ShredLock, 'requestedAt' | 'by'>): Promise<Tombstone>;
  async #replaceWithTombstone(org: string, lockedAt: string): Promise<Tombstone | undefined>;
  async #replaceWithTombstone(
    org: string,
    request: Pick<ShredLock, 'requestedAt' | 'by'> | string,
  ): Promise<Tombstone | undefined> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#readKeyring(org);
      if (stored.state === 'shredded') return stored;
      const asked = typeof request === 'string' ? stored.lock : request;
      if (asked === undefined || (typeof request === 'string' && asked.requestedAt !== request)) return undefined;
      const { requestedAt, by } = asked;
      const tombstone = createTombstone(stored, { requestedAt, by, shreddedAt: this.#clock().toISOString() });
      if (await this.#store.replaceIfUnchanged(tombstone, stored)) return tombstone;
    }
    throw keyringContention();
  }

  /**
   * Deletes users and blobs, as many as a request has time for, and issues the receipt; a workflow looks after all of it, should this
   * request end before, or copies exist, or something be left.
   */
  async #purgeAndIssueReceipt(tombstone: Tombstone): Promise<ShredResponse> {
    if (isShredComplete(tombstone)) return toShredResponse(tombstone);
    const { org, requestedAt } = tombstone;
    try {
      await this.#startWorkflow({ org, requestedAt, waitSeconds: headStartSeconds });
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

  async #lockUntilShred(org: string, lock: ShredLock, waitSeconds: number): Promise<ShredResponse> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#readKeyring(org);
      if (stored.state === 'shredded') return await this.#purgeAndIssueReceipt(stored);
      const { requestedAt } = stored.lock ?? lock;
      // Before the lock, not after: a workflow whose lock never came about does nothing, a lock without a workflow never ends.
      if (stored.lock === undefined) await this.#startWorkflow({ org, requestedAt, waitSeconds });
      else return toShredResponse(stored);
      const locked = { ...stored, lock };
      if (await this.#store.replaceIfUnchanged(locked, stored)) return toShredResponse(locked);
    }
    throw keyringContention();
  }

  async #startWorkflow(input: ShredWorkflowInput): Promise<void> {
    await this.#workflowStarter.start(`${input.org}-${Date.parse(input.requestedAt)}`, input);
  }

  async #readKeyring(org: string): Promise<StoredKeyring> {
    return parseStoredKeyring(await this.#store.getRaw(org), org);
  }
}

const keyringContention = () =>
  new VaultError('write_contention', { detail: 'The keyring kept changing; nothing was changed.' });

/** How far an org is on the way to its end, as its members may see it. */
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
