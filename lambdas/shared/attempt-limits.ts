/** Counts attempts against limits, by source address and by other names. */
import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';
import { type AttemptLimit, type AttemptStore, addressCounters } from './attempt-ports.ts';

/** Name of the counters of addresses, before their `/`. */
const addressPrefix = 'address/';

/** Counts an attempt from a source address. @throws VaultError `too_many_attempts` */
export const countAddress = (store: AttemptStore, sourceIp: string, limit: AttemptLimit, now: Date): Promise<void> =>
  countWithin(store, addressCounters, addressCounter(sourceIp), limit, now);

/** Counts an attempt of an organization. @throws VaultError `too_many_attempts` */
export async function countWithin(
  store: AttemptStore,
  org: string,
  counter: string,
  limit: AttemptLimit,
  now: Date,
): Promise<void> {
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
  return addressPrefix + hash('sha256', network, 'buffer').subarray(0, 16).toString('base64url');
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
