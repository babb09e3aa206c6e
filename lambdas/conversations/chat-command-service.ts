/** What a person can ask of the vault itself by a message (docs/channels.md). The responder sees none of it, and none of it is stored. */

import { VaultError } from '../../contract/shared/vault-error.ts';
import type { AuditOnlyVerb } from '../../contract/shared/verbs.ts';
import { deletionCodeAt, isDeletionCode } from '../../core/users/confirmation-codes.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import type { Accounts } from '../users/account-service.ts';
import type { Linking } from '../users/identity-linking-service.ts';
import { cameBefore, type Identities, type IdentityKey, isDamaged, openIdentity } from '../users/identity-unlock.ts';
import { readFresh } from '../users/read-freshness.ts';
import type { OpenUser } from '../users/unlocked-user.ts';
import type { DeletingUsers } from '../users/user-deletion-service.ts';
import type { LocatorStore, UserReader } from '../users/user-ports.ts';
import { type Command, commandTexts } from './chat-command-parser.ts';

/** What a command came to: what is answered, and for whom it is recorded, where somebody is known. */
export interface Done {
  readonly text: string;
  readonly user?: string | undefined;
  readonly verb: AuditOnlyVerb;
}

export interface CommandParts {
  readonly identities: Pick<Identities, 'ensureUser'>;
  readonly locators: Pick<LocatorStore, 'find'>;
  readonly reader: UserReader;
  readonly linking: Pick<Linking, 'start' | 'redeem'>;
  readonly accounts: Pick<Accounts, 'removeSlot'>;
  readonly deleting: Pick<DeletingUsers, 'delete'>;
  readonly clock: Clock;
}

/** Whom a sender's locator leads to. */
interface Found {
  readonly owner: UserRef;
  /** Undefined when the user is deleted, or the sender is none of its identities. */
  readonly user: OpenUser | undefined;
  readonly damaged: boolean;
  /** RFC 3339; of one who is deleted. */
  readonly deletedAt: string | undefined;
}

/** Of what others could read along. */
const secret: ReadonlySet<Command['kind']> = new Set(['start-link', 'redeem', 'ask-delete']);

/**
 * Each can be run again, since a job can come twice: it then finds what is done as done. One that comes again after its sender has begun
 * anew does nothing: it was not meant for that.
 * @throws VaultError `org_locked`, `org_shredded`, and what passes
 */
export class Commands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  /**
   * @param shared whether others read along
   * @param at when the message came
   * @returns `outdated`, and nothing was done, when it came before its sender was this user's, or before that user's end
   */
  async run(command: Command, key: IdentityKey, shared: boolean, at: Date): Promise<Done | 'outdated'> {
    if (shared && secret.has(command.kind)) return unknown(commandTexts.shared);
    const found = await this.#find(key);
    if (found?.user !== undefined && cameBefore(found.user, at)) return 'outdated';
    if (found?.damaged === true) return unknown(commandTexts.damaged);
    // A deletion that comes again finds its own tombstone: what was to follow that may be missing.
    if (command.kind === 'delete') return await this.#delete(found, key, command.code, at);
    if (Date.parse(found?.deletedAt ?? '') >= at.getTime()) return 'outdated';
    if (command.kind === 'start-link') return await this.#startLink(found?.user, key, at);
    if (command.kind === 'redeem') return await this.#redeem(key, command.code, at);
    if (found?.user === undefined) return unknown(commandTexts.noAccount);
    return command.kind === 'unlink' ? await this.#unlink(found.user) : askDelete(found.user, at);
  }

  async #startLink(known: OpenUser | undefined, key: IdentityKey, at: Date): Promise<Done | 'outdated'> {
    const { identities, linking } = this.#parts;
    if (known === undefined && (await identities.ensureUser(key, at)) === undefined) return 'outdated';
    const user = known ?? (await this.#find(key))?.user;
    if (user === undefined) throw new VaultError('write_contention');
    const { code } = await linking.start(user);
    return { text: commandTexts.linkCode(code), user: user.owner.user, verb: 'account.write' };
  }

  async #redeem(key: IdentityKey, code: string, at: Date): Promise<Done> {
    const linked = await this.#parts.linking.redeem(key, code, at);
    if (linked === 'taken') return unknown(commandTexts.linkedAlready);
    if (linked !== 'refused') return { text: commandTexts.linked, user: linked.user, verb: 'account.write' };
    // Perhaps the same message has linked it before, and the answer was lost.
    const already = (await this.#find(key))?.user !== undefined;
    return unknown(already ? commandTexts.linkedAlready : commandTexts.linkRefused);
  }

  async #unlink(user: OpenUser): Promise<Done> {
    const done = { user: user.owner.user, verb: 'account.write' } as const;
    try {
      await this.#parts.accounts.removeSlot(user, user.slot.id);
      return { ...done, text: commandTexts.unlinked };
    } catch (error) {
      if (error instanceof VaultError && error.code === 'last_slot') return { ...done, text: commandTexts.lastSlot };
      throw error;
    }
  }

  async #delete(found: Found | undefined, key: IdentityKey, code: string, at: Date): Promise<Done> {
    if (found === undefined || (found.user === undefined && found.deletedAt === undefined)) {
      return unknown(commandTexts.noAccount);
    }
    const { user } = found;
    if (user !== undefined && !isDeletionCode(user.umk, user.keyring.generation, at, code)) {
      return { text: commandTexts.deleteRefused, user: user.owner.user, verb: 'account.read' };
    }
    // One that is deleted already too: what was to follow its tombstone may be missing.
    await this.#parts.deleting.delete(found.owner, [{ kind: 'identity', locator: key.locator }]);
    return { text: commandTexts.deleted, user: found.owner.user, verb: 'account.delete' };
  }

  /** Makes no user. */
  async #find(key: IdentityKey): Promise<Found | undefined> {
    const { locators, reader, clock } = this.#parts;
    const located = await locators.find(key.org, key.locator);
    if (located === undefined) return undefined;
    const owner: UserRef = { org: key.org, user: located.user };
    const read = await readFresh(() => reader.read(owner, []));
    const user = openIdentity(key, owner, read, clock());
    const damaged = user === undefined && isDamaged(key, owner, read);
    return { owner, user, damaged, deletedAt: deletedAtOf(read.keyring) };
  }
}

const unknown = (text: string): Done => ({ text, verb: 'account.read' });

/** Shows the code to whoever gets what is sent to the sender; who can only send in its name has it not. */
const askDelete = ({ owner, umk, keyring }: OpenUser, at: Date): Done => ({
  text: commandTexts.deleteAsk(deletionCodeAt(umk, keyring.generation, at)),
  user: owner.user,
  verb: 'account.read',
});

/** A tombstone needs no check: who deletes it again changes nothing of it. */
function deletedAtOf(keyring: unknown): string | undefined {
  if (typeof keyring !== 'object' || keyring === null || !('deletedAt' in keyring)) return undefined;
  return typeof keyring.deletedAt === 'string' ? keyring.deletedAt : undefined;
}
