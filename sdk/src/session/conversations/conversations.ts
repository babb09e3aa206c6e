import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import type { ToSettings } from '../messages/received-message.ts';
import type { SessionEngine } from '../session-engine.ts';
import type { ConversationChanges, ConversationInfo, Participants } from '../session-types.ts';
import type { ConversationProposal, ConversationSignature } from './conversation-book.ts';

/** The conversations of a device. Who takes part is signed by devices of the participants. */
export class Conversations {
  readonly #engine: SessionEngine;
  readonly #settings: ToSettings;

  /** @internal */
  constructor(engine: SessionEngine, settings: ToSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /**
   * Opens a conversation with all devices of these persons, and with these agents of the own person. For agents of other
   * persons, see `propose`.
   * @returns its id
   */
  async open({ persons, agents, ...options }: Partial<Participants> & CallOptions): Promise<string> {
    const participants = { persons: persons ?? [], agents: agents ?? [] };
    const settings = this.#settings(options, 'persons', 'agents');
    return await this.#run(settings, () => this.#engine.book.open(participants, settings));
  }

  /** Replaces the participants. Only a device of the person who opened the conversation can do it. */
  async change(conversation: string, { persons, agents, ...options }: Participants & CallOptions): Promise<void> {
    const settings = this.#settings(options, 'persons', 'agents');
    await this.#run(settings, () => this.#engine.book.change(conversation, { persons, agents }, settings));
  }

  /** The conversations that this device knows. Sends nothing. */
  list(): Promise<readonly ConversationInfo[]> {
    return this.#engine.book.list();
  }

  get(conversation: string): Promise<ConversationInfo | undefined> {
    return this.#engine.book.info(conversation);
  }

  /** Participants and devices to show to the person before the next message: they were not accepted yet, or left. */
  changes(conversation: string): Promise<ConversationChanges> {
    return this.#engine.book.changes(conversation);
  }

  /** The person has seen these changes. Until then `send` refuses with `participants_changed`. */
  accept(changes: ConversationChanges): Promise<void> {
    return this.#engine.book.accept(changes);
  }

  /**
   * A statement that devices of other persons sign too. Send it to them by any channel: it is not secret. The persons of
   * the agents take part.
   */
  propose(participants: Participants, conversation?: string): Promise<ConversationProposal> {
    return this.#engine.book.propose(participants, conversation);
  }

  /** What a proposal says, to show before it is signed. */
  read(proposal: ConversationProposal): Participants & { readonly host: string; readonly version: number } {
    return this.#engine.book.read(proposal);
  }

  /** Signs a proposal of another person, so that agents of the own person can take part. */
  sign(proposal: ConversationProposal): ConversationSignature {
    return this.#engine.book.sign(proposal);
  }

  /** Publishes a proposal of this device with the signatures of others. @returns the id of the conversation */
  async publish(
    proposal: ConversationProposal,
    signatures: readonly ConversationSignature[],
    options: CallOptions = {},
  ): Promise<string> {
    const settings = this.#settings(options);
    return await this.#run(settings, () => this.#engine.book.publish(proposal, signatures, settings));
  }

  #run<T>(settings: CallSettings, work: () => Promise<T>): Promise<T> {
    return this.#engine.exclusive(async () => {
      await this.#engine.follow(settings);
      return await work();
    });
  }
}
