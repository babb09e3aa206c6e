/** Issues receipts of a shredding. They state what was destroyed and whether copies of it may exist. */
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
import type { ShreddableKeyringStore } from '../org-keys/keyring-ports.ts';
import type { KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import type { Clock, Signer } from '../shared/ports.ts';
import type { OrgUserPurger } from '../users/org-user-purger.ts';
import { assessBackups, canHoldCopy, mergeAssessments } from './backup-assessment.ts';
import type { FindBackups, ValueCounter } from './shred-ports.ts';

const maxAttempts = 5;
/**
 * Maximum number of pages that are read to count values. Each page has 1 MiB of items. The limit keeps the count from
 * delaying the receipt further.
 */
const maxCountPages = 20;

/** Counters of the remaining data of an org. */
export interface RemainingDataCounters {
  readonly values: ValueCounter;
  readonly blobs: Pick<OrgBlobPurger, 'count'>;
  readonly users: Pick<OrgUserPurger, 'countRemaining'>;
}

/** Backup finders for the tables that hold wrapped keys: org keyrings and user keyrings. */
export interface KeyringBackupFinders {
  readonly orgs: FindBackups;
  readonly users: FindBackups;
}

/** The generation of a keyring that was never changed. An older keyring that was put back can have lost its DEKs. */
const generationOfUnchangedKeyring = 1;

export class ShredReceiptService {
  readonly #store: ShreddableKeyringStore;
  readonly #verifier: KeyringVerifier;
  readonly #backupFinders: KeyringBackupFinders;
  readonly #counters: RemainingDataCounters;
  readonly #signer: Signer;
  readonly #clock: Clock;

  constructor(
    store: ShreddableKeyringStore,
    verifier: KeyringVerifier,
    backupFinders: KeyringBackupFinders,
    counters: RemainingDataCounters,
    signer: Signer,
    clock: Clock,
  ) {
    this.#store = store;
    this.#verifier = verifier;
    this.#backupFinders = backupFinders;
    this.#counters = counters;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Searches for backups, users and blobs, and issues a receipt that states the result. Does nothing if the shredding
   * is complete.
   * @param onlyIfChanged issues no receipt if it would report the same remaining backups, users or blobs as the last
   *   one
   * @throws VaultError `unavailable`, `write_contention`; DecryptionError; Error if the org is not shredded
   */
  async issue(org: string, onlyIfChanged = false): Promise<Tombstone> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const reread = () => this.#store.getRaw(org);
      const tombstone = await this.#verifier.verify(await reread(), org, reread);
      if (tombstone.state !== 'shredded') throw new Error('the org is not shredded');
      // Also after an interruption: an earlier tombstone would issue the number of its last receipt again.
      await this.#verifier.marks.raise(org, tombstone);
      if (isShredComplete(tombstone)) return tombstone;
      const receipt = await this.#buildReceipt(tombstone);
      const lastPayload = parseReceiptPayloads(tombstone).at(-1) ?? uncountedPayload;
      const isChanged =
        (receipt.final && !tombstone.final) ||
        (hasNoBlobs(receipt) && !hasNoBlobs(lastPayload)) ||
        (hasNoUsers(receipt) && !hasNoUsers(lastPayload));
      if (onlyIfChanged && !isChanged && tombstone.receipts.length > 0) return tombstone;
      const jws = await this.#signer.sign(receipt, shredReceiptJwsType);
      const key = await this.#verifier.keys.get(org);
      const next = addTombstoneReceipt(key, tombstone, {
        jws,
        final: receipt.final,
        unusableSince: receipt.unusableSince,
      });
      if (!(await this.#store.replaceIfUnchanged(next, tombstone))) continue;
      await this.#verifier.marks.raise(org, next);
      return next;
    }
    throw new VaultError('write_contention', { detail: 'The organization is shredded; only its receipt is missing.' });
  }

  async #buildReceipt(tombstone: Tombstone): Promise<ShredReceipt> {
    const { org, createdAt, generation, requestedAt, by, shreddedAt, destroyed, retired, issued } = tombstone;
    // The clock is read after the tombstone, because only a completed read proves that the tombstone is stored.
    const unusableSince = tombstone.unusableSince ?? this.#clock().toISOString();
    const inFlightUntil = new Date(Date.parse(unusableSince) + functionTimeoutSeconds * 1000).toISOString();
    const orgBackups = await this.#backupFinders.orgs();
    const userBackups = await this.#backupFinders.users();
    const values = await this.#countValues(org);
    const users = await this.#counters.users.countRemaining(org);
    const blobs = await this.#counters.blobs.count(org);
    // Starts at the creation of the org, not of its oldest remaining DEK, because an old backup would also restore
    // retired DEKs.
    const neverHadDek = destroyed.length + retired === 0 && generation - issued === generationOfUnchangedKeyring + 1;
    const from = neverHadDek ? undefined : createdAt;
    const now = this.#clock();
    const orgAssessment = assessBackups(orgBackups, from, unusableSince, now);
    // A user keyring may have existed until the first count that found none. A keyring stored late
    // (users/org-user-purger.ts) is covered by the tolerance.
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
      // Each receipt increments the generation by one.
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

/** Whether a final receipt was issued and the last receipt states that no users and no blobs remain. */
export function isShredComplete(tombstone: Tombstone): boolean {
  const last = parseReceiptPayloads(tombstone).at(-1) ?? uncountedPayload;
  return tombstone.final && hasNoBlobs(last) && hasNoUsers(last);
}

type ReceiptPayload = Partial<ShredReceipt>;

/** Receipts from before the vault had blobs do not mention them. */
const hasNoBlobs = ({ blobs }: ReceiptPayload): boolean =>
  blobs === undefined || (blobs.complete && blobs.objects === 0 && blobs.uploads === 0);

const hasNoUsers = ({ users }: ReceiptPayload): boolean => {
  if (users === undefined) return true;
  const { complete, ...counts } = users;
  return complete && Object.values(counts).every((count) => count === 0);
};

const uncountedPayload: ReceiptPayload = {
  blobs: { objects: 0, uploads: 0, complete: false },
  users: {
    keyrings: 0,
    records: 0,
    deviceRosters: 0,
    deviceEntries: 0,
    mailboxItems: 0,
    directoryItems: 0,
    complete: false,
  },
};

/** Payloads of the receipts in the tombstone. */
const parseReceiptPayloads = ({ receipts }: Tombstone): ReceiptPayload[] =>
  receipts.map((jws) => {
    try {
      return requireObjectFields(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()));
    } catch {
      // The vault did not write this entry, so a valid receipt must still be issued.
      return uncountedPayload;
    }
  });

/** Time of the first receipt that counted no user keyrings. */
const firstReceiptWithoutKeyrings = (tombstone: Tombstone): string | undefined =>
  parseReceiptPayloads(tombstone).find(({ users }) => users?.keyrings === 0)?.issuedAt;
