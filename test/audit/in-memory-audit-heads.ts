/** The locked bucket in memory: versions can be added, also by others, and none can be removed. */
import type { AuditHeadStore, StoredHead, StoredSeal } from '../../lambdas/audit/audit-ports.ts';
import type { Page } from '../../lambdas/shared/ports.ts';

export class InMemoryAuditHeads implements AuditHeadStore {
  /** By org, then number. Oldest version first. */
  readonly #heads = new Map<string, Map<number, string[]>>();
  /** Runs before the next seal is stored. */
  beforeAdd: (() => Promise<unknown>) | undefined;
  /** If true, the next seal is stored but its reply is lost, so that the client's retry finds the seal. */
  loseReply = false;
  /** The next seal is stored, and then this is thrown. */
  crashAfterAdd: Error | undefined;
  lists = 0;
  reads = 0;

  of(org: string): Map<number, string[]> {
    const found = this.#heads.get(org) ?? new Map<number, string[]>();
    this.#heads.set(org, found);
    return found;
  }
  /** The first version of every seal, in order. */
  all(org: string): string[] {
    return [...this.of(org).entries()].sort(([a], [b]) => a - b).flatMap(([, [first]]) => first ?? []);
  }
  put(org: string, seq: number, text: string): void {
    this.of(org).set(seq, [...(this.of(org).get(seq) ?? []), text]);
  }
  async listHeads(org: string, after: number, limit: number): Promise<Page<StoredHead>> {
    this.lists++;
    const found = [...this.of(org).keys()].filter((seq) => seq > after).sort((a, b) => a - b);
    const items = found.slice(0, limit).map((seq) => ({
      seq,
      versions: (this.of(org).get(seq) ?? []).map((text, index) => ({ id: `v${index}`, bytes: text.length })),
      complete: true,
    }));
    return { items, more: items.length < found.length };
  }
  async readVersion(org: string, seq: number, versionId: string) {
    this.reads++;
    return this.of(org).get(seq)?.[Number(versionId.slice(1))];
  }
  async addHead(org: string, { seq, jws }: StoredSeal) {
    const intrude = this.beforeAdd;
    this.beforeAdd = undefined;
    await intrude?.();
    if (this.of(org).has(seq)) return false;
    this.put(org, seq, jws);
    const crash = this.crashAfterAdd;
    this.crashAfterAdd = undefined;
    if (crash !== undefined) throw crash;
    const lost = this.loseReply;
    this.loseReply = false;
    return !lost;
  }
  async addVersion(org: string, { seq, jws }: StoredSeal) {
    this.put(org, seq, jws);
  }
}
