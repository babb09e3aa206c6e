/**
 * Limits on attempts: to guess a password, to make the vault compute for a stranger, and to find out which logins
 * exist. Each limit has its own counter with a fixed window.
 */
import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { type AttemptLimit, type AttemptStore, addressCounters } from './user-ports.ts';

/** Names of the counters, before their `/`. The counter of a login is its locator, which has no `/`. */
const counters = { address: 'address/', org: 'org/logins', newLogin: 'new-login/', newLoginsOfOrg: 'org/new-logins' };

const loginWindow = (attempts: number): AttemptLimit => ({ attempts, windowSeconds: limits.loginWindowSeconds });
const newLoginWindow = (attempts: number): AttemptLimit => ({ attempts, windowSeconds: limits.newLoginWindowSeconds });

/** Counts a login attempt from a source address. @throws VaultError `too_many_attempts` */
export const countAddressAttempt = (store: AttemptStore, sourceIp: string, now: Date): Promise<void> =>
  count(store, addressCounters, addressCounter(sourceIp), loginWindow(limits.loginAttemptsPerAddress), now);

/** Counts a login attempt in an organization that exists. @throws VaultError `too_many_attempts` */
export const countOrgAttempt = (store: AttemptStore, org: string, now: Date): Promise<void> =>
  count(store, org, counters.org, loginWindow(limits.loginAttemptsPerOrg), now);

/** Counts an attempt at the password of a login, whether or not it exists. @throws VaultError `too_many_attempts` */
export const countLoginAttempt = (store: AttemptStore, org: string, locator: string, now: Date): Promise<void> =>
  count(store, org, locator, loginWindow(limits.loginAttempts), now);

/**
 * Counts a request for a login that the account does not have. Not reset by a success: an account could otherwise
 * alternate between asking and taking a free login. @throws VaultError `too_many_attempts`
 */
export async function countNewLogin(store: AttemptStore, { org, user }: UserRef, now: Date): Promise<void> {
  await count(store, org, counters.newLogin + user, newLoginWindow(limits.newLogins), now);
  await count(store, org, counters.newLoginsOfOrg, newLoginWindow(limits.newLoginsPerOrg), now);
}

async function count(store: AttemptStore, org: string, counter: string, limit: AttemptLimit, now: Date): Promise<void> {
  const retryAfterSeconds = await store.countAttempt(org, counter, limit, now);
  if (retryAfterSeconds === 0) return;
  const detail = `Nothing was changed. Try again in ${retryAfterSeconds} seconds.`;
  throw new VaultError('too_many_attempts', { detail, retryAfterSeconds });
}

/**
 * The counter of an address: a truncated hash, so that the table has no list of addresses in clear. It does not hide
 * an address from someone who tries all of them.
 */
const addressCounter = (sourceIp: string): string => {
  const network = encodeLengthPrefixedFields('anima:login-address:v1', networkOf(sourceIp));
  return counters.address + hash('sha256', network, 'buffer').subarray(0, 16).toString('base64url');
};

/** An IPv4 address, or the /64 network of an IPv6 address: a subscriber has all addresses of one. */
export function networkOf(sourceIp: string): string {
  const [, mapped] = /^::ffff:([0-9.]+)$/i.exec(sourceIp) ?? [];
  if (mapped !== undefined || !isIPv6(sourceIp)) return mapped ?? sourceIp;
  const [head = '', tail] = sourceIp.split('%', 1).join('').split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const last = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = Array<string>(Math.max(0, 8 - groups.length - last.length)).fill('0');
  return [...groups, ...zeros, ...last]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
