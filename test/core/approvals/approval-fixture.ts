/** A person with two approving devices, a broker and an agent, and the question of the broker. */

import { expect } from 'vitest';
import {
  type ApprovalKey,
  approveRight,
  deriveBrokerKeys,
  readApprovalKey,
  signApprovalKey,
} from '../../../core/approvals/approval-keys.ts';
import {
  type OpenedQuestion,
  openQuestion,
  type QuestionContext,
  sealQuestion,
  signStatement,
} from '../../../core/approvals/question.ts';
import { type BrokerRequest, detailsHash, encodeDetails } from '../../../core/approvals/shown-request.ts';
import { type ApprovalStatement, handleHash } from '../../../core/approvals/statement.ts';
import { deviceIdOf } from '../../../core/directory/directory-ids.ts';
import { compareHeads } from '../../../core/directory/directory-pin.ts';
import type { DirectoryHead, DirectoryState } from '../../../core/directory/directory-state.ts';
import type { Bytes } from '../../../core/encoding/bytes.ts';
import type { Ed25519KeyPair } from '../../../core/hazmat/ed25519.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';
import { ann, DirectorySimulator, factsOf, now, org, type TestDevice } from '../directory/directory-simulator.ts';

export const randomBytes = (length = 32): Bytes => crypto.getRandomValues(new Uint8Array(length));

export interface Approver extends TestDevice {
  readonly secret: Bytes;
  readonly key: ApprovalKey;
}

export const request: BrokerRequest = {
  url: 'https://api.stripe.com/v1/refunds',
  method: 'POST',
  headers: { Authorization: 'Bearer {{anima://prod/stripe/key}}' },
  form: { charge: 'ch_1', amount: '500' },
};

export class ApprovalScene {
  readonly directory = new DirectorySimulator().begin();
  readonly broker: Ed25519KeyPair = deriveBrokerKeys(randomBytes()).ik;
  readonly brokerDevice: TestDevice;
  readonly phone: Approver;
  readonly laptop: Approver;

  constructor(person = ann) {
    this.phone = this.#approver(this.directory.admit(person, 'owner', { can: [approveRight] }));
    this.laptop = this.#approver(this.directory.add(this.phone, person, 'owner', { can: [approveRight] }));
    this.brokerDevice = this.addBroker(this.broker, person, this.phone);
  }

  get state(): DirectoryState {
    return this.directory.state;
  }

  /** Admits a broker with the given keys; without `by` it stays pending. */
  addBroker(ik: Ed25519KeyPair, person: string, by?: TestDevice): TestDevice {
    const dh = deriveBrokerKeys(ik.seed).dh.key;
    const device = { id: deviceIdOf(org, { ik: ik.publicKey, dh }), ik, dh };
    this.directory.append(this.directory.authority, { op: 'admit', device: factsOf(device, person, 'broker') });
    if (by !== undefined) this.directory.countersign(by, device.id);
    return device;
  }

  #approver(device: TestDevice): Approver {
    const secret = randomBytes();
    const made = { device: device.id, ak: x25519PublicKey(secret), time: now };
    const published = signApprovalKey(org, made, device.ik);
    const key = readApprovalKey(org, { id: device.id, ik: device.ik.publicKey }, published);
    return { ...device, secret, key: key ?? expect.fail('the published key was refused') };
  }

  /** Hashes of the entries by their sequence numbers, as a reader stores them. */
  relationOf = (head: DirectoryHead): ReturnType<typeof compareHeads> =>
    compareHeads(this.state, head, (seq) => this.directory.log[seq]?.before.head.hash);

  context(device: Approver, more: Partial<QuestionContext> = {}): QuestionContext {
    return { state: this.state, device: device.id, now, relationOf: this.relationOf, ...more };
  }

  async ask(
    device: Approver,
    { shown = request, reason = 'The customer asked for it.', signer = this.broker, details, ...more }: AskOptions = {},
  ): Promise<{ readonly facts: ApprovalStatement; readonly sealed: Bytes; readonly opened: OpenedQuestion }> {
    const bytes = details ?? (await encodeDetails(shown, reason));
    const facts = { ...this.facts(), detailsHash: detailsHash(bytes), ...more };
    const sealed = await sealQuestion(facts, device.key, signStatement(facts, signer), bytes);
    const opened = await openQuestion({ org, device: device.id, approval: facts.approval }, device.secret, sealed);
    return { facts, sealed, opened: opened ?? expect.fail('the question did not open') };
  }

  facts(): ApprovalStatement {
    return {
      org,
      person: ann,
      approval: 'approvalapproval',
      handleHash: handleHash(new Uint8Array(32).fill(7)),
      keyId: 'agentkeyagentkey',
      agent: 'refund-bot',
      run: 'run-1',
      host: 'api.stripe.com',
      method: 'POST',
      detailsHash: new Uint8Array(32),
      values: [{ name: 'prod/stripe/key', version: 3, places: ['header'], rulesHash: new Uint8Array(32).fill(1) }],
      scope: { kind: 'once' },
      asked: now,
      expires: now + 300_000,
      head: this.state.head,
    };
  }
}

interface AskOptions extends Partial<ApprovalStatement> {
  readonly shown?: BrokerRequest;
  readonly reason?: string;
  readonly signer?: Ed25519KeyPair;
  readonly details?: Bytes;
}
