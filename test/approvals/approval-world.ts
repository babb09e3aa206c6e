/** An org with a directory, a person with two approving devices, the broker, and an agent that uses a value. */
import { expect } from 'vitest';
import type { AskedApproval, FetchRequest, FetchResponse, PendingFetch } from '../../contract/broker/wire.ts';
import { type ApprovalAnswer, type Decision, signAnswer } from '../../core/approvals/answer.ts';
import {
  approveRight,
  deriveBrokerKeys,
  readApprovalKey,
  signApprovalKey,
} from '../../core/approvals/approval-keys.ts';
import { judgeQuestion, type OpenedQuestion, openQuestion } from '../../core/approvals/question.ts';
import { statementHash } from '../../core/approvals/statement.ts';
import { deviceIdOf } from '../../core/directory/directory-ids.ts';
import { compareHeads } from '../../core/directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../../core/directory/directory-state.ts';
import { dhKeyOf, newDhSecret } from '../../core/sessions/device-secrets.ts';
import { AnswerService } from '../../lambdas/approvals/answer-service.ts';
import { ApprovalGate } from '../../lambdas/approvals/approval-gate.ts';
import { BrokerDirectory } from '../../lambdas/approvals/broker-directory.ts';
import { BrokerIdentity } from '../../lambdas/approvals/broker-identity.ts';
import { DirectoryMarks } from '../../lambdas/approvals/directory-marks.ts';
import { QuestionService } from '../../lambdas/approvals/question-service.ts';
import { UseApprovals } from '../../lambdas/broker/approvals.ts';
import type { SessionSigner } from '../../lambdas/directory/session-authenticator.ts';
import { AuthenticationKeys } from '../../lambdas/records/authentication-keys.ts';
import { type Call, createInMemoryBroker, type Host } from '../broker/in-memory-broker.ts';
import { ann, DirectorySimulator, factsOf, type TestDevice } from '../core/directory/directory-simulator.ts';
import { InMemoryOrgMarks, testRecordsKey } from '../records/in-memory-records.ts';
import { InMemoryApprovals } from './in-memory-approvals.ts';

export const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';

export interface Approver extends TestDevice {
  readonly secret: Uint8Array;
}

export const refund: FetchRequest = {
  url: 'https://api.stripe.com/v1/refunds',
  method: 'POST',
  headers: { Authorization: 'Bearer {{anima://prod/key}}' },
  form: { charge: 'ch_1', amount: '500' },
};

export class ApprovalWorld {
  readonly store = new InMemoryApprovals();
  readonly marks = new InMemoryOrgMarks();
  readonly woken: string[] = [];
  readonly seed = crypto.getRandomValues(new Uint8Array(32));
  readonly broker: ReturnType<typeof createInMemoryBroker>;
  readonly directory: DirectorySimulator;
  readonly answers: AnswerService;
  readonly brokerId: string;
  readonly phone: Approver;
  readonly laptop: Approver;
  /** What the service shows as the directory; undefined for the newest state. */
  shown: DirectoryState | undefined;

  constructor(host: Host = () => ({ body: '{"ok":true}' })) {
    const approvals = { decide: (...given: Parameters<UseApprovals['decide']>) => uses.decide(...given) };
    this.broker = createInMemoryBroker({ 'api.stripe.com': host, 'other.example.com': host }, approvals);
    const { org } = this.broker.vault.caller;
    this.directory = new DirectorySimulator(org).begin();
    const phone = this.directory.admit(ann, 'owner', { can: [approveRight] });
    const laptop = this.directory.add(phone, ann, 'owner', { can: [approveRight] });
    const keys = deriveBrokerKeys(this.seed.slice());
    this.brokerId = deviceIdOf(org, { ik: keys.ik.publicKey, dh: keys.dh.key });
    const facts = factsOf({ id: this.brokerId, ik: keys.ik, dh: keys.dh.key }, ann, 'broker');
    this.directory.append(this.directory.authority, { op: 'admit', device: facts });
    this.directory.countersign(phone, this.brokerId);
    const { clock } = this.broker;
    const view = () => ({ state: this.state, snapshotSeq: 0, checkpoints: [] });
    const entries = { listEntries: async (_: string, after: number) => this.#entries(after) };
    const directory = new BrokerDirectory(
      { read: async () => ({ orgKeyring: undefined, view: view() }) },
      entries,
      new DirectoryMarks(new AuthenticationKeys(testRecordsKey), this.marks),
    );
    const identity = new BrokerIdentity(async () => this.seed.slice());
    const wake = async (_: string, devices: readonly string[]) => void this.woken.push(...devices);
    const { store } = this;
    const uses = new UseApprovals(
      new QuestionService({ store, directory, identity, wake, clock }),
      new ApprovalGate({ store, directory, identity, clock }),
    );
    this.answers = new AnswerService(store, entries, clock);
    this.phone = this.#withKey(phone);
    this.laptop = this.#withKey(laptop);
  }

  /** @param rules of the value, beside the host and Ann as the approver */
  static async create(rules: Record<string, string> = {}, host?: Host): Promise<ApprovalWorld> {
    const world = new ApprovalWorld(host);
    const metadata = { allowed_hosts: 'api.stripe.com', allowed_approver: ann, ...rules };
    await world.broker.vault.set('prod/key', secret, { metadata });
    return world;
  }

  get org(): string {
    return this.directory.state.org;
  }

  get state(): DirectoryState {
    return this.shown ?? this.directory.state;
  }

  get now(): number {
    return this.broker.clock().getTime();
  }

  #entries(after: number) {
    const seqs = this.directory.log.map(({ signed }, index) => ({ seq: index + 1, signed }));
    const entries = seqs.filter(({ seq }) => seq > after && seq <= this.state.head.seq);
    return { entries, more: false };
  }

  #withKey(device: TestDevice): Approver {
    const made = newDhSecret();
    const key = { device: device.id, ak: dhKeyOf(made), time: this.now };
    const signed = signApprovalKey(this.org, key, device.ik);
    expect(readApprovalKey(this.org, { id: device.id, ik: device.ik.publicKey }, signed)).toEqual(key);
    this.store.keys.set(device.id, signed);
    return { ...device, secret: made };
  }

  /** The key to which questions to the phone are sealed. */
  get phoneKey() {
    return dhKeyOf(Uint8Array.from(this.phone.secret));
  }

  send(request: FetchRequest = refund, call?: Call): Promise<FetchResponse | PendingFetch> {
    return this.broker.ask(request, call);
  }

  /** Asks, and returns what the agent sends from then on. */
  async ask(request: FetchRequest = refund, call?: Call): Promise<AskedApproval> {
    const answer = await this.send(request, call);
    if (!('approval' in answer)) return expect.fail('nobody was asked');
    const { id, handle = expect.fail('no handle'), run } = answer.approval;
    const reason = request.approval?.reason;
    return { id, handle, ...(run === undefined ? {} : { run }), ...(reason === undefined ? {} : { reason }) };
  }

  /** The question as a device opens it, which it must be able to show. */
  async question(id: string, device: Approver = this.phone): Promise<OpenedQuestion> {
    const sealed = this.store.questions.get(`${device.id}/${id}`)?.question ?? expect.fail('no question');
    const opened = await openQuestion({ org: this.org, device: device.id, approval: id }, device.secret, sealed);
    return opened ?? expect.fail('the question did not open');
  }

  judge(question: OpenedQuestion, device: Approver = this.phone) {
    return judgeQuestion(question, {
      state: this.directory.state,
      device: device.id,
      now: this.now,
      relationOf: this.relationOf,
    });
  }

  relationOf = (head: DirectoryHead) =>
    compareHeads(this.directory.state, head, (seq) => this.directory.log[seq]?.before.head.hash);

  signer(device: TestDevice): SessionSigner {
    const found = this.state.devices.get(device.id) ?? expect.fail('no device');
    return {
      org: this.org,
      view: { state: this.state, snapshotSeq: 0, checkpoints: [] },
      party: device.id,
      device: { ...found, group: device.id },
      certificate: undefined,
    };
  }

  signed(id: string, decision: Decision, device: TestDevice = this.phone, more: Partial<ApprovalAnswer> = {}) {
    const stored = this.store.approvals.get(id) ?? expect.fail('no approval');
    const answer: ApprovalAnswer = {
      ...{ org: this.org, approval: id, statementHash: statementHash(stored.statement), device: device.id, decision },
      ...{ time: this.now, head: this.directory.state.head, ...more },
    };
    return signAnswer(answer, device.ik);
  }

  answer(id: string, decision: Decision, device: TestDevice = this.phone) {
    const answer = Buffer.from(this.signed(id, decision, device)).toString('base64');
    return this.answers.answer(this.signer(device), id, { answer });
  }

  /** Asks, and a person says yes. */
  async allowed(request: FetchRequest = refund, call?: Call): Promise<AskedApproval> {
    const approval = await this.ask(request, call);
    await this.answer(approval.id, 'yes');
    return approval;
  }
}
