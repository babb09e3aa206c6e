/**
 * Throttling of a route: a bucket of `burst` tokens that is refilled with `rate` tokens a second. Each request takes one.
 * Source: API Gateway developer guide, "Protect your WebSocket APIs in API Gateway".
 */
import type { ThrottlingSettings } from '../../cloudformation/socket-resource-schemas.ts';

/** Returns whether a request at a time (milliseconds) passes. Without a rate, every request passes. */
export function createThrottle({ ThrottlingRateLimit: rate, ThrottlingBurstLimit }: ThrottlingSettings) {
  if (rate === undefined) return () => true;
  const burst = ThrottlingBurstLimit ?? Math.ceil(rate);
  let tokens = burst;
  let filledAt: number | undefined;
  return (now: number): boolean => {
    tokens = Math.min(burst, tokens + ((now - (filledAt ?? now)) / 1000) * rate);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
