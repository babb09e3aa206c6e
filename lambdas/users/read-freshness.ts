/**
 * Why nothing of a user is opened after its deletion was acknowledged, even by functions that were about to: whoever opens a keyring does
 * so within `freshness` of asking for it, by a clock that only goes forward, and who deletes waits as long between writing the
 * tombstone and telling of it. So a keyring that was read before the tombstone is opened before the acknowledgement, or not at all, however
 * long its way here took. This is of records and messages, and of what a login opens; a change of slots that was under way is stopped by the
 * tombstone itself, which no other generation replaces. What rests on the machine: that a process is not halted between the comparison and the opening, which follows at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../contract/shared/vault-error.ts';

/** Milliseconds from asking for a keyring to opening it, at most. */
export const maxReadAgeMs = 1_000;
const maxAttempts = 3;

/**
 * Reads again what took too long. Its caller opens what it gave without waiting for anything in between.
 * @throws VaultError `unavailable` when it always took too long
 */
export async function readWithinMaxAge<T>(read: () => Promise<T>, clock = () => performance.now()): Promise<T> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const started = clock();
    const found = await read();
    if (clock() - started < maxReadAgeMs) return found;
  }
  throw new VaultError('unavailable', { detail: 'The store took too long to answer.' });
}

/** Whether what was read may still be used: within `freshness` of asking for it. @param readStartedAt by performance.now() */
export const isWithinMaxReadAge = (readStartedAt: number): boolean => performance.now() - readStartedAt < maxReadAgeMs;

/** What a deletion waits for between its tombstone and its acknowledgement. */
export const waitForInFlightReads = (): Promise<void> => sleep(maxReadAgeMs);
