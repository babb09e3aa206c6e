/** Waiting for the other device of a pairing: ten minutes, with a growing interval. */
import { deviceLimits } from '../../../../contract/devices/limits.ts';
import { delay } from '../../http/retry.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { deviceError } from '../device-errors.ts';
import type { PairingClock } from './pairing-ports.ts';

/** First and longest interval between two requests, milliseconds. */
const firstIntervalMs = 1_000;
const maxIntervalMs = 5_000;

export const systemClock: PairingClock = { now: () => Date.now(), wait: delay };

/** The end of a pairing that begins now, by the clock of this device. The service's `expiresAt` is not trusted. */
export const deadlineFrom = (clock: PairingClock): number => clock.now() + deviceLimits.pairingSeconds * 1000;

/** The end as a time for people. */
export const endOf = (deadline: number): string => new Date(deadline).toISOString();

/** A pairing outlives a connection that fails for a while. */
function ignoreTemporary(error: unknown): undefined {
  if (!(error instanceof AnimaError && error.retryable)) throw error;
}

/**
 * Asks until there is an answer.
 * @param ask returns undefined to be asked again
 * @throws DeviceVaultError pairing_expired after the deadline, AnimaError aborted
 */
export async function waitUntil<T>(
  clock: PairingClock,
  deadline: number,
  settings: CallSettings,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (let interval = firstIntervalMs; ; interval = Math.min(maxIntervalMs, interval * 1.5)) {
    const answer = await ask().catch(ignoreTemporary);
    if (clock.now() > deadline) throw deviceError('pairing_expired');
    if (answer !== undefined) return answer;
    // Jitter, so that the two devices of a pairing do not ask at the same instants.
    await clock.wait(interval * (0.75 + Math.random() / 2), settings);
  }
}
