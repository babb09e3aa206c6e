/**
 * The service of sessions in memory, by docs/session-service.md: directory, enrollment, prekeys, conversations and
 * mailboxes. It can lose requests and answers, and lie where a test tells it to.
 */

import { sha256 } from '../../../core/blobs/blob-key-derivation.ts';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { type Conversation, readConversation, replacesConversation } from '../../../core/directory/conversation.ts';
import { type DirectoryState, initialDirectory } from '../../../core/directory/directory-state.ts';
import { isPossessed } from '../../../core/directory/enrollment.ts';
import type { DirectoryRole } from '../../../core/directory/entry-bodies.ts';
import { acceptCertificate } from '../../../core/directory/fleet-certificate.ts';
import { isStoredLookup } from '../../../core/directory/invite.ts';
import { findParticipant, mayWrite, type Party } from '../../../core/directory/may-write.ts';
import { acceptBundle, readOneTimePrekey } from '../../../core/directory/prekeys.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { type Bytes, equalBytes, toHex, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { addSessionErrors } from '../../../sdk/src/session/requests/service-errors.ts';
import type {
  AdminRequests,
  CheckpointParts,
  EnrollmentKeys,
  EntriesPage,
  IncomingMessage,
  SessionRequests,
} from '../../../sdk/src/session/requests/session-requests.ts';
import type { SessionService } from '../../../sdk/src/session/session-devices.ts';
import type { OwnDevice } from '../../../sdk/src/session/storage/own-device.ts';
import { type AnimaErrorCode, createError } from '../../../sdk/src/shared/errors.ts';

const fail = (code: AnimaErrorCode): never => {
  throw createError(code);
};

interface Mailbox {
  /** By sender, then counter. */
  readonly messages: Map<string, Bytes>;
  readonly acknowledged: Map<string, Bytes>;
  readonly highest: Map<string, number>;
  readonly order: string[];
}

interface FakeInvite {
  readonly person: string;
  readonly role: DirectoryRole;
  readonly stored: Bytes;
  readonly challenge: Bytes;
  enrollment: EnrollmentKeys | undefined;
}

export type Fault = 'lost_request' | 'lost_answer' | undefined;

export class FakeRelay {
  readonly log: Bytes[] = [];
  readonly states: DirectoryState[] = [];
  readonly invites = new Map<string, FakeInvite>();
  readonly bundles = new Map<string, Bytes>();
  readonly prekeys = new Map<string, Map<number, Bytes>>();
  readonly highestPrekey = new Map<string, number>();
  readonly certificates = new Map<string, Bytes>();
  readonly conversations = new Map<string, Bytes>();
  readonly mailboxes = new Map<string, Mailbox>();
  readonly claims: string[] = [];
  checkpoint: CheckpointParts | undefined;
  /** Decides about each request. */
  fault: (operation: string, device: string) => Fault = () => undefined;
  /** Shows a directory that ends here. */
  frozenAt: number | undefined;
  /** Replaces what a device reads from its mailbox, or what a claim answers. */
  onReceive: (device: string, messages: IncomingMessage[]) => IncomingMessage[] = (_, messages) => messages;
  onClaim: ((device: string, answer: Awaited<ReturnType<SessionRequests['claim']>>) => typeof answer) | undefined;
  /** Says that every counter was used before. */
  refusesCounters = false;
  readonly #org: string;
  readonly #now: () => number;

  constructor(org: string, now: () => number) {
    addSessionErrors();
    this.#org = org;
    this.#now = now;
    this.states.push(initialDirectory(org));
  }

  get state(): DirectoryState {
    return this.states.at(-1) ?? initialDirectory(this.#org);
  }

  service(): SessionService {
    return {
      device: (own, certificate) => this.#device(own, certificate),
      enrollment: ({ id }) => ({
        begin: async (lookup) => {
          const { person, role, challenge } = this.#invite(id, lookup);
          return { person, role, challenge };
        },
        put: async (lookup, keys) => {
          const invite = this.#invite(id, lookup);
          if (!isPossessed(this.#org, { ...keys, invite: id }, invite.challenge)) fail('invite_refused');
          if (invite.enrollment !== undefined && !equalBytes(invite.enrollment.ik, keys.ik)) fail('invite_refused');
          invite.enrollment = keys;
        },
        entries: async (lookup, after) => {
          this.#invite(id, lookup);
          return this.#page(after);
        },
      }),
    };
  }

  admin(): AdminRequests {
    return {
      brokerKeys: () => fail('unavailable'),
      entries: async (after) => this.#page(after),
      append: async (signed) => this.append(signed),
      createInvite: async ({ invite, person, role, stored }) => {
        const challenge = crypto.getRandomValues(new Uint8Array(32));
        this.invites.set(invite, { person, role, stored, challenge, enrollment: undefined });
      },
      invites: async () => [...this.invites].map(([invite, rest]) => ({ invite, ...rest })),
      deleteInvite: async (invite) => this.invites.delete(invite),
    };
  }

  append(signed: Bytes): void {
    if (this.log.some((one) => equalBytes(one, signed))) return;
    const outcome = applyEntry(this.state, signed);
    if (outcome.result === 'stop') fail(outcome.reason === 'bad_sequence' ? 'log_conflict' : 'entry_refused');
    if (outcome.result === 'stop') return;
    if (outcome.entry.op === 'checkpoint') {
      const { entries, head } = this.state;
      this.checkpoint = {
        seq: head.seq + 1,
        checkpoint: signed,
        subtrees: entries.subtrees,
        leaves: encodeLeaves(this.state),
      };
    }
    this.log.push(signed);
    this.states.push(outcome.state);
    for (const [id, { enrollment }] of this.invites) {
      const isAdmitted = outcome.state.devices
        .values()
        .some(({ ik }) => enrollment !== undefined && equalBytes(ik, enrollment.ik));
      if (isAdmitted) this.invites.delete(id);
    }
    for (const device of outcome.state.devices.values())
      if (device.status === 'revoked') this.mailboxes.delete(device.id);
  }

  mailbox(device: string): Mailbox {
    const found = this.mailboxes.get(device) ?? {
      ...{ messages: new Map(), acknowledged: new Map(), highest: new Map(), order: [] },
    };
    this.mailboxes.set(device, found);
    return found;
  }

  /** Puts bytes into a mailbox, as a hostile relay can. */
  inject(to: string, from: string, counter: number, message: Bytes): void {
    const box = this.mailbox(to);
    box.messages.set(`${from}/${counter}`, message);
    box.order.push(`${from}/${counter}`);
  }

  #invite(id: string, lookup: Bytes): FakeInvite {
    const invite = this.invites.get(id);
    return invite !== undefined && isStoredLookup(invite.stored, lookup) ? invite : fail('invite_refused');
  }

  #page(after: number): EntriesPage {
    const shown = this.log.slice(0, this.frozenAt ?? this.log.length);
    // Short pages, so that every reader meets the next one.
    return { entries: shown.slice(after, after + 5), head: shown.length, more: shown.length > after + 5 };
  }

  #party(id: string): Party | undefined {
    if (this.state.devices.get(id) !== undefined) return id;
    const signed = this.certificates.get(id);
    return signed && acceptCertificate(this.state, signed, this.#now(), undefined);
  }

  #mayWrite(from: string, to: string, conversation: string | undefined): boolean {
    const [a, b] = [this.#party(from), this.#party(to)];
    const signed = conversation === undefined ? undefined : this.conversations.get(conversation);
    const statement = signed && readConversation(this.state, signed);
    if (a === undefined || b === undefined || (conversation !== undefined && statement === undefined)) return false;
    return mayWrite(this.state, a, b, this.#now(), statement);
  }

  #device({ device }: OwnDevice, certificate: () => Bytes | undefined): SessionRequests {
    const own = device.id;
    const guarded = async <T>(operation: string, work: () => T | Promise<T>): Promise<T> => {
      const fault = this.fault(operation, own);
      if (fault === 'lost_request') fail('connection_failed');
      const signed = certificate();
      if (signed !== undefined) this.certificates.set(own, signed);
      const party = this.#party(own);
      if (party === undefined || findParticipant(this.state, party, this.#now()) === undefined) fail('device_refused');
      const answer = await work();
      if (fault === 'lost_answer') fail('timeout');
      return answer;
    };
    return {
      entries: (after) => guarded('entries', () => this.#page(after)),
      checkpoint: () => guarded('checkpoint', () => this.checkpoint),
      appendEntry: (signed) => guarded('appendEntry', () => this.append(signed)),
      putBundle: (bundle, oneTime) => guarded('putBundle', () => this.#putBundle(own, bundle, oneTime)),
      claim: (to, conversation) => guarded('claim', () => this.#claim(own, to, conversation)),
      putConversation: (id, signed) => guarded('putConversation', () => this.#putConversation(id, signed)),
      conversations: () =>
        guarded('conversations', () =>
          [...this.conversations.values()].filter((signed) =>
            this.#concerns(own, readConversation(this.state, signed)),
          ),
        ),
      send: (messages) =>
        guarded('send', () => {
          return messages.map(({ to, counter, conversation, message }) => ({
            ...{ to, counter, highest: undefined },
            ...this.#store(own, to, counter, conversation, message),
          }));
        }),
      receive: (after) => guarded('receive', () => this.#receive(own, after)),
      acknowledge: (names) => guarded('acknowledge', () => this.#acknowledge(own, names)),
      attachments: {
        put: (name, bytes) => guarded('putAttachment', () => void this.attachments.set(name, bytes)),
        get: (name) => guarded('getAttachment', () => this.attachments.get(name) ?? fail('attachment_not_found')),
      },
      // Questions are tested with the service (test/approvals).
      approvals: {
        putKey: () => guarded('putApprovalKey', () => undefined),
        list: () => guarded('listApprovals', () => []),
        activity: () => guarded('listActivity', () => fail('unavailable')),
        personKey: () => guarded('getPersonKey', () => fail('unavailable')),
        putPersonKey: () => guarded('putPersonKey', () => fail('unavailable')),
        answer: () => guarded('answerApproval', () => fail('unavailable')),
        refuse: () => guarded('answerApproval', () => fail('unavailable')),
      },
      sockets: { ticket: () => guarded('ticket', () => this.onTicket(own)) },
      push: {
        key: () => guarded('pushKey', () => Uint8Array.from([4, ...new Uint8Array(64)])),
        put: (endpoint) => guarded('putPush', () => this.#putPush(own, endpoint)),
        delete: (subscription) => guarded('deletePush', () => this.#deletePush(own, subscription)),
      },
    };
  }

  readonly attachments = new Map<string, Bytes>();
  /** Endpoints of push subscriptions by device and name. */
  readonly subscriptions = new Map<string, string>();
  onTicket: (device: string) => { ticket: string; url: string } = () => fail('unavailable');
  /** Tells that a message was stored. */
  onStored: (device: string, message: IncomingMessage) => void = () => undefined;

  async #putPush(own: string, endpoint: string) {
    const subscription = toHex(await sha256(utf8Bytes(endpoint))).slice(0, 32);
    this.subscriptions.set(`${own}/${subscription}`, endpoint);
    return { subscription, expiresAt: new Date(this.#now() + 90 * 86_400_000) };
  }

  #deletePush(own: string, subscription: string | undefined): number {
    const names = [...this.subscriptions.keys()].filter((name) => name.startsWith(`${own}/${subscription ?? ''}`));
    for (const name of names) this.subscriptions.delete(name);
    return names.length;
  }

  #concerns(own: string, conversation: Conversation | undefined): boolean {
    const person = this.state.devices.get(own)?.person ?? '';
    return conversation !== undefined && (conversation.persons.includes(person) || conversation.agents.includes(own));
  }

  #keysOf(id: string) {
    const party = this.#party(id);
    const found = typeof party === 'string' ? this.state.devices.get(party) : party;
    return found ?? fail('device_refused');
  }

  #putBundle(own: string, bundle: Bytes, oneTime: readonly Bytes[]) {
    const keys = this.#keysOf(own);
    if (acceptBundle(this.#org, keys, bundle, this.#now(), undefined) === undefined) fail('bundle_refused');
    const prekeys = this.prekeys.get(own) ?? new Map<number, Bytes>();
    let highest = this.highestPrekey.get(own) ?? 0;
    for (const signed of oneTime) {
      const id = readOneTimePrekey(this.#org, keys, signed)?.id ?? fail('bundle_refused');
      // Sent again after a lost answer.
      if (equalBytes(prekeys.get(id) ?? new Uint8Array(0), signed)) continue;
      if (id <= highest) fail('bundle_refused');
      prekeys.set(id, signed);
      highest = id;
    }
    this.bundles.set(own, bundle);
    this.prekeys.set(own, prekeys);
    this.highestPrekey.set(own, highest);
    return { left: prekeys.size, highestId: highest };
  }

  #claim(own: string, to: string, conversation: string | undefined) {
    if (!this.#mayWrite(own, to, conversation)) fail('not_allowed');
    this.claims.push(`${own}/${to}`);
    const prekeys = this.prekeys.get(to);
    const [first] = [...(prekeys?.keys() ?? [])].sort((a, b) => a - b);
    const oneTimePrekey = first === undefined ? undefined : prekeys?.get(first);
    if (first !== undefined) prekeys?.delete(first);
    const answer = {
      bundle: this.bundles.get(to) ?? fail('bundle_not_found'),
      oneTimePrekey,
      certificate: this.certificates.get(to),
    };
    return this.onClaim?.(to, answer) ?? answer;
  }

  #putConversation(id: string, signed: Bytes): void {
    const next = readConversation(this.state, signed);
    const before = this.conversations.get(id);
    const last = before && readConversation(this.state, before);
    if (next?.id !== id) fail('conversation_refused');
    if (next !== undefined && !replacesConversation(last, next)) fail('conversation_conflict');
    this.conversations.set(id, signed);
  }

  #store(from: string, to: string, counter: number, conversation: string | undefined, message: Bytes) {
    if (!this.#mayWrite(from, to, conversation)) return { outcome: 'not_allowed' as const };
    if (this.refusesCounters) return { outcome: 'counter_used' as const, highest: counter + 5 };
    const box = this.mailbox(to);
    const name = `${from}/${counter}`;
    const known = box.messages.get(name) ?? box.acknowledged.get(name);
    const highest = box.highest.get(from) ?? 0;
    if (known !== undefined && equalBytes(known, message))
      return { outcome: box.messages.has(name) ? ('stored' as const) : ('acknowledged' as const) };
    if (known !== undefined || counter <= highest) return { outcome: 'counter_used' as const, highest };
    box.messages.set(name, message);
    box.highest.set(from, counter);
    box.order.push(name);
    this.onStored(to, { name, message, certificate: this.certificates.get(from) });
    return { outcome: 'stored' as const };
  }

  #receive(own: string, after: string | undefined) {
    const box = this.mailbox(own);
    const start = after === undefined ? 0 : Number(after);
    const page = box.order.slice(start, start + 20);
    const messages = page.flatMap((name) => {
      const message = box.messages.get(name);
      const certificate = this.certificates.get(name.split('/')[0] ?? '');
      return message === undefined ? [] : [{ name, message, certificate }];
    });
    const isEnd = start + 20 >= box.order.length;
    return { messages: this.onReceive(own, messages), next: isEnd ? undefined : String(start + 20) };
  }

  #acknowledge(own: string, names: readonly string[]): void {
    const box = this.mailbox(own);
    for (const name of names) {
      const message = box.messages.get(name);
      if (message === undefined) continue;
      box.messages.delete(name);
      box.acknowledged.set(name, message);
    }
  }
}
