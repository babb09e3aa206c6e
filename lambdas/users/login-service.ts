/**
 * Login. In an organization that exists, every failure returns the same error after the same work: two MACs by KMS, the
 * same reads and writes, and one Argon2id computation. Neither the reply nor its timing reveals whether a login exists.
 * An organization that does not exist gets the same reply without that work, so that strangers do not cause its cost.
 * The timing then reveals that the organization does not exist. Its id is no secret: keys and links contain it.
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
import type { AttemptStore } from '../shared/attempt-ports.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import { countAddressAttempt, countLoginAttempt, countOrgAttempt } from './attempt-limits.ts';
import type { PasswordSlotService } from './password-slot-service.ts';
import { maxReadAgeMs, readWithinMaxAge } from './read-freshness.ts';
import { formatSessionCookie } from './session-cookie.ts';
import type { SlotUpdater } from './slot-updater.ts';
import { activeUserKeyring, type UnlockedUser, unlockSlot } from './unlocked-user.ts';
import type { LocatorStore, RoutingMacs, StoredUserData, UserReader } from './user-ports.ts';

export interface LoginServiceDeps {
  readonly reader: UserReader;
  readonly locatorStore: LocatorStore;
  readonly attempts: AttemptStore;
  readonly routingMacs: RoutingMacs;
  readonly passwordSlots: PasswordSlotService;
  readonly slotUpdater: SlotUpdater;
  readonly clock: Clock;
}

/** Result of a login: the reply, the user and the cookie. */
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
   * Starts a session.
   * @param sourceIp address of the caller, for its limit on attempts
   * @throws VaultError `login_refused` for every cause: unknown, locked or shredded organization, unknown login, wrong
   *   password, or a password that was changed in the meantime; `too_many_attempts`, `too_many_slots`,
   *   `write_contention`, `unavailable`, `key_unavailable`
   */
  async logIn({ org, login, password }: LogInRequest, sourceIp: string): Promise<LoginResult> {
    const { routingMacs, attempts, reader, clock } = this.#deps;
    const loginName = canonicalLogin(login);
    // A malformed organization id or login belongs to nobody. The format is public, so skipping the reads reveals
    // nothing.
    if (!isOpaqueId(org) || loginName === undefined) throw new VaultError('login_refused');
    // The cheapest refusals come first, before KMS and Argon2id.
    await countAddressAttempt(attempts, sourceIp, clock());
    const { orgKeyring } = await reader.read({ org, user: randomId() }, []);
    if (orgKeyring === undefined) throw new VaultError('login_refused');
    await countOrgAttempt(attempts, org, clock());
    const locator = await routingMacs.deriveLocator(locatorMacInput(org, loginName));
    await countLoginAttempt(attempts, org, locator, clock());
    // A concurrent request may replace the password slot, so retry once.
    const result =
      (await this.#authenticateAndStartSession(org, locator, password)) ??
      (await this.#authenticateAndStartSession(org, locator, password));
    if (result === undefined) throw new VaultError('login_refused');
    await attempts.resetAttempts(org, locator);
    return result;
  }

  /**
   * Returns undefined if the password slot was replaced or removed in the meantime.
   * @throws VaultError `login_refused` and other errors of {@link logIn}
   */
  async #authenticateAndStartSession(org: string, locator: string, password: string): Promise<LoginResult | undefined> {
    const found = await this.#deps.locatorStore.find(org, locator);
    // For an unknown login, use a user id that does not exist, so that the same reads are made.
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

  /**
   * Returns undefined if the password is correct but its slot was replaced during the check.
   * @throws VaultError `login_refused`
   */
  async #unlockWithPassword(owner: UserRef, locator: string, password: string) {
    const { reader, passwordSlots, clock } = this.#deps;
    const findPasswordSlot = (currentRead: StoredUserData) =>
      undefinedOnFailure(() => requirePasswordSlot(currentRead, owner, locator));
    const readStartedAt = performance.now();
    const initialRead = await reader.read(owner, []);
    const checkedSlot = findPasswordSlot(initialRead)?.slot;
    const secret = await passwordSlots.verifyPassword(password, owner, checkedSlot);
    // The password check is slow, so the first read may be too old to open (read-freshness.ts). Read again in every
    // case, whether the password is right or wrong.
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

/** @throws VaultError `org_locked`, `org_shredded`; DecryptionError if there is no such slot */
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

/**
 * Returns undefined for failures that a login must not distinguish, such as a locked or shredded organization or a
 * damaged record.
 */
function undefinedOnFailure<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof DecryptionError || error instanceof VaultError) return undefined;
    throw error;
  }
}

/** The oldest sessions above the limit, with room for one new session. */
function excessSessionIds({ slots }: UserKeyring, now: Date): string[] {
  const sessions = slots.filter((slot: Slot) => slot.kind === 'session' && !hasPassed(slot.expiresAt, now));
  const oldestFirst = sessions.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
  return oldestFirst.slice(0, Math.max(0, sessions.length - limits.sessionsKept + 1)).map(({ id }) => id);
}
