/** Statements of conversations (docs/session-service.md, section 5). */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { ListConversationsResponse, PutConversationResponse } from '../../contract/sessions/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { readConversation } from '../../core/directory/conversation.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { isCurrentConversation } from '../../core/directory/may-write.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { Clock } from '../shared/ports.ts';
import type { ConversationStore, StoredConversation } from './directory-ports.ts';
import type { SessionSigner } from './session-authenticator.ts';

const refuse = (reason: string): VaultError =>
  new VaultError('conversation_refused', { detail: `The statement is refused: ${reason}. Nothing was stored.` });

export class ConversationService {
  readonly #store: Omit<ConversationStore, 'readRelations'>;
  readonly #clock: Clock;

  constructor(store: Omit<ConversationStore, 'readRelations'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Stores a statement of which the device is a signer. The same bytes again get the same answer.
   * @throws VaultError `conversation_refused`, `conversation_conflict`, `unavailable`
   */
  async put({ org, view, device }: SessionSigner, id: string, statement: Uint8Array): Promise<PutConversationResponse> {
    const conversation = readConversation(view.state, statement);
    if (conversation === undefined) throw refuse('a form or a signature of it is wrong');
    if (conversation.id !== id) throw refuse('it is of another conversation');
    if (!conversation.signers.includes(device.id)) throw refuse('this device did not sign it');
    if (!isCurrentConversation(view.state, conversation, this.#clock().getTime()))
      throw refuse('a signer is not active');
    const { version, persons, agents } = conversation;
    const participants = [...persons, ...agents];
    const stored = { conversation: id, version, statement, participants };
    if (!(await this.#store.put(org, stored)) && !(await this.#replaceForged(org, view.state, stored)))
      throw new VaultError('conversation_conflict', { detail: 'Nothing was stored.' });
    return { conversation: id, version };
  }

  /** A row whose statement has no such version was altered. It would refuse every later statement. */
  async #replaceForged(org: string, state: DirectoryState, next: StoredConversation): Promise<boolean> {
    const before = await this.#store.getStatement(org, next.conversation);
    if (before === undefined) return false;
    const signed = readConversation(state, before);
    const isLater = signed?.id === next.conversation && signed.version >= next.version;
    return !isLater && (await this.#store.replace(org, next, before));
  }

  /** @throws VaultError `unavailable` */
  async list({ org, device }: SessionSigner, after: string | undefined): Promise<ListConversationsResponse> {
    const participant = device.role === 'owner' ? device.person : device.id;
    const { items, next } = await this.#store.list(org, participant, after, sessionLimits.conversationsPage);
    return {
      statements: items.map(({ statement }) => encodeBase64Field(statement)),
      ...(next === undefined ? {} : { next }),
    };
  }
}
