/** The table of approvals in memory, with the conditions of the real one. */
import { equalBytes } from '../../core/encoding/bytes.ts';
import type {
  AnswerStore,
  ApprovalStore,
  NewAnswer,
  NewApproval,
  PersonKeyStore,
  SealedQuestion,
  StoredApproval,
  StoredPointer,
  UseEnd,
  UseStart,
} from '../../lambdas/approvals/approval-ports.ts';

export class InMemoryApprovals implements ApprovalStore, AnswerStore, PersonKeyStore {
  readonly approvals = new Map<string, StoredApproval>();
  readonly pointers = new Map<string, StoredPointer>();
  readonly keys = new Map<string, Uint8Array>();
  readonly personKeys = new Map<string, Uint8Array>();
  readonly questions = new Map<string, { readonly question: Uint8Array; readonly expires: number }>();
  /** Whether the reply of the next start is lost, after which the client repeats the write. */
  losesReply = false;
  /** Whether ends are not stored. */
  losesEnds = false;

  async get(_org: string, approval: string) {
    return this.approvals.get(approval);
  }
  async getPointer(_org: string, keyId: string) {
    return this.pointers.get(keyId);
  }
  async replacePointer(_org: string, keyId: string, next: StoredPointer, before: StoredPointer | undefined) {
    if (this.pointers.get(keyId)?.approval !== before?.approval) return false;
    this.pointers.set(keyId, next);
    return true;
  }
  async getKeys(_org: string, devices: readonly string[]) {
    return new Map(devices.flatMap((device) => this.#keyOf(device)));
  }
  #keyOf(device: string): [string, Uint8Array][] {
    const key = this.keys.get(device);
    return key === undefined ? [] : [[device, key]];
  }
  async put(_org: string, { expires, ...approval }: NewApproval, questions: readonly SealedQuestion[]) {
    for (const { device, question } of questions)
      this.questions.set(`${device}/${approval.approval}`, { question, expires });
    const fresh = { uses: 0, open: 0, lastStart: 0, starter: '', isUncertain: false, isWithdrawn: false, refusals: [] };
    this.approvals.set(approval.approval, { ...approval, ...fresh });
  }
  async withdraw(org: string, approval: string, devices: readonly string[]) {
    this.change(approval, { isWithdrawn: true });
    await this.deleteQuestions(org, approval, devices);
  }
  async start(_org: string, approval: string, { starter, now, limit, answer, staleBefore }: UseStart) {
    const stored = this.approvals.get(approval);
    if (stored === undefined || stored.isUncertain || stored.isWithdrawn || stored.uses >= limit) return false;
    if (stored.open > 0 && stored.lastStart < staleBefore) return false;
    if (stored.answer === undefined || !equalBytes(stored.answer, answer)) return false;
    const used = { shares: undefined, secret: undefined };
    this.change(approval, { uses: stored.uses + 1, open: stored.open + 1, lastStart: now, starter, ...used });
    const isLost = this.losesReply;
    this.losesReply = false;
    return !isLost;
  }
  async end(_org: string, approval: string, end: UseEnd) {
    const stored = this.approvals.get(approval);
    if (stored === undefined) return;
    if (this.losesEnds) throw new Error('the write failed');
    const uses = end === 'not-sent' ? stored.uses - 1 : stored.uses;
    this.change(approval, { uses, open: stored.open - 1, isUncertain: stored.isUncertain || end === 'unknown' });
  }
  async getKey(_org: string, device: string) {
    return this.keys.get(device);
  }
  async putKey(_org: string, device: string, signed: Uint8Array, before: Uint8Array | undefined) {
    return this.#replace(this.keys, device, signed, before);
  }
  async getPersonKey(_org: string, person: string) {
    return this.personKeys.get(person);
  }
  async putPersonKey(_org: string, person: string, signed: Uint8Array, before: Uint8Array | undefined) {
    return this.#replace(this.personKeys, person, signed, before);
  }
  async getDeviceKeys(_org: string, devices: readonly string[]) {
    return await this.getKeys(_org, devices);
  }
  #replace(rows: Map<string, Uint8Array>, id: string, signed: Uint8Array, before: Uint8Array | undefined): boolean {
    const stored = rows.get(id);
    if (stored === undefined ? before !== undefined : before === undefined || !equalBytes(stored, before)) return false;
    rows.set(id, signed);
    return true;
  }
  async listQuestions(_org: string, device: string, limit: number) {
    return [...this.questions]
      .filter(([id]) => id.startsWith(`${device}/`))
      .slice(0, limit)
      .map(([id, stored]) => ({ approval: id.slice(device.length + 1), ...stored }));
  }
  async putAnswer(_org: string, approval: string, { signed, shares }: NewAnswer, before: Uint8Array | undefined) {
    if (this.approvals.get(approval)?.answer !== before) return false;
    this.change(approval, { answer: signed, shares });
    return true;
  }
  async putRefusal(_org: string, approval: string, device: string, reason: string) {
    const { refusals = [] } = this.approvals.get(approval) ?? {};
    this.change(approval, { refusals: [...refusals, `${device}:${reason}`] });
  }
  async deleteQuestions(_org: string, approval: string, devices: readonly string[]) {
    for (const device of devices) this.questions.delete(`${device}/${approval}`);
  }
  /** Also what somebody does who can write the table. */
  change(approval: string, changes: Partial<StoredApproval>): void {
    const stored = this.approvals.get(approval);
    if (stored !== undefined) this.approvals.set(approval, { ...stored, ...changes });
  }
}
