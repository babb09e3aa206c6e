/** Reads the seals of an org from the locked bucket, and decides which stored version of each one counts. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseSeal, type Seal, sealJwsType } from '../../core/audit/audit-seal.ts';
import { verifyJws } from '../../core/signing/jws.ts';
import type { Page, PublicKeySource } from '../shared/ports.ts';
import type { AuditHeadReader, StoredHead } from './audit-ports.ts';

/** The locked bucket contains something that the vault did not put there. */
export class AuditHeadConflict extends VaultError {
  static {
    AuditHeadConflict.prototype.name = 'AuditHeadConflict';
  }

  constructor(detail: string) {
    super('decryption_failed', { detail });
  }
}

/** Larger than any seal, bytes. Other objects are not read. */
const maxSealBytes = 4096;
/** Maximum number of versions that are read to find the valid one. The vault itself creates one. */
const maxVersions = 100;
/** Number of invalid heads after the latest valid one for which the search is fast. */
const maxInvalidHeads = 32;
/** The highest number that a key can hold (stores/s3-audit-heads.ts). */
const maxSealNumber = 999_999_999_999;
/** Maximum number of orgs whose latest head is remembered, so that a run need not search for it. */
const maxRememberedOrgs = 10_000;

/** A seal that the vault signed for this org and this number. */
export interface VerifiedHead {
  readonly seq: number;
  readonly jws: string;
  readonly seal: Seal;
  readonly versionId: string;
}

export interface LatestHead {
  /** Undefined before the first seal. */
  readonly head: VerifiedHead | undefined;
  /** Numbers of objects after it that contain no valid seal. */
  readonly invalid: readonly number[];
}

export class AuditHeads {
  readonly #store: AuditHeadReader;
  readonly #keys: PublicKeySource;
  readonly #latest = new Map<string, VerifiedHead>();

  constructor(store: AuditHeadReader, keys: PublicKeySource) {
    this.#store = store;
    this.#keys = keys;
  }

  /**
   * The oldest version that the vault signed. Object Lock keeps every version, so a later one cannot replace it, and an
   * earlier one without a valid signature does not count.
   */
  async verify(org: string, { seq, versions, complete }: StoredHead): Promise<VerifiedHead | undefined> {
    if (!complete) return undefined;
    const known = this.#latest.get(org);
    if (known?.seq === seq && known.versionId === versions[0]?.id) return known;
    const keys = await this.#keys.list();
    for (const { id, bytes } of versions.slice(0, maxVersions)) {
      const jws = bytes > maxSealBytes ? undefined : await this.#store.readVersion(org, seq, id);
      const seal = jws === undefined ? undefined : parseSeal(verifyJws(jws, keys, sealJwsType));
      if (jws !== undefined && seal?.org === org && seal.seq === seq) return { seq, jws, seal, versionId: id };
    }
    return undefined;
  }

  /**
   * Heads with a higher number, ascending.
   * @throws AuditHeadConflict if they cannot be listed. An empty page would end an export early.
   */
  async list(org: string, after: number, limit: number): Promise<Page<StoredHead>> {
    const page = await this.#store.listHeads(org, after, limit);
    if (page.items.length > 0 || !page.more) return page;
    throw new AuditHeadConflict('The locked bucket has too many objects that are not seals.');
  }

  /** The seal with this number; undefined if there is no valid one. */
  async find(org: string, seq: number): Promise<VerifiedHead | undefined> {
    const [stored] = (await this.list(org, seq - 1, 1)).items;
    return stored?.seq === seq ? await this.verify(org, stored) : undefined;
  }

  /**
   * The valid head with the highest number. Objects of others cannot hide it.
   * @throws AuditHeadConflict if no valid seal was found among the objects of the org
   */
  async findLatest(org: string): Promise<LatestHead> {
    const tail = await this.#listTail(org, (this.#latest.get(org)?.seq ?? 1) - 1);
    const invalid: number[] = [];
    for (const stored of tail.toReversed()) {
      const head = await this.verify(org, stored);
      if (head !== undefined) return this.#remember(org, { head, invalid });
      invalid.push(stored.seq);
    }
    if (tail.length <= maxInvalidHeads && (tail[0]?.seq ?? 1) === 1) return { head: undefined, invalid };
    const seq = await findLast(0, 1, async (one) => (await this.find(org, one)) !== undefined);
    const head = await this.find(org, seq);
    if (head !== undefined) return this.#remember(org, { head, invalid });
    throw new AuditHeadConflict('The locked bucket has objects of the organization, but no valid seal was found.');
  }

  /**
   * The last stored heads, ascending: at most {@link maxInvalidHeads} and the one before them. The search works from
   * any start, so the result does not depend on what is remembered.
   */
  async #listTail(org: string, start: number): Promise<readonly StoredHead[]> {
    const first = await this.list(org, start, maxInvalidHeads + 1);
    if (!first.more && first.items.length > 0) return first.items;
    if (!first.more) return start === 0 ? [] : await this.#listTail(org, 0);
    const last = await findLast(start, maxInvalidHeads, async (seq) => {
      return (await this.list(org, seq - 1, 1)).items.length > 0;
    });
    return (await this.list(org, Math.max(0, last - maxInvalidHeads - 1), 2 * maxInvalidHeads)).items;
  }

  #remember(org: string, latest: LatestHead & { readonly head: VerifiedHead }): LatestHead {
    if (this.#latest.size >= maxRememberedOrgs && !this.#latest.has(org)) this.#latest.clear();
    this.#latest.set(org, latest.head);
    return latest;
  }
}

/**
 * The last number for which a test is true, by doubling and halving. The test must be true up to some number and false
 * after it. `from` is returned if it is true for none after it.
 */
async function findLast(from: number, firstStep: number, isTrue: (seq: number) => Promise<boolean>): Promise<number> {
  let low = from;
  let high = maxSealNumber + 1;
  let step = firstStep;
  while (high - low > 1) {
    // Doubles the step until the test is false for the first time.
    const middle = high > maxSealNumber ? Math.min(low + step, maxSealNumber) : low + Math.floor((high - low) / 2);
    if (await isTrue(middle)) low = middle;
    else high = middle;
    step *= 2;
  }
  return low;
}
