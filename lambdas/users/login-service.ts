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
import type { PasswordSlotService } from './password-slot-service.ts';
import { maxReadAgeMs, readWithinMaxAge } from './read-freshness.ts';
import { formatSessionCookie } from './session-cookie.ts';
import type { SlotUpdater } from './slot-updater.ts';
import { activeUserKeyring, type UnlockedUser, unlockSlot } from './unlocked-user.ts';
import type { LocatorStore, LoginAttemptStore, RoutingMacs, StoredUserData, UserReader } from './user-ports.ts';

export interface LoginServiceDeps {
  readonly reader: UserReader;
  readonly locatorStore: LocatorStore;
  readonly attempts: LoginAttemptStore;
  readonly routingMacs: RoutingMacs;
  readonly passwordSlots: PasswordSlotService;
  readonly slotUpdater: SlotUpdater;
  readonly clock: Clock;
}

/** What a login gives: the answer, whose it is, and the cookie. */
export interface LoginResult {
  readonly org: string;
  readonly user: string;
  readonly output: LogInResponse;
  /** Value of `Set-Cookie`. */
  readonly cookie: string;
}

export class LoginService {
  readonly #deps: LoginServiceDeps;

  constructor(deps: LoginServiceDeps) {
    this.#deps = deps;
  }

  /**
   * Begins a session.
   * @throws VaultError `login_refused` for every cause: no such org, one that is shut, no such login, another password, also one that
   *   was changed meanwhile; `too_many_attempts`, `too_many_slots`, `write_contention`, `unavailable`, `key_unavailable`
   */
  async logIn({ org, login, password }: LogInRequest): Promise<LoginResult> {
    const { routingMacs, attempts, clock } = this.#deps;
    const loginName = canonicalLogin(login);
    // What has not the form can't be anyone's; the form is public, so that nothing is asked tells nothing.
    if (!isOpaqueId(org) || loginName === undefined) throw new VaultError('login_refused');
    const locator = await routingMacs.deriveLocator(locatorMacInput(org, loginName));
    if (!(await attempts.countAttempt(org, locator, clock()))) throw new VaultError('too_many_attempts');
    // The password's slot may be replaced while it is used: it is then looked for once more.
    const result =
      (await this.#authenticateAndStartSession(org, locator, password)) ??
      (await this.#authenticateAndStartSession(org, locator, password));
    if (result === undefined) throw new VaultError('login_refused');
    await attempts.resetAttempts(org, locator);
    return result;
  }

  /** Undefined when the password's slot was replaced or removed meanwhile. @throws VaultError `login_refused` and others of {@link logIn} */
  async #authenticateAndStartSession(org: string, locator: string, password: string): Promise<LoginResult | undefined> {
    const found = await this.#deps.locatorStore.find(org, locator);
    // Of one that leads to nobody, a user that does not exist: so as much is read.
    const owner = { org, user: found?.user ?? randomId() };
    const opened = await this.#unlockWithPassword(owner, locator, password);
    if (opened === undefined) return undefined;
    const { user, secret } = opened;
    try {
      return await this.#startSession(user, password);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'invalid_credential') return undefined;
      throw error;
    } finally {
      secret.fill(0);
    }
  }

  /** Undefined when the password is right and its slot was made anew during the check. @throws VaultError `login_refused` */
  async #unlockWithPassword(owner: UserRef, locator: string, password: string) {
    const { reader, passwordSlots, clock } = this.#deps;
    const findPasswordSlot = (currentRead: StoredUserData) =>
      undefinedOnFailure(() => requirePasswordSlot(currentRead, owner, locator));
    const readStartedAt = performance.now();
    const initialRead = await reader.read(owner, []);
    const checkedSlot = findPasswordSlot(initialRead)?.slot;
    const secret = await passwordSlots.verifyPassword(password, owner, checkedSlot);
    // The check takes its time: what was read before it may be too old to be opened (fresh.ts). So for everyone, right or wrong.
    const currentRead =
      performance.now() - readStartedAt < maxReadAgeMs
        ? initialRead
        : await readWithinMaxAge(() => reader.read(owner, []));
    if (secret === undefined) throw new VaultError('login_refused');
    const currentSlot = findPasswordSlot(currentRead)?.slot;
    const slotWasReplaced = currentSlot !== undefined && currentSlot.wrapped !== checkedSlot?.wrapped;
    const user = undefinedOnFailure(() => {
      const { keyring, slot } = requirePasswordSlot(currentRead, owner, locator);
      return slotWasReplaced ? undefined : unlockSlot(secret, currentRead, keyring, slot, clock());
    });
    if (user !== undefined) return { user, secret };
    secret.fill(0);
    if (slotWasReplaced) return undefined;
    throw new VaultError('login_refused');
  }

  async #startSession(user: UnlockedUser, password: string): Promise<LoginResult> {
    const { owner } = user;
    const now = this.#deps.clock();
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
    const session = user.withRootKey((root) => wrapUmk(root, secret, owner, facts));
    const { remove = [], add = [] } = await this.#deps.passwordSlots.upgradeCost(user, user.slot, password, createdAt);
    await this.#deps.slotUpdater.update(user, (before) => ({
      remove: [...remove, ...excessSessionIds(before, now)],
      add: [...add, session],
    }));
    const token = formatSessionToken({ ...owner, slot: id, secret });
    secret.fill(0);
    const output = { user: owner.user, expiresAt };
    return { ...owner, output, cookie: formatSessionCookie(token, limits.sessionSeconds) };
  }
}

/** @throws VaultError `org_locked`, `org_shredded`; DecryptionError when there is no such slot */
function requirePasswordSlot(
  read: StoredUserData,
  owner: UserRef,
  locator: string,
): { keyring: UserKeyring; slot: Slot } {
  const keyring = activeUserKeyring(read, owner);
  const slot = keyring?.slots.find((one) => one.kind === 'password' && one.locator === locator);
  if (keyring === undefined || slot === undefined) throw new DecryptionError();
  return { keyring, slot };
}

/** What a login must not tell apart: an org that is shut, a record that is damaged. */
function undefinedOnFailure<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof DecryptionError || error instanceof VaultError) return undefined;
    throw error;
  }
}

/** The oldest sessions beyond those that may stay beside a new one. */
function excessSessionIds({ slots }: UserKeyring, now: Date): string[] {
  const sessions = slots.filter((slot: Slot) => slot.kind === 'session' && !hasPassed(slot.expiresAt, now));
  const oldestFirst = sessions.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  return oldestFirst.slice(0, Math.max(0, sessions.length - limits.sessionsKept + 1)).map(({ id }) => id);
}
