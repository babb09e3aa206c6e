/** The conversations that this device knows. A statement counts after it was verified. */
import {
  type Conversation,
  type ConversationFacts,
  encodeConversation,
  joinConversation,
  parseStatement,
  readConversation,
  replacesConversation,
  signConversation,
} from '../../../../core/directory/conversation.ts';
import { conversationIdOf, isHashId, isOpaqueName } from '../../../../core/directory/directory-ids.ts';
import { type Bytes, equalBytes, fromBase64Url, toBase64Url } from '../../../../core/encoding/bytes.ts';
import { randomId16 } from '../../../../core/sessions/device-secrets.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { SessionContext, Settings } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import type { ConversationChanges, ConversationDevice, ConversationInfo, Participants } from '../session-types.ts';
import { Changes } from '../storage/session-store.ts';
import { isCurrentFor, rosterOf } from './roster.ts';

/** A stored conversation. */
export interface ConversationItem {
  readonly signed: Bytes;
  /** Counter of the last message of this device. */
  readonly counter: number;
  /** Devices that the application has accepted. */
  readonly accepted: readonly string[];
}

const prefix = 'conversation/';
const nameOf = (id: string): string => prefix + id;

/** A statement that other persons sign too, because their agents take part. Not secret. */
export interface ConversationProposal {
  /** base64url of the bytes to sign. */
  readonly statement: string;
}

/** A signature under a proposal. */
export interface ConversationSignature {
  readonly device: string;
  /** base64url. */
  readonly signature: string;
}

export class ConversationBook {
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** The conversation, if it is known and verified by the present directory. */
  async find(
    id: string,
  ): Promise<{ readonly item: ConversationItem; readonly conversation: Conversation } | undefined> {
    const item = isHashId(id) ? await this.#context.store.item<ConversationItem>(nameOf(id)) : undefined;
    const conversation = item && readConversation(this.#context.directory.state, item.signed);
    return item && conversation && { item, conversation };
  }

  async list(): Promise<readonly ConversationInfo[]> {
    const found: ConversationInfo[] = [];
    for await (const [name] of this.#context.store.items(prefix)) {
      const info = await this.info(name.slice(prefix.length));
      if (info !== undefined) found.push(info);
    }
    return found;
  }

  async info(id: string): Promise<ConversationInfo | undefined> {
    const found = await this.find(id);
    if (found === undefined) return undefined;
    const { host, version, persons, agents } = found.conversation;
    const isCurrent = isCurrentFor(this.#context, found.conversation);
    const devices = isCurrent ? rosterOf(this.#context, found.conversation) : [];
    return { conversation: id, host, version, persons, agents, isCurrent, devices };
  }

  /** Who was not accepted yet, or left. @throws SessionError unknown_conversation */
  async changes(id: string): Promise<ConversationChanges> {
    const found = await this.find(id);
    if (found === undefined) throw sessionError('unknown_conversation', id);
    const devices = rosterOf(this.#context, found.conversation);
    const accepted = new Set(found.item.accepted);
    const added = devices.filter(({ device }) => device !== this.#context.own.device.id && !accepted.has(device));
    const present = new Set(devices.map(({ device }) => device));
    return { conversation: id, added, removed: found.item.accepted.filter((device) => !present.has(device)) };
  }

  /** The application has shown the changes. */
  async accept(changes: ConversationChanges): Promise<void> {
    await this.#context.turn(async () => {
      const found = await this.find(changes.conversation);
      if (found === undefined) throw sessionError('unknown_conversation', changes.conversation);
      const kept = found.item.accepted.filter((device) => !changes.removed.includes(device));
      // Only what was shown: somebody may have been added since.
      const accepted = [...new Set([...kept, ...changes.added.map(({ device }) => device)])];
      await this.#context.store.write(new Changes().put(nameOf(changes.conversation), { ...found.item, accepted }));
    });
  }

  stageCounter(changes: Changes, id: string, item: ConversationItem, counter: number): void {
    changes.put(nameOf(id), { ...item, counter });
  }

  /** Devices that must be accepted before anything is sent. */
  async unaccepted(id: string): Promise<readonly ConversationDevice[]> {
    return this.#context.acceptsParticipants ? [] : (await this.changes(id)).added;
  }

  /** Reads the statements of the service. Those that do not verify are left out, and tried again with the next call. */
  async refresh(settings: Settings): Promise<void> {
    const statements = await this.#context.requests.conversations(settings);
    await this.#context.turn(async () => {
      for (const signed of statements) await this.#take(signed);
    });
  }

  async #take(signed: Bytes): Promise<void> {
    const next = readConversation(this.#context.directory.state, signed);
    if (next === undefined || !isCurrentFor(this.#context, next)) return await this.#takeRemoval(next, signed);
    await this.#store(next, signed, []);
  }

  /** A statement that removes this device ends the conversation here, if it is later than the known one. */
  async #takeRemoval(next: Conversation | undefined, signed: Bytes): Promise<void> {
    if (next !== undefined && (await this.find(next.id)) !== undefined) await this.#store(next, signed, []);
  }

  async #store(next: Conversation, signed: Bytes, accepted: readonly string[]): Promise<void> {
    const { store, notify } = this.#context;
    const last = await this.find(next.id);
    if (last !== undefined && !replacesConversation(last.conversation, next)) {
      const isConflict = last.conversation.version === next.version && !equalBytes(last.conversation.hash, next.hash);
      if (isConflict) notify({ kind: 'conversation_conflict', detail: `${next.id} version ${next.version}` });
      return;
    }
    if (last !== undefined && equalBytes(last.item.signed, signed)) return;
    const item: ConversationItem = last?.item ?? { signed, counter: 0, accepted };
    await store.write(new Changes().put(nameOf(next.id), { ...item, signed }));
    notify({ kind: 'participants_changed', detail: next.id });
  }

  /** Opens a conversation of the own person. Its participants are accepted, because the caller named them. */
  async open(participants: Participants, settings: Settings): Promise<string> {
    return await this.#publish(this.#draft(participants), [], settings);
  }

  /** Replaces the participants. Only devices of the host's person can do it. */
  async change(id: string, participants: Participants, settings: Settings): Promise<string> {
    return await this.#publish(this.#draft(participants, await this.#known(id)), [], settings);
  }

  /** A statement for conversations with agents of other persons, which a device of each of them signs. */
  async propose(participants: Participants, id?: string): Promise<ConversationProposal> {
    const facts = this.#draft(participants, id === undefined ? undefined : await this.#known(id));
    return { statement: toBase64Url(encodeConversation(this.#context.own.org, facts)) };
  }

  /** Signs a proposal of another person. The caller has shown its participants, see {@link ConversationBook.read}. */
  sign({ statement }: ConversationProposal): ConversationSignature {
    const { own } = this.#context;
    const bytes = this.#proposed(statement).bytes;
    return { device: own.device.id, signature: toBase64Url(signConversation(bytes, own.ik)) };
  }

  /** What a proposal says, for people. @throws AnimaError invalid_argument */
  read({ statement }: ConversationProposal): Participants & { readonly host: string; readonly version: number } {
    const { host, version, persons, agents } = this.#proposed(statement).conversation;
    return { host, version, persons, agents };
  }

  /** Publishes a proposal of this device with the signatures of others. */
  async publish(
    { statement }: ConversationProposal,
    signatures: readonly ConversationSignature[],
    settings: Settings,
  ): Promise<string> {
    return await this.#publish(this.#proposed(statement).conversation, signatures, settings);
  }

  async #known(id: string): Promise<Conversation> {
    const found = await this.find(id);
    if (found === undefined) throw sessionError('unknown_conversation', id);
    return found.conversation;
  }

  #draft(participants: Participants, last?: Conversation): ConversationFacts {
    const { own, directory, clock } = this.#context;
    const personOf = (device: string): string[] => [directory.state.devices.get(device)?.person ?? []].flat();
    const [person = ''] = personOf(own.device.id);
    const agents = [...new Set(participants.agents)].sort();
    // Signers take part (docs/format-directory.md, section 7), and an agent does only if its person signs.
    const persons = [...new Set([...participants.persons, ...agents.flatMap(personOf), last?.host ?? person])].sort();
    if (!persons.every(isOpaqueName) || !agents.every(isHashId) || persons.length > 16 || agents.length > 16)
      throw notSentError('invalid_argument', 'at most 16 ids of persons and 16 ids of agents are required');
    return {
      host: last?.host ?? person,
      nonce: last?.nonce ?? randomId16(),
      version: (last?.version ?? 0) + 1,
      ...{ persons, agents, time: clock.now(), head: directory.state.head },
    };
  }

  /** A proposal read as a statement that only this device signed, to check its form. */
  #proposed(text: string): { readonly bytes: Bytes; readonly conversation: ConversationFacts } {
    const bytes = fromBase64Url(text);
    const facts = bytes && parseStatement(this.#context.own.org, bytes);
    if (bytes === undefined || facts === undefined)
      throw notSentError('invalid_argument', 'this is not the proposal of a conversation');
    return { bytes, conversation: facts };
  }

  async #publish(
    facts: ConversationFacts,
    others: readonly ConversationSignature[],
    settings: Settings,
  ): Promise<string> {
    const { own, directory, requests } = this.#context;
    const statement = encodeConversation(own.org, facts);
    const mine = { device: own.device.id, signature: signConversation(statement, own.ik) };
    const decoded = others.map(({ device, signature }) => ({
      device,
      signature: fromBase64Url(signature) ?? new Uint8Array(0),
    }));
    const signed = joinConversation(statement, [mine, ...decoded]);
    const conversation = readConversation(directory.state, signed);
    if (conversation === undefined || !isCurrentFor(this.#context, conversation))
      throw sessionError(
        'not_allowed',
        'only an owner of the conversation can sign it, with a valid signature of each other',
      );
    const roster = rosterOf(this.#context, conversation);
    if (roster.length > 16) throw sessionError('too_many_devices');
    await requests.putConversation(conversation.id, signed, settings);
    const accepted = roster.map(({ device }) => device);
    await this.#context.turn(async () => {
      const last = await this.find(conversation.id);
      const counter = last?.item.counter ?? 0;
      await this.#context.store.write(new Changes().put(nameOf(conversation.id), { signed, counter, accepted }));
    });
    return conversationIdOf(own.org, facts.host, facts.nonce);
  }
}
