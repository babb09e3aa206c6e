/** Reads the verified directory, and the verified statement of one conversation, for functions that change nothing. */
import { type Conversation, readConversation } from '../../core/directory/conversation.ts';
import type { DirectoryState } from '../../core/directory/directory-state.ts';
import { acceptCertificate, type FleetCertificate } from '../../core/directory/fleet-certificate.ts';
import type { Clock } from '../shared/ports.ts';
import type { ConversationStore } from './directory-ports.ts';
import type { DirectoryReader } from './directory-reader.ts';

export class SessionFactsReader {
  readonly #reader: Pick<DirectoryReader, 'read'>;
  readonly #conversations: Pick<ConversationStore, 'readRelations'>;
  readonly #clock: Clock;

  constructor(
    reader: Pick<DirectoryReader, 'read'>,
    conversations: Pick<ConversationStore, 'readRelations'>,
    clock: Clock,
  ) {
    this.#reader = reader;
    this.#conversations = conversations;
    this.#clock = clock;
  }

  /** @throws DecryptionError for a snapshot that the service did not store; VaultError `unavailable` */
  async readDirectory(org: string): Promise<DirectoryState | undefined> {
    return (await this.#reader.read(org)).view?.state;
  }

  /** Undefined if there is no statement, or if its signatures do not verify. @throws VaultError `unavailable` */
  async readConversation(state: DirectoryState, id: string): Promise<Conversation | undefined> {
    const { statements } = await this.#conversations.readRelations(state.org, [id], []);
    const signed = statements.get(id);
    const conversation = signed && readConversation(state, signed);
    return conversation?.id === id ? conversation : undefined;
  }

  /** Certificates of those ids that are members of fleets and can be reached now. @throws VaultError `unavailable` */
  async readMembers(state: DirectoryState, ids: readonly string[]): Promise<ReadonlyMap<string, FleetCertificate>> {
    const found = new Map<string, FleetCertificate>();
    if (ids.length === 0) return found;
    const { certificates } = await this.#conversations.readRelations(state.org, [], ids);
    for (const [id, signed] of certificates) {
      const accepted = acceptCertificate(state, signed, this.#clock().getTime(), undefined);
      if (accepted?.id === id) found.set(id, accepted);
    }
    return found;
  }
}
