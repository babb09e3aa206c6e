/** A directory over HTTP: the simulator writes entries, and devices sign their requests. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { OutgoingMessage, ReadMailboxResponse, SentMessage } from '../../contract/sessions/wire.ts';
import type { SignedTarget } from '../../core/devices/request-signature.ts';
import { encodeConversation, joinConversation, signConversation } from '../../core/directory/conversation.ts';
import { conversationIdOf } from '../../core/directory/directory-ids.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { issueCertificate } from '../../core/directory/fleet-certificate.ts';
import { kemKeyLength, signBundle, signOneTimePrekey } from '../../core/directory/prekeys.ts';
import { type RequestSigner, signSessionRequest } from '../../core/directory/request-signature.ts';
import type { SigningKey } from '../../core/directory/signing-key.ts';
import { type Bytes, toBase64, utf8Bytes } from '../../core/encoding/bytes.ts';
import { ann, DirectorySimulator, newDevice, type TestDevice } from '../core/directory/directory-simulator.ts';
import type { LocalStack } from '../shared/local-stack.ts';

const day = 86_400_000;

/** A device that sends requests: one of the directory, or a member of a fleet with its certificate. */
export type Sender = TestDevice & { readonly certificate?: Bytes };

/** What a test changes in a request before or after it is signed. */
export interface Alteration {
  readonly target?: Partial<SignedTarget>;
  readonly signer?: Partial<RequestSigner>;
  readonly signedBody?: string;
  readonly headers?: (headers: Record<string, string>) => Record<string, string>;
}

export async function okJson<T>(answer: Response | Promise<Response>): Promise<T> {
  const got = await answer;
  expect(got.status, await got.clone().text()).toBe(200);
  return await got.json();
}

export interface OpenedConversation {
  readonly id: string;
  readonly statement: Bytes;
}

export class ServedDirectory {
  readonly stack: LocalStack;
  readonly simulator: DirectorySimulator;
  readonly adminKey: string;
  /** Ann's first device. */
  readonly first: TestDevice;
  readonly #counters = new Map<string, number>();
  #pushed = 0;

  private constructor(stack: LocalStack, org: string, adminKey: string) {
    this.stack = stack;
    this.adminKey = adminKey;
    this.simulator = new DirectorySimulator(org).begin();
    this.first = this.simulator.admit(ann, 'owner');
  }

  /** An org with a directory that has not been sent yet: genesis, and Ann's first device. */
  static async draft(stack: LocalStack): Promise<ServedDirectory> {
    const { org, adminKey } = await stack.newOrg();
    return new ServedDirectory(stack, org, adminKey);
  }

  static async begin(stack: LocalStack): Promise<ServedDirectory> {
    const served = await ServedDirectory.draft(stack);
    await served.push();
    return served;
  }

  get org(): string {
    return this.simulator.state.org;
  }

  get state(): DirectoryState {
    return this.simulator.state;
  }

  /** Sends an entry as the admin. */
  append(signed: Uint8Array): Promise<Response> {
    const body = { entry: toBase64(signed) };
    return this.stack.http('POST', '/v1/session/directory', { key: this.adminKey, body });
  }

  /** Sends all entries of the simulator that were not sent yet, each by the route of its signer. */
  async push(): Promise<void> {
    for (const { signed, outcome, signer } of this.simulator.log.slice(this.#pushed)) {
      const device = this.#deviceOf(signer);
      const answer = await (device === undefined ? this.append(signed) : this.appendAs(device, signed));
      await okJson(answer);
      expect(outcome.result).not.toBe('stop');
      this.#pushed += 1;
    }
  }

  /** Takes what a test sent by itself as sent. */
  markPushed(): void {
    this.#pushed = this.simulator.log.length;
  }

  appendAs(device: Sender, signed: Uint8Array): Promise<Response> {
    return this.send(device, 'POST', '/entries', { entry: toBase64(signed) });
  }

  #deviceOf(signer: SigningKey): Sender | undefined {
    const found = this.state.devices.values().find(({ ik }) => Buffer.from(ik).equals(signer.publicKey));
    return found && { id: found.id, ik: signer, dh: found.dh };
  }

  async headers(
    { id, ik, certificate }: Sender,
    method: string,
    path: string,
    body: string,
    altered: Alteration = {},
  ): Promise<Record<string, string>> {
    const { host, pathname, search } = new URL(path, this.stack.vault.url);
    const target = { method, authority: host, path: pathname, query: search.slice(1), ...altered.target };
    const signer = {
      org: this.org,
      device: id,
      created: Math.floor(Date.now() / 1000),
      ...(certificate && { certificate: toBase64(certificate) }),
      ...altered.signer,
    };
    const headers: Record<string, string> = {
      ...(await signSessionRequest(ik, signer, target, utf8Bytes(altered.signedBody ?? body))),
    };
    return altered.headers?.(headers) ?? headers;
  }

  /** Sends a signed request to a route under `/v1/session`. */
  async send(
    device: Sender,
    method: string,
    rest: string,
    body?: unknown,
    altered: Alteration = {},
  ): Promise<Response> {
    const path = `/v1/session${rest}`;
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = await this.headers(device, method, path, text, altered);
    return await this.stack.http(method, path, { headers, ...(body === undefined ? {} : { body: text }) });
  }

  /** A signed bundle. */
  bundleOf({ ik, dh }: TestDevice, seq = 1, now = Date.now()): Bytes {
    const signedPrekey = { id: seq, key: newDevice().dh };
    const kemKey = { id: seq, key: new Uint8Array(randomBytes(kemKeyLength)) };
    return signBundle(this.org, ik, dh, { seq, signedPrekey, kemKey, created: now, expires: now + 30 * day });
  }

  /** Signed one-time prekeys with the ids `from` to `to`. */
  prekeysOf({ ik, dh }: TestDevice, from: number, to: number): Bytes[] {
    const ids = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return ids.map((id) => signOneTimePrekey(this.org, ik, dh, { id, key: newDevice().dh }));
  }

  putBundle(device: Sender, bundle: Uint8Array, prekeys: readonly Uint8Array[] = []): Promise<Response> {
    const body = { bundle: toBase64(bundle), oneTimePrekeys: prekeys.map(toBase64) };
    return this.send(device, 'PUT', '/bundle', body);
  }

  claim(device: Sender, from: string, conversation?: string): Promise<Response> {
    return this.send(device, 'POST', `/bundles/${from}/claim`, { conversation });
  }

  /** A statement that these devices sign. The first one belongs to the host. */
  statement(
    host: string,
    signers: readonly TestDevice[],
    persons: readonly string[],
    agents: readonly string[] = [],
    { version = 1, nonce = new Uint8Array(randomBytes(16)) }: { version?: number; nonce?: Bytes } = {},
  ): OpenedConversation {
    const facts = { host, nonce, version, persons, agents, time: Date.now(), head: this.state.head };
    const statement = encodeConversation(this.org, facts);
    const signatures = signers.map(({ id, ik }) => ({ device: id, signature: signConversation(statement, ik) }));
    return { id: conversationIdOf(this.org, host, nonce), statement: joinConversation(statement, signatures) };
  }

  putConversation(device: Sender, { id, statement }: OpenedConversation): Promise<Response> {
    return this.send(device, 'PUT', `/conversations/${id}`, { statement: toBase64(statement) });
  }

  /** Opens a conversation of these persons and agents at the service. */
  async open(
    host: string,
    signers: readonly TestDevice[],
    persons: readonly string[],
    agents: readonly string[] = [],
  ): Promise<string> {
    const opened = this.statement(host, signers, persons, agents);
    await okJson(this.putConversation(signers[0] ?? expect.fail('no signer'), opened));
    return opened.id;
  }

  nextCounter(from: string, to: string): number {
    const counter = (this.#counters.get(`${from} ${to}`) ?? 0) + 1;
    this.#counters.set(`${from} ${to}`, counter);
    return counter;
  }

  /** A message with the next counter. */
  messageFor(from: Sender, to: string, conversation: string | undefined, text: string): OutgoingMessage {
    return { to, counter: this.nextCounter(from.id, to), conversation, message: toBase64(utf8Bytes(text)) };
  }

  async sendAll(from: Sender, messages: readonly OutgoingMessage[]): Promise<readonly SentMessage[]> {
    const { messages: outcomes } = await okJson<{ messages: SentMessage[] }>(
      this.send(from, 'POST', '/messages', { messages }),
    );
    return outcomes;
  }

  mailbox(device: Sender, query = ''): Promise<ReadMailboxResponse> {
    return okJson(this.send(device, 'GET', `/messages${query}`));
  }

  /** The texts in a mailbox. */
  async texts(device: Sender): Promise<string[]> {
    const { messages } = await this.mailbox(device);
    return messages.map(({ message }) => Buffer.from(message, 'base64').toString());
  }

  async acknowledge(device: Sender, names: readonly string[]): Promise<void> {
    await okJson(this.send(device, 'POST', '/acks', { names }));
  }

  /** A member of a fleet with a certificate of one hour. */
  member(fleet: { readonly key: SigningKey }, can: readonly string[] = [], serial = 1): Sender {
    const device = newDevice(this.org);
    const now = Date.now();
    const facts = { serial, can, ik: device.ik.publicKey, dh: device.dh, issued: now, expires: now + 3_600_000 };
    return { ...device, certificate: issueCertificate(this.org, fleet.key, facts) };
  }
}
