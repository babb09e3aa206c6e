/** In-memory audit ports, with a settable clock and the failures of real stores. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type {
  AuditAppender,
  AuditMarkIndex,
  AuditPage,
  NewAuditRecord,
  SealStore,
  StoredSeal,
} from '../../lambdas/audit/audit-ports.ts';
import type { Page } from '../../lambdas/shared/ports.ts';
import { signSeal } from './export-fixtures.ts';

export class InMemoryAuditStore implements AuditAppender, SealStore, AuditMarkIndex {
  /** By org, then id. */
  readonly records_ = new Map<string, Map<string, NewAuditRecord | undefined>>();
  readonly seals_ = new Map<string, StoredSeal[]>();
  /** Maximum number of items per page, independent of the request, because DynamoDB limits a page to 1 MiB. */
  pageSize = Number.POSITIVE_INFINITY;
  failing = false;
  /** Runs before the next seal is stored. */
  beforeAdd: (() => Promise<unknown>) | undefined;
  /** If true, the next seal is stored but its reply is lost, so that the client's retry finds the seal. */
  loseReply = false;
  signed = 0;
  swept: number | undefined;
  markQueries = 0;

  of(org: string): Map<string, NewAuditRecord | undefined> {
    const found = this.records_.get(org) ?? new Map<string, NewAuditRecord | undefined>();
    this.records_.set(org, found);
    return found;
  }
  async put(record: NewAuditRecord) {
    if (this.failing) throw new VaultError('unavailable');
    this.of(record.record.org).set(record.record.id, record);
  }
  /** All records of an org, by id. */
  all(org: string): AuditRecord[] {
    return [...this.of(org).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, item]) => item?.record ?? []);
  }
  async listRecords(org: string, from: string, to: string, limit: number): Promise<AuditPage> {
    if (this.failing) throw new VaultError('unavailable');
    const ids = [...this.of(org).keys()].filter((id) => id >= from && id <= to).sort();
    const page = ids.slice(0, Math.min(limit, this.pageSize));
    return { items: page.map((id) => ({ id, stored: this.of(org).get(id) })), more: page.length < ids.length };
  }
  async listSeals(org: string, after: number, limit: number): Promise<Page<StoredSeal>> {
    const found = (this.seals_.get(org) ?? []).filter(({ seq }) => seq > after);
    return { items: found.slice(0, limit), more: found.length > limit };
  }
  async getLatestSeal(org: string) {
    return this.seals_.get(org)?.at(-1);
  }
  async addSeal(org: string, seal: StoredSeal) {
    const intrude = this.beforeAdd;
    this.beforeAdd = undefined;
    await intrude?.();
    const seals = this.seals_.get(org) ?? [];
    if (seals.some(({ seq }) => seq === seal.seq)) return false;
    this.seals_.set(org, [...seals, seal]);
    const lost = this.loseReply;
    this.loseReply = false;
    return !lost;
  }
  async listOrgs(mark: string) {
    this.markQueries++;
    const marked = [...this.records_.entries()].filter(([, items]) =>
      [...items.values()].some((item) => item?.mark === mark),
    );
    return marked.map(([org]) => org);
  }
  async getProgress() {
    return this.swept;
  }
  async advanceProgress(time: number) {
    this.swept = Math.max(this.swept ?? 0, time);
  }
  readonly signer = {
    sign: async (payload: object, typ: string) => {
      this.signed++;
      return signSeal(payload, typ);
    },
  };
}
