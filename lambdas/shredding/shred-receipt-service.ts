/** The receipts of a shredding: what was destroyed, and whether a copy of it existed anywhere. */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { requireObjectFields } from '../../core/encoding/stored-record-fields.ts';
import { addTombstoneReceipt, type Tombstone } from '../../core/shredding/keyring-tombstone.ts';
import {
  type ShredReceipt,
  shredReceiptJwsType,
  shredReceiptLimits,
  shredReceiptStatement,
} from '../../core/shredding/receipt-statements.ts';
import type { OrgBlobPurger } from '../blobs/org-blob-purger.ts';
import { parseStoredKeyring } from '../org-keys/keyring-opener.ts';
import type { ShreddableKeyringStore } from '../org-keys/keyring-ports.ts';
import type { Clock, Signer } from '../shared/ports.ts';
import type { OrgUserPurger } from '../users/org-user-purger.ts';
import { assessBackups, canHoldCopy, mergeAssessments } from './backup-assessment.ts';
import type { FindBackups, ValueCounter } from './shred-ports.ts';

const maxAttempts = 5;
/** Stretches in which values are counted, of 1 MiB of items each: a receipt must not wait for more. */
const maxCountPages = 20;

/** What counts what is left of an org. */
export interface RemainingDataCounters {
  readonly values: ValueCounter;
  readonly blobs: Pick<OrgBlobPurger, 'count'>;
  readonly users: Pick<OrgUserPurger, 'countRemaining'>;
}

/** What looks for the copies of the tables that wrapped keys lie in: of orgs, and of users. */
export interface KeyringBackupFinders {
  readonly orgs: FindBackups;
  readonly users: FindBackups;
}

export class ShredReceiptService {
  readonly #store: ShreddableKeyringStore;
  readonly #backupFinders: KeyringBackupFinders;
  readonly #counters: RemainingDataCounters;
  readonly #signer: Signer;
  readonly #clock: Clock;

  constructor(
    store: ShreddableKeyringStore,
    backupFinders: KeyringBackupFinders,
    counters: RemainingDataCounters,
    signer: Signer,
    clock: Clock,
  ) {
    this.#store = store;
    this.#backupFinders = backupFinders;
    this.#counters = counters;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Looks for copies, users and blobs, and adds a receipt that says what was found, unless there is nothing left to be said.
   * @param onlyIfChanged adds none that would say the same as before: that there still is a copy, a user, or a blob
   * @throws VaultError `unavailable`, `write_contention`, `org_shredded` never
   */
  async issue(org: string, onlyIfChanged = false): Promise<Tombstone> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const tombstone = parseStoredKeyring(await this.#store.getRaw(org), org);
      if (tombstone.state !== 'shredded') throw new Error('the org is not shredded');
      if (isShredComplete(tombstone)) return tombstone;
      const receipt = await this.#buildReceipt(tombstone);
      const lastPayload = parseReceiptPayloads(tombstone).at(-1) ?? uncountedPayload;
      const isChanged =
        (receipt.final && !tombstone.final) ||
        (hasNoBlobs(receipt) && !hasNoBlobs(lastPayload)) ||
        (hasNoUsers(receipt) && !hasNoUsers(lastPayload));
      if (onlyIfChanged && !isChanged && tombstone.receipts.length > 0) return tombstone;
      const jws = await this.#signer.sign(receipt, shredReceiptJwsType);
      const next = addTombstoneReceipt(tombstone, { jws, final: receipt.final, unusableSince: receipt.unusableSince });
      if (await this.#store.replaceIfUnchanged(next, tombstone)) return next;
    }
    throw new VaultError('write_contention', { detail: 'The organization is shredded; only its receipt is missing.' });
  }

  async #buildReceipt(tombstone: Tombstone): Promise<ShredReceipt> {
    const { org, createdAt, generation, requestedAt, by, shreddedAt, destroyed, retired, issued } = tombstone;
    // The clock after the tombstone was read, not before it was written: only since then is it known to be there.
    const unusableSince = tombstone.unusableSince ?? this.#clock().toISOString();
    const inFlightUntil = new Date(Date.parse(unusableSince) + functionTimeoutSeconds * 1000).toISOString();
    const orgBackups = await this.#backupFinders.orgs();
    const userBackups = await this.#backupFinders.users();
    const values = await this.#countValues(org);
    const users = await this.#counters.users.countRemaining(org);
    const blobs = await this.#counters.blobs.count(org);
    // From the org's beginning, not from the oldest DEK that was left: an old copy would bring retired ones back too.
    const from = destroyed.length + retired > 0 ? createdAt : undefined;
    const now = this.#clock();
    const orgAssessment = assessBackups(orgBackups, from, unusableSince, now);
    // A user's keyring may have been there until none was found any more. What is stored late (user-erasing.ts) is within the blur.
    const usersUntil = firstReceiptWithoutKeyrings(tombstone) ?? now.toISOString();
    const userAssessment = assessBackups(userBackups, createdAt, usersUntil, now);
    const assessment = mergeAssessments(orgAssessment, userAssessment);
    const final =
      users.keyrings === 0 &&
      !canHoldCopy(orgBackups, orgAssessment, from, unusableSince) &&
      !canHoldCopy(userBackups, userAssessment, createdAt, usersUntil);
    return {
      statement: shredReceiptStatement,
      org,
      orgCreatedAt: createdAt,
      number: issued + 1,
      issuedAt: this.#clock().toISOString(),
      requestedAt,
      requestedBy: by,
      shreddedAt,
      unusableSince,
      inFlightUntil,
      // Each receipt made it one more.
      generation: generation - issued,
      deks: destroyed,
      retiredBefore: retired,
      values,
      blobs,
      users,
      copies: assessment,
      final,
      ...(final ? { irrecoverableSince: assessment.checkedAt } : {}),
      limits: shredReceiptLimits,
    };
  }

  async #countValues(org: string): Promise<ShredReceipt['values']> {
    let count = 0;
    let after: string | undefined;
    for (let stretch = 0; stretch < maxCountPages; stretch++) {
      const counted = await this.#counters.values.countAfter(org, after);
      count += counted.count;
      after = counted.last;
      if (after === undefined) return { count, complete: true };
    }
    return { count, complete: false };
  }
}

/** Whether a final receipt was issued, and one that says that no user and no blob is left. */
export function isShredComplete(tombstone: Tombstone): boolean {
  const last = parseReceiptPayloads(tombstone).at(-1) ?? uncountedPayload;
  return tombstone.final && hasNoBlobs(last) && hasNoUsers(last);
}

type ReceiptPayload = Partial<ShredReceipt>;

/** Receipts of a time without blobs do not mention any. */
const hasNoBlobs = ({ blobs }: ReceiptPayload): boolean =>
  blobs === undefined || (blobs.complete && blobs.objects === 0 && blobs.uploads === 0);

/** Nor do those of a time without users. */
const hasNoUsers = ({ users }: ReceiptPayload): boolean =>
  users === undefined || (users.complete && users.keyrings === 0 && users.records === 0);

const uncountedPayload: ReceiptPayload = {
  blobs: { objects: 0, uploads: 0, complete: false },
  users: { keyrings: 0, records: 0, complete: false },
};

/** What the receipts say that are kept. */
const parseReceiptPayloads = ({ receipts }: Tombstone): ReceiptPayload[] =>
  receipts.map((jws) => {
    try {
      return requireObjectFields(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()));
    } catch {
      // What stands there was not written by the vault: then a receipt that is good is still to be issued.
      return uncountedPayload;
    }
  });

/** When a receipt first said that no keyring of a user was left. */
const firstReceiptWithoutKeyrings = (tombstone: Tombstone): string | undefined =>
  parseReceiptPayloads(tombstone).find(({ users }) => users?.keyrings === 0)?.issuedAt;
