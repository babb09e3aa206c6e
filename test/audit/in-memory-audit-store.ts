/** In-memory audit ports, with a settable clock and the failures of real stores. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type {
  AuditAppender,
  AuditMarkIndex,
  AuditPage,
  AuditReader,
  NewAuditRecord,
} from '../../lambdas/audit/audit-ports.ts';
import { jwk, signSeal } from './export-fixtures.ts';

export class InMemoryAuditStore implements AuditAppender, AuditReader, AuditMarkIndex {
  /** By org, then id. */
  readonly records_ = new Map<string, Map<string, NewAuditRecord | undefined>>();
  /** Maximum number of items per page, independent of the request, because DynamoDB limits a page to 1 MiB. */
  pageSize = Number.POSITIVE_INFINITY;
  failing = false;
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
  async advanceProgress(time: number, now: number) {
    if (this.swept === undefined || this.swept < time || this.swept > now) this.swept = time;
  }
  readonly signer = {
    list: async () => [jwk],
    sign: async (payload: object, typ: string) => {
      this.signed++;
      return signSeal(payload, typ);
    },
  };
}
