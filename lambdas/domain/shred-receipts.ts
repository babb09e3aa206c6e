/** The receipts of a shredding: what was destroyed, and whether a copy of it existed anywhere. */
import { functionTimeoutSeconds } from '../../contract/environment.ts';
import { VaultError } from '../../contract/vault-error.ts';
import { type ShredReceipt, shredLimits, shredReceiptType, shredStatement } from '../../core/receipts.ts';
import { addReceipt, type Tombstone } from '../../core/tombstone.ts';
import type { BlobErasing } from './blob-erasing.ts';
import { judge, mayHold } from './copies.ts';
import { storedKeyring } from './deks.ts';
import type { Clock, Signer } from './ports.ts';
import type { FindCopies, ShredStore, ValueCounter } from './shredding-ports.ts';

const attempts = 5;
/** Stretches in which values are counted, of 1 MiB of items each: a receipt must not wait for more. */
const countedStretches = 20;

export class ShredReceipts {
  readonly #store: ShredStore;
  readonly #copies: FindCopies;
  readonly #values: ValueCounter;
  readonly #blobs: Pick<BlobErasing, 'count'>;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @param copies those of the table of keyrings */
  constructor(
    store: ShredStore,
    copies: FindCopies,
    values: ValueCounter,
    blobs: Pick<BlobErasing, 'count'>,
    signer: Signer,
    clock: Clock,
  ) {
    this.#store = store;
    this.#copies = copies;
    this.#values = values;
    this.#blobs = blobs;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Looks for copies and blobs, and adds a receipt that says what was found, unless there is nothing left to be said.
   * @param quiet adds none that would say the same as before: that there still is a copy, or a blob
   * @throws VaultError `unavailable`, `write_contention`, `org_shredded` never
   */
  async issue(org: string, quiet = false): Promise<Tombstone> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const tombstone = storedKeyring(await this.#store.stored(org), org);
      if (tombstone.state !== 'shredded') throw new Error('the org is not shredded');
      if (isSettled(tombstone)) return tombstone;
      const receipt = await this.#receipt(tombstone);
      const isNews =
        (receipt.final && !tombstone.final) || (isErased(receipt.blobs) && !isErased(lastBlobs(tombstone)));
      if (quiet && !isNews && tombstone.receipts.length > 0) return tombstone;
      const jws = await this.#signer.sign(receipt, shredReceiptType);
      const next = addReceipt(tombstone, { jws, final: receipt.final, unusableSince: receipt.unusableSince });
      if (await this.#store.change(next, tombstone)) return next;
    }
    throw new VaultError('write_contention', { detail: 'The organization is shredded; only its receipt is missing.' });
  }

  async #receipt(tombstone: Tombstone): Promise<ShredReceipt> {
    const { org, createdAt, generation, requestedAt, by, shreddedAt, destroyed, retired, issued } = tombstone;
    // The clock after the tombstone was read, not before it was written: only since then is it known to be there.
    const unusableSince = tombstone.unusableSince ?? this.#clock().toISOString();
    const inFlightUntil = new Date(Date.parse(unusableSince) + functionTimeoutSeconds * 1000).toISOString();
    const copies = await this.#copies();
    const values = await this.#count(org);
    const blobs = await this.#blobs.count(org);
    // From the org's beginning, not from the oldest DEK that was left: an old copy would bring retired ones back too.
    const from = destroyed.length + retired > 0 ? createdAt : undefined;
    const found = judge(copies, from, unusableSince, this.#clock());
    const final = !mayHold(copies, found, from, unusableSince);
    return {
      statement: shredStatement,
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
      copies: found,
      final,
      ...(final ? { irrecoverableSince: found.checkedAt } : {}),
      limits: shredLimits,
    };
  }

  async #count(org: string): Promise<ShredReceipt['values']> {
    let count = 0;
    let after: string | undefined;
    for (let stretch = 0; stretch < countedStretches; stretch++) {
      const counted = await this.#values.countFrom(org, after);
      count += counted.count;
      after = counted.last;
      if (after === undefined) return { count, complete: true };
    }
    return { count, complete: false };
  }
}

/** Whether a final receipt was issued, and one that says that no blob is left. */
export const isSettled = (tombstone: Tombstone): boolean => tombstone.final && isErased(lastBlobs(tombstone));

/** Receipts of a time without blobs do not mention any. */
const isErased = (blobs: ShredReceipt['blobs']): boolean =>
  blobs === undefined || (blobs.complete && blobs.objects === 0 && blobs.uploads === 0);

const notCounted = { objects: 0, uploads: 0, complete: false };

/** What the latest receipt says of blobs; before the first, that nobody has looked. */
function lastBlobs({ receipts }: Tombstone): ShredReceipt['blobs'] {
  const payload = receipts.at(-1)?.split('.')[1];
  if (payload === undefined) return notCounted;
  try {
    const { blobs }: Partial<ShredReceipt> = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return blobs;
  } catch {
    // What stands there was not written by the vault: then a receipt that is good is still to be issued.
    return notCounted;
  }
}
