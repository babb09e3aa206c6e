/** Executes chat commands (docs/channels.md). The responder does not receive them, and they are not stored. */

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

/** The result of a command. */
export interface ChatCommandResult {
  /** The reply. */
  readonly text: string;
  /** The user for the audit record. Undefined if no user is known. */
  readonly user?: string | undefined;
  readonly verb: AuditOnlyVerb;
}

/** Writes an audit record with the result `started`. @throws VaultError `audit_unavailable` */
export type RecordStart = (user: string, verb: AuditOnlyVerb) => Promise<void>;

export interface ChatCommandServiceDeps {
  readonly identityUsers: Pick<IdentityUserService, 'findOrCreateUser'>;
  readonly locatorStore: Pick<LocatorStore, 'find'>;
  readonly reader: UserReader;
  readonly identityLinking: Pick<IdentityLinkingService, 'createLinkCode' | 'redeemLinkCode'>;
  readonly accounts: Pick<AccountService, 'removeSlot'>;
  readonly userDeletion: Pick<UserDeletionService, 'delete'>;
  readonly clock: Clock;
}

/** The user that a sender's locator identifies. */
interface MessageSender {
  readonly owner: UserRef;
  /** Undefined if the user is deleted or does not have the sender's identity. */
  readonly user: UnlockedUser | undefined;
  readonly damaged: boolean;
  /** RFC 3339. Defined only if the user is deleted. */
  readonly deletedAt: string | undefined;
}

/** Commands that are rejected in a shared channel. */
const privateCommands: ReadonlySet<ChatCommand['kind']> = new Set(['start-link', 'redeem', 'ask-delete']);

/**
 * Executes chat commands. A job can be delivered twice, so every command is idempotent. A repeated command has no
 * effect if its sender has started a new account in the meantime, because it was meant for the earlier account.
 * @throws VaultError `org_locked`, `org_shredded`, and transient errors
 */
export class ChatCommandService {
  readonly #deps: ChatCommandServiceDeps;

  constructor(deps: ChatCommandServiceDeps) {
    this.#deps = deps;
  }

  /**
   * @param shared whether other people can read the reply
   * @param receivedAt when the message was received
   * @param recordStart writes the audit record that precedes an effect that cannot be undone
   * @returns `outdated` if the command had no effect because it is older than the sender's key slot, or not newer than
   *   the user's deletion
   */
  async execute(
    command: ChatCommand,
    key: VerifiedIdentity,
    shared: boolean,
    receivedAt: Date,
    recordStart: RecordStart,
  ): Promise<ChatCommandResult | 'outdated'> {
    if (shared && privateCommands.has(command.kind)) return unattributedReply(chatCommandReplies.notPrivate);
    const sender = await this.#findSender(key);
    if (sender?.user !== undefined && predatesSlot(sender.user, receivedAt)) return 'outdated';
    if (sender?.damaged === true) return unattributedReply(chatCommandReplies.corruptAccount);
    // A retried deletion finds its own tombstone. The steps after the tombstone might be incomplete.
    if (command.kind === 'delete') return await this.#deleteUser(sender, key, command.code, receivedAt, recordStart);
    if (Date.parse(sender?.deletedAt ?? '') >= receivedAt.getTime()) return 'outdated';
    if (command.kind === 'start-link') return await this.#createLinkCode(sender?.user, key, receivedAt);
    if (command.kind === 'redeem') return await this.#redeemLinkCode(key, command.code, receivedAt);
    if (sender?.user === undefined) return unattributedReply(chatCommandReplies.noAccount);
    return command.kind === 'unlink'
      ? await this.#unlink(sender.user, recordStart)
      : confirmDeletionReply(sender.user, receivedAt);
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
    // An earlier attempt of this job might have linked the identity, and its reply was lost.
    const isLinked = (await this.#findSender(key))?.user !== undefined;
    return unattributedReply(isLinked ? chatCommandReplies.alreadyLinked : chatCommandReplies.linkCodeRefused);
  }

  async #unlink(user: UnlockedUser, recordStart: RecordStart): Promise<ChatCommandResult> {
    const attribution = { user: user.owner.user, verb: 'account.write' } as const;
    await recordStart(attribution.user, attribution.verb);
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
    recordStart: RecordStart,
  ): Promise<ChatCommandResult> {
    if (sender === undefined || (sender.user === undefined && sender.deletedAt === undefined)) {
      return unattributedReply(chatCommandReplies.noAccount);
    }
    const { user } = sender;
    if (user !== undefined && !isDeletionCode(user.umk, user.keyring.generation, receivedAt, code)) {
      return { text: chatCommandReplies.deletionCodeRefused, user: user.owner.user, verb: 'account.read' };
    }
    await recordStart(sender.owner.user, 'account.delete');
    // This also runs for a deleted user, because the steps after the tombstone might be incomplete. If the keyring was
    // replaced after the code was checked, the job is retried, and the code is then refused.
    const identity = { kind: 'identity', locator: key.locator } as const;
    await this.#deps.userDeletion.delete(sender.owner, [identity], user?.keyring.generation);
    return { text: chatCommandReplies.deleted, user: sender.owner.user, verb: 'account.delete' };
  }

  /** Finds the sender's user. Does not create one. */
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

/** Replies with the deletion code. An attacker who can only send in the sender's name does not receive the reply. */
const confirmDeletionReply = ({ owner, umk, keyring }: UnlockedUser, receivedAt: Date): ChatCommandResult => ({
  text: chatCommandReplies.confirmDeletion(deletionCodeAt(umk, keyring.generation, receivedAt)),
  user: owner.user,
  verb: 'account.read',
});

/**
 * Returns the deletion time of a tombstone. The tombstone is not verified, because deleting again does not change it.
 */
function deletedAtOf(keyring: unknown): string | undefined {
  if (typeof keyring !== 'object' || keyring === null || !('deletedAt' in keyring)) return undefined;
  return typeof keyring.deletedAt === 'string' ? keyring.deletedAt : undefined;
}
