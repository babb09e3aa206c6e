/** What a person can ask of the vault itself by a message (docs/channels.md). The responder sees none of it, and none of it is stored. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditOnlyVerb } from '../../contract/shared/verbs.ts';
import { deletionCodeAt, isDeletionCode } from '../../core/users/confirmation-codes.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import type { AccountService } from '../users/account-service.ts';
import type { IdentityLinkingService } from '../users/identity-linking-service.ts';
import {
  type IdentityUserService,
  isCorruptIdentityUser,
  predatesSlot,
  unlockByIdentity,
  type VerifiedIdentity,
} from '../users/identity-user-service.ts';
import { readWithinMaxAge } from '../users/read-freshness.ts';
import type { UnlockedUser } from '../users/unlocked-user.ts';
import type { UserDeletionService } from '../users/user-deletion-service.ts';
import type { LocatorStore, UserReader } from '../users/user-ports.ts';
import { type ChatCommand, chatCommandReplies } from './chat-command-parser.ts';

/** What a command came to: what is answered, and for whom it is recorded, where somebody is known. */
export interface ChatCommandResult {
  readonly text: string;
  readonly user?: string | undefined;
  readonly verb: AuditOnlyVerb;
}

export interface ChatCommandServiceDeps {
  readonly identityUsers: Pick<IdentityUserService, 'findOrCreateUser'>;
  readonly locatorStore: Pick<LocatorStore, 'find'>;
  readonly reader: UserReader;
  readonly identityLinking: Pick<IdentityLinkingService, 'createLinkCode' | 'redeemLinkCode'>;
  readonly accounts: Pick<AccountService, 'removeSlot'>;
  readonly userDeletion: Pick<UserDeletionService, 'delete'>;
  readonly clock: Clock;
}

/** Whom a sender's locator leads to. */
interface MessageSender {
  readonly owner: UserRef;
  /** Undefined when the user is deleted, or the sender is none of its identities. */
  readonly user: UnlockedUser | undefined;
  readonly damaged: boolean;
  /** RFC 3339; of one who is deleted. */
  readonly deletedAt: string | undefined;
}

/** Of what others could read along. */
const privateCommands: ReadonlySet<ChatCommand['kind']> = new Set(['start-link', 'redeem', 'ask-delete']);

/**
 * Each can be run again, since a job can come twice: it then finds what is done as done. One that comes again after its sender has begun
 * anew does nothing: it was not meant for that.
 * @throws VaultError `org_locked`, `org_shredded`, and what passes
 */
export class ChatCommandService {
  readonly #deps: ChatCommandServiceDeps;

  constructor(deps: ChatCommandServiceDeps) {
    this.#deps = deps;
  }

  /**
   * @param shared whether others read along
   * @param receivedAt when the message came
   * @returns `outdated`, and nothing was done, when it came before its sender was this user's, or before that user's end
   */
  async execute(
    command: ChatCommand,
    key: VerifiedIdentity,
    shared: boolean,
    receivedAt: Date,
  ): Promise<ChatCommandResult | 'outdated'> {
    if (shared && privateCommands.has(command.kind)) return unattributedReply(chatCommandReplies.notPrivate);
    const sender = await this.#findSender(key);
    if (sender?.user !== undefined && predatesSlot(sender.user, receivedAt)) return 'outdated';
    if (sender?.damaged === true) return unattributedReply(chatCommandReplies.corruptAccount);
    // A deletion that comes again finds its own tombstone: what was to follow that may be missing.
    if (command.kind === 'delete') return await this.#deleteUser(sender, key, command.code, receivedAt);
    if (Date.parse(sender?.deletedAt ?? '') >= receivedAt.getTime()) return 'outdated';
    if (command.kind === 'start-link') return await this.#createLinkCode(sender?.user, key, receivedAt);
    if (command.kind === 'redeem') return await this.#redeemLinkCode(key, command.code, receivedAt);
    if (sender?.user === undefined) return unattributedReply(chatCommandReplies.noAccount);
    return command.kind === 'unlink' ? await this.#unlink(sender.user) : confirmDeletionReply(sender.user, receivedAt);
  }

  async #createLinkCode(
    knownUser: UnlockedUser | undefined,
    key: VerifiedIdentity,
    receivedAt: Date,
  ): Promise<ChatCommandResult | 'outdated'> {
    const { identityUsers, identityLinking } = this.#deps;
    if (knownUser === undefined && (await identityUsers.findOrCreateUser(key, receivedAt)) === undefined)
      return 'outdated';
    const user = knownUser ?? (await this.#findSender(key))?.user;
    if (user === undefined) throw new VaultError('write_contention');
    const { code } = await identityLinking.createLinkCode(user);
    return { text: chatCommandReplies.linkCode(code), user: user.owner.user, verb: 'account.write' };
  }

  async #redeemLinkCode(key: VerifiedIdentity, code: string, receivedAt: Date): Promise<ChatCommandResult> {
    const linked = await this.#deps.identityLinking.redeemLinkCode(key, code, receivedAt);
    if (linked === 'taken') return unattributedReply(chatCommandReplies.alreadyLinked);
    if (linked !== 'refused') return { text: chatCommandReplies.linked, user: linked.user, verb: 'account.write' };
    // Perhaps the same message has linked it before, and the answer was lost.
    const isLinked = (await this.#findSender(key))?.user !== undefined;
    return unattributedReply(isLinked ? chatCommandReplies.alreadyLinked : chatCommandReplies.linkCodeRefused);
  }

  async #unlink(user: UnlockedUser): Promise<ChatCommandResult> {
    const attribution = { user: user.owner.user, verb: 'account.write' } as const;
    try {
      await this.#deps.accounts.removeSlot(user, user.slot.id);
      return { ...attribution, text: chatCommandReplies.unlinked };
    } catch (error) {
      if (error instanceof VaultError && error.code === 'last_slot')
        return { ...attribution, text: chatCommandReplies.lastSlot };
      throw error;
    }
  }

  async #deleteUser(
    sender: MessageSender | undefined,
    key: VerifiedIdentity,
    code: string,
    receivedAt: Date,
  ): Promise<ChatCommandResult> {
    if (sender === undefined || (sender.user === undefined && sender.deletedAt === undefined)) {
      return unattributedReply(chatCommandReplies.noAccount);
    }
    const { user } = sender;
    if (user !== undefined && !isDeletionCode(user.umk, user.keyring.generation, receivedAt, code)) {
      return { text: chatCommandReplies.deletionCodeRefused, user: user.owner.user, verb: 'account.read' };
    }
    // One that is deleted already too: what was to follow its tombstone may be missing.
    await this.#deps.userDeletion.delete(sender.owner, [{ kind: 'identity', locator: key.locator }]);
    return { text: chatCommandReplies.deleted, user: sender.owner.user, verb: 'account.delete' };
  }

  /** Makes no user. */
  async #findSender(key: VerifiedIdentity): Promise<MessageSender | undefined> {
    const { locatorStore, reader, clock } = this.#deps;
    const locator = await locatorStore.find(key.org, key.locator);
    if (locator === undefined) return undefined;
    const owner: UserRef = { org: key.org, user: locator.user };
    const read = await readWithinMaxAge(() => reader.read(owner, []));
    const user = unlockByIdentity(key, owner, read, clock());
    const damaged = user === undefined && isCorruptIdentityUser(key, owner, read);
    return { owner, user, damaged, deletedAt: deletedAtOf(read.keyring) };
  }
}

const unattributedReply = (text: string): ChatCommandResult => ({ text, verb: 'account.read' });

/** Shows the code to whoever gets what is sent to the sender; who can only send in its name has it not. */
const confirmDeletionReply = ({ owner, umk, keyring }: UnlockedUser, receivedAt: Date): ChatCommandResult => ({
  text: chatCommandReplies.confirmDeletion(deletionCodeAt(umk, keyring.generation, receivedAt)),
  user: owner.user,
  verb: 'account.read',
});

/** A tombstone needs no check: who deletes it again changes nothing of it. */
function deletedAtOf(keyring: unknown): string | undefined {
  if (typeof keyring !== 'object' || keyring === null || !('deletedAt' in keyring)) return undefined;
  return typeof keyring.deletedAt === 'string' ? keyring.deletedAt : undefined;
}
