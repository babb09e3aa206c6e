/**
 * The rules of logging in. Every failure is one and the same, after the same work: two MACs by KMS, the same reads and writes, one Argon2id;
 * so neither answer nor time tells whether there is such a login.
 */
import { randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { LogInRequest, LogInResponse } from '../../contract/users/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { canonicalLogin } from '../../core/users/canonical-identity.ts';
import { newSlotSalt, type Slot, type SlotMetadata, wrapUmk } from '../../core/users/key-slot.ts';
import { formatSessionToken } from '../../core/users/session-token.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserKeyring } from '../../core/users/user-keyring.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import type { PasswordSlots } from './password-slot.ts';
import { freshness, readFresh } from './read-freshness.ts';
import { cookieOf } from './session-cookie.ts';
import type { SlotChanges } from './slot-updater.ts';
import { type OpenUser, openSlot, userKeyringOf } from './unlocked-user.ts';
import type { AttemptStore, LocatorStore, RoutingMacs, UserRead, UserReader } from './user-ports.ts';

export interface LoginParts {
  readonly reader: UserReader;
  readonly store: LocatorStore;
  readonly attempts: AttemptStore;
  readonly routing: RoutingMacs;
  readonly slots: PasswordSlots;
  readonly changes: SlotChanges;
  readonly clock: Clock;
}

/** What a login gives: the answer, whose it is, and the cookie. */
export interface LoggedIn {
  readonly org: string;
  readonly user: string;
  readonly output: LogInResponse;
  /** Value of `Set-Cookie`. */
  readonly cookie: string;
}

export class Logins {
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /**
   * Begins a session.
   * @throws VaultError `login_refused` for every cause: no such org, one that is shut, no such login, another password, also one that
   *   was changed meanwhile; `too_many_attempts`, `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
  async logIn({ org, login, password }: LogInRequest): Promise<LoggedIn> {
    const { routing, attempts, clock } = this.#parts;
    const name = canonicalLogin(login);
    // What has not the form can't be anyone's; the form is public, so that nothing is asked tells nothing.
    if (!isOpaqueId(org) || name === undefined) throw new VaultError('login_refused');
    const locator = await routing.locator(locatorMacInput(org, name));
    if (!(await attempts.attempt(org, locator, clock()))) throw new VaultError('too_many_attempts');
    // The password's slot may be replaced while it is used: it is then looked for once more.
    const entered = (await this.#enter(org, locator, password)) ?? (await this.#enter(org, locator, password));
    if (entered === undefined) throw new VaultError('login_refused');
    await attempts.forget(org, locator);
    return entered;
  }

  /** Undefined when the password's slot was replaced or removed meanwhile. @throws VaultError `login_refused` and others of {@link logIn} */
  async #enter(org: string, locator: string, password: string): Promise<LoggedIn | undefined> {
    const found = await this.#parts.store.find(org, locator);
    // Of one that leads to nobody, a user that does not exist: so as much is read.
    const owner = { org, user: found?.user ?? randomId() };
    const opened = await this.#open(owner, locator, password);
    if (opened === undefined) return undefined;
    const { user, secret } = opened;
    try {
      return await this.#begin(user, password);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'invalid_credential') return undefined;
      throw error;
    } finally {
      secret.fill(0);
    }
  }

  /** Undefined when the password is right and its slot was made anew during the check. @throws VaultError `login_refused` */
  async #open(owner: UserRef, locator: string, password: string) {
    const { reader, slots, clock } = this.#parts;
    const slotIn = (read: UserRead) => quietly(() => passwordIn(read, owner, locator));
    const asked = performance.now();
    const first = await reader.read(owner, []);
    const checked = slotIn(first)?.slot;
    const secret = await slots.check(password, owner, checked);
    // The check takes its time: what was read before it may be too old to be opened (fresh.ts). So for everyone, right or wrong.
    const read = performance.now() - asked < freshness ? first : await readFresh(() => reader.read(owner, []));
    if (secret === undefined) throw new VaultError('login_refused');
    const now = slotIn(read)?.slot;
    const isAnew = now !== undefined && now.wrapped !== checked?.wrapped;
    const user = quietly(() => {
      const { keyring, slot } = passwordIn(read, owner, locator);
      return isAnew ? undefined : openSlot(secret, read, keyring, slot, clock());
    });
    if (user !== undefined) return { user, secret };
    secret.fill(0);
    if (isAnew) return undefined;
    throw new VaultError('login_refused');
  }

  async #begin(user: OpenUser, password: string): Promise<LoggedIn> {
    const { owner } = user;
    const now = this.#parts.clock();
    const createdAt = now.toISOString();
    const expiresAt = addSeconds(now, limits.sessionSeconds);
    const secret = randomBytes(32);
    const id = randomId();
    const facts: SlotMetadata = {
      id,
      kind: 'session',
      locator: '',
      salt: newSlotSalt(owner, 'session'),
      createdAt,
      expiresAt,
    };
    const session = user.withRoot((root) => wrapUmk(root, secret, owner, facts));
    const { remove = [], add = [] } = await this.#parts.slots.raise(user, user.slot, password, createdAt);
    await this.#parts.changes.change(user, (before) => ({
      remove: [...remove, ...surplusSessions(before, now)],
      add: [...add, session],
    }));
    const token = formatSessionToken({ ...owner, slot: id, secret });
    secret.fill(0);
    const output = { user: owner.user, expiresAt };
    return { ...owner, output, cookie: cookieOf(token, limits.sessionSeconds) };
  }
}

/** @throws VaultError `org_locked`, `org_shredded`; DecryptionError when there is no such slot */
function passwordIn(read: UserRead, owner: UserRef, locator: string): { keyring: UserKeyring; slot: Slot } {
  const keyring = userKeyringOf(read, owner);
  const slot = keyring?.slots.find((one) => one.kind === 'password' && one.locator === locator);
  if (keyring === undefined || slot === undefined) throw new DecryptionError();
  return { keyring, slot };
}

/** What a login must not tell apart: an org that is shut, a record that is damaged. */
function quietly<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof DecryptionError || error instanceof VaultError) return undefined;
    throw error;
  }
}

/** The oldest sessions beyond those that may stay beside a new one. */
function surplusSessions({ slots }: UserKeyring, now: Date): string[] {
  const sessions = slots.filter((slot: Slot) => slot.kind === 'session' && !hasPassed(slot.expiresAt, now));
  const oldestFirst = sessions.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  return oldestFirst.slice(0, Math.max(0, sessions.length - limits.sessionsKept + 1)).map(({ id }) => id);
}
