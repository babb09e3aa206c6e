/** Decides whether the device of a request and another one may write to each other (docs/format-directory.md, section 7). */
import { createHash } from 'node:crypto';
import { type Conversation, readConversation } from '../../core/directory/conversation.ts';
import { isHashId } from '../../core/directory/directory-ids.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { acceptCertificate } from '../../core/directory/fleet-certificate.ts';
import { mayWrite, type Party } from '../../core/directory/may-write.ts';
import type { Clock } from '../shared/ports.ts';
import type { ConversationStore, RelationData } from './directory-ports.ts';
import type { SessionSigner } from './session-authenticator.ts';

/** One question: the other device, and the conversation if there is one. */
export interface Relation {
  readonly to: string;
  readonly conversation?: string | undefined;
}

/** Statements whose signatures a process verified. The keys of a device never change, so they need no second check. */
const maxVerified = 200;

export class Relations {
  readonly #store: Pick<ConversationStore, 'readRelations'>;
  readonly #clock: Clock;
  readonly #verified = new Map<string, Conversation>();

  constructor(store: Pick<ConversationStore, 'readRelations'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Answers all questions with one read at most. @throws VaultError `unavailable` */
  async mayWrite(signer: SessionSigner, asked: readonly Relation[]): Promise<readonly boolean[]> {
    const { org, view } = signer;
    const conversations = distinct(asked.map(({ conversation }) => conversation));
    const members = distinct(asked.map(({ to }) => to)).filter(
      (to) => isHashId(to) && view.state.devices.get(to) === undefined,
    );
    const isNothing = conversations.length + members.length === 0;
    const data: RelationData = isNothing
      ? { statements: new Map(), certificates: new Map() }
      : await this.#store.readRelations(org, conversations, members);
    return asked.map((one) => this.#isAllowed(signer, one, data));
  }

  #isAllowed(
    { view: { state }, party }: SessionSigner,
    { to, conversation: id }: Relation,
    data: RelationData,
  ): boolean {
    const now = this.#clock().getTime();
    const other = partyOf(state, to, data.certificates.get(to), now);
    if (other === undefined) return false;
    if (id === undefined) return mayWrite(state, party, other, now);
    const signed = data.statements.get(id);
    const conversation = signed && this.#read(state, signed);
    return conversation?.id === id && mayWrite(state, party, other, now, conversation);
  }

  #read(state: DirectoryState, signed: Uint8Array): Conversation | undefined {
    const name = `${state.org} ${createHash('sha256').update(signed).digest('hex')}`;
    const known = this.#verified.get(name);
    if (known !== undefined) return known;
    const conversation = readConversation(state, signed);
    if (conversation === undefined) return undefined;
    this.#verified.set(name, conversation);
    const [oldest] = this.#verified.keys();
    if (this.#verified.size > maxVerified && oldest !== undefined) this.#verified.delete(oldest);
    return conversation;
  }
}

/** @param certificate with which the other device published its bundle, if it is a member of a fleet */
function partyOf(
  state: DirectoryState,
  id: string,
  certificate: Uint8Array | undefined,
  now: number,
): Party | undefined {
  if (certificate === undefined) return id;
  const accepted = acceptCertificate(state, certificate, now, undefined);
  return accepted?.id === id ? accepted : undefined;
}

const distinct = (values: readonly (string | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
];
