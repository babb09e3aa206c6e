/**
 * Limits on attempts: to guess a password, to make the vault compute for a stranger, and to find out which logins
 * exist. Each limit has its own counter with a fixed window.
 */
import { limits } from '../../contract/shared/limits.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { countAddress, countWithin } from '../shared/attempt-limits.ts';
import type { AttemptLimit, AttemptStore } from '../shared/attempt-ports.ts';

/** Names of the counters, before their `/`. The counter of a login is its locator, which has no `/`. */
const counters = { org: 'org/logins', newLogin: 'new-login/', newLoginsOfOrg: 'org/new-logins' };

const loginWindow = (attempts: number): AttemptLimit => ({ attempts, windowSeconds: limits.loginWindowSeconds });
const newLoginWindow = (attempts: number): AttemptLimit => ({ attempts, windowSeconds: limits.newLoginWindowSeconds });

/** Counts a login attempt from a source address. @throws VaultError `too_many_attempts` */
export const countAddressAttempt = (store: AttemptStore, sourceIp: string, now: Date): Promise<void> =>
  countAddress(store, sourceIp, loginWindow(limits.loginAttemptsPerAddress), now);

/** Counts a login attempt in an organization that exists. @throws VaultError `too_many_attempts` */
export const countOrgAttempt = (store: AttemptStore, org: string, now: Date): Promise<void> =>
  countWithin(store, org, counters.org, loginWindow(limits.loginAttemptsPerOrg), now);

/** Counts an attempt at the password of a login, whether or not it exists. @throws VaultError `too_many_attempts` */
export const countLoginAttempt = (store: AttemptStore, org: string, locator: string, now: Date): Promise<void> =>
  countWithin(store, org, locator, loginWindow(limits.loginAttempts), now);

/**
 * Counts a request for a login that the account does not have. Not reset by a success: an account could otherwise
 * alternate between asking and taking a free login. @throws VaultError `too_many_attempts`
 */
export async function countNewLogin(store: AttemptStore, { org, user }: UserRef, now: Date): Promise<void> {
  await countWithin(store, org, counters.newLogin + user, newLoginWindow(limits.newLogins), now);
  await countWithin(store, org, counters.newLoginsOfOrg, newLoginWindow(limits.newLoginsPerOrg), now);
}
