/**
 * Ensures that no data of a user is opened after the deletion of the user was acknowledged, even by in-flight requests.
 * A reader opens a keyring within `maxReadAgeMs` of requesting it, measured by a monotonic clock. A deletion waits for
 * the same time between writing the tombstone and acknowledging it. A keyring that was read before the tombstone is
 * therefore opened before the acknowledgement or not at all, however slow the read was.
 * This covers records, messages and logins. An in-flight change of slots fails because no other generation replaces a
 * tombstone.
 * One assumption remains: the process is not suspended between the age check and the opening, which follows
 * immediately.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../contract/shared/vault-error.ts';

/** Maximum time from requesting a keyring to opening it, in milliseconds. */
export const maxReadAgeMs = 1_000;
const maxAttempts = 3;

/**
 * Repeats a read that took too long. The caller must open the result without awaiting anything first.
 * @throws VaultError `unavailable` if every attempt took too long
 */
export async function readWithinMaxAge<T>(read: () => Promise<T>, clock = () => performance.now()): Promise<T> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const started = clock();
    const found = await read();
    if (clock() - started < maxReadAgeMs) return found;
  }
  throw new VaultError('unavailable', { detail: 'The store took too long to answer.' });
}

/**
 * Whether a read result is younger than `maxReadAgeMs` and may still be used.
 * @param readStartedAt from performance.now()
 */
export const isWithinMaxReadAge = (readStartedAt: number): boolean => performance.now() - readStartedAt < maxReadAgeMs;

/** A deletion awaits this between its tombstone and its acknowledgement. */
export const waitForInFlightReads = (): Promise<void> => sleep(maxReadAgeMs);
