/** The receipts of a shredding: what was destroyed, and whether a copy of it existed anywhere. */
import { functionTimeoutSeconds } from '../../contract/environment.ts';
import { VaultError } from '../../contract/vault-error.ts';
import { type ShredReceipt, shredLimits, shredReceiptType, shredStatement } from '../../core/receipts.ts';
import { addReceipt, type Tombstone } from '../../core/tombstone.ts';
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
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @param copies those of the table of keyrings */
  constructor(store: ShredStore, copies: FindCopies, values: ValueCounter, signer: Signer, clock: Clock) {
    this.#store = store;
    this.#copies = copies;
    this.#values = values;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Looks for copies and adds a receipt that says what was found, unless there is a final one.
   * @param quiet adds none that would say the same as before: that there still is a copy
   * @throws VaultError `unavailable`, `write_contention`, `org_shredded` never
   */
  async issue(org: string, quiet = false): Promise<Tombstone> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const tombstone = storedKeyring(await this.#store.stored(org), org);
      if (tombstone.state !== 'shredded') throw new Error('the org is not shredded');
      if (tombstone.final) return tombstone;
      const receipt = await this.#receipt(tombstone);
      if (quiet && !receipt.final && tombstone.receipts.length > 0) return tombstone;
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
