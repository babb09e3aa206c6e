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
import type { BlobErasing } from '../blobs/org-blob-purger.ts';
import { storedKeyring } from '../org-keys/keyring-opener.ts';
import type { ShredStore } from '../org-keys/keyring-ports.ts';
import type { Clock, Signer } from '../shared/ports.ts';
import type { UserErasing } from '../users/org-user-purger.ts';
import { judge, mayHold, together } from './backup-assessment.ts';
import type { FindCopies, ValueCounter } from './shred-ports.ts';

const attempts = 5;
/** Stretches in which values are counted, of 1 MiB of items each: a receipt must not wait for more. */
const countedStretches = 20;

/** What counts what is left of an org. */
export interface ShredCounts {
  readonly values: ValueCounter;
  readonly blobs: Pick<BlobErasing, 'count'>;
  readonly users: Pick<UserErasing, 'count'>;
}

/** What looks for the copies of the tables that wrapped keys lie in: of orgs, and of users. */
export interface KeyringCopies {
  readonly orgs: FindCopies;
  readonly users: FindCopies;
}

export class ShredReceipts {
  readonly #store: ShredStore;
  readonly #copies: KeyringCopies;
  readonly #counts: ShredCounts;
  readonly #signer: Signer;
  readonly #clock: Clock;

  constructor(store: ShredStore, copies: KeyringCopies, counts: ShredCounts, signer: Signer, clock: Clock) {
    this.#store = store;
    this.#copies = copies;
    this.#counts = counts;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Looks for copies, users and blobs, and adds a receipt that says what was found, unless there is nothing left to be said.
   * @param quiet adds none that would say the same as before: that there still is a copy, a user, or a blob
   * @throws VaultError `unavailable`, `write_contention`, `org_shredded` never
   */
  async issue(org: string, quiet = false): Promise<Tombstone> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const tombstone = storedKeyring(await this.#store.stored(org), org);
      if (tombstone.state !== 'shredded') throw new Error('the org is not shredded');
      if (isSettled(tombstone)) return tombstone;
      const receipt = await this.#receipt(tombstone);
      const last = said(tombstone).at(-1) ?? notCounted;
      const isNews =
        (receipt.final && !tombstone.final) ||
        (noBlobs(receipt) && !noBlobs(last)) ||
        (noUsers(receipt) && !noUsers(last));
      if (quiet && !isNews && tombstone.receipts.length > 0) return tombstone;
      const jws = await this.#signer.sign(receipt, shredReceiptJwsType);
      const next = addTombstoneReceipt(tombstone, { jws, final: receipt.final, unusableSince: receipt.unusableSince });
      if (await this.#store.change(next, tombstone)) return next;
    }
    throw new VaultError('write_contention', { detail: 'The organization is shredded; only its receipt is missing.' });
  }

  async #receipt(tombstone: Tombstone): Promise<ShredReceipt> {
    const { org, createdAt, generation, requestedAt, by, shreddedAt, destroyed, retired, issued } = tombstone;
    // The clock after the tombstone was read, not before it was written: only since then is it known to be there.
    const unusableSince = tombstone.unusableSince ?? this.#clock().toISOString();
    const inFlightUntil = new Date(Date.parse(unusableSince) + functionTimeoutSeconds * 1000).toISOString();
    const copies = await this.#copies.orgs();
    const userCopies = await this.#copies.users();
    const values = await this.#count(org);
    const users = await this.#counts.users.count(org);
    const blobs = await this.#counts.blobs.count(org);
    // From the org's beginning, not from the oldest DEK that was left: an old copy would bring retired ones back too.
    const from = destroyed.length + retired > 0 ? createdAt : undefined;
    const now = this.#clock();
    const orgs = judge(copies, from, unusableSince, now);
    // A user's keyring may have been there until none was found any more. What is stored late (user-erasing.ts) is within the blur.
    const usersUntil = noKeyringsSince(tombstone) ?? now.toISOString();
    const ofUsers = judge(userCopies, createdAt, usersUntil, now);
    const found = together(orgs, ofUsers);
    const final =
      users.keyrings === 0 &&
      !mayHold(copies, orgs, from, unusableSince) &&
      !mayHold(userCopies, ofUsers, createdAt, usersUntil);
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
      copies: found,
      final,
      ...(final ? { irrecoverableSince: found.checkedAt } : {}),
      limits: shredReceiptLimits,
    };
  }

  async #count(org: string): Promise<ShredReceipt['values']> {
    let count = 0;
    let after: string | undefined;
    for (let stretch = 0; stretch < countedStretches; stretch++) {
      const counted = await this.#counts.values.countFrom(org, after);
      count += counted.count;
      after = counted.last;
      if (after === undefined) return { count, complete: true };
    }
    return { count, complete: false };
  }
}

/** Whether a final receipt was issued, and one that says that no user and no blob is left. */
export function isSettled(tombstone: Tombstone): boolean {
  const last = said(tombstone).at(-1) ?? notCounted;
  return tombstone.final && noBlobs(last) && noUsers(last);
}

type Said = Partial<ShredReceipt>;

/** Receipts of a time without blobs do not mention any. */
const noBlobs = ({ blobs }: Said): boolean =>
  blobs === undefined || (blobs.complete && blobs.objects === 0 && blobs.uploads === 0);

/** Nor do those of a time without users. */
const noUsers = ({ users }: Said): boolean =>
  users === undefined || (users.complete && users.keyrings === 0 && users.records === 0);

const notCounted: Said = {
  blobs: { objects: 0, uploads: 0, complete: false },
  users: { keyrings: 0, records: 0, complete: false },
};

/** What the receipts say that are kept. */
const said = ({ receipts }: Tombstone): Said[] =>
  receipts.map((jws) => {
    try {
      return requireObjectFields(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()));
    } catch {
      // What stands there was not written by the vault: then a receipt that is good is still to be issued.
      return notCounted;
    }
  });

/** When a receipt first said that no keyring of a user was left. */
const noKeyringsSince = (tombstone: Tombstone): string | undefined =>
  said(tombstone).find(({ users }) => users?.keyrings === 0)?.issuedAt;
