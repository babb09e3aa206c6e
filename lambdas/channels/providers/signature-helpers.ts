/** Helpers for verifying signatures: constant-time comparison, time windows and strict UTF-8 decoding. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';
import type { WebhookRequest } from '../channel-ports.ts';

/** A provider's secret: non-empty printable ASCII without leading or trailing spaces. */
export const secretSchema = z.string().check(z.regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/));

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Compares two texts in constant time. Returns false if the expected text is empty. */
export function constantTimeEqualNonEmpty(given: string | undefined, expected: string): boolean {
  const [left, right] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return right.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

/** Signature formats of the channels. A malformed signature is rejected before the body is read. */
export const base64Sha1Pattern = /^[A-Za-z0-9+/]{27}=$/;
export const hexSha256Pattern = /^[0-9a-f]{64}$/;

/** Returns the HMAC of the concatenated parts, encoded as the provider sends it. */
export function encodedHmac(
  algorithm: 'sha1' | 'sha256',
  encoding: 'hex' | 'base64',
  key: string,
  ...parts: readonly (string | Uint8Array)[]
): string {
  const hmac = createHmac(algorithm, key);
  for (const part of parts) hmac.update(part);
  return hmac.digest(encoding);
}

/** Accepted deviation of a timestamp from now in seconds, inclusive. */
export interface TimeWindow {
  readonly back: number;
  readonly ahead: number;
}

/** Maximum number of seconds by which a provider's clock may be ahead of ours. */
export const clockSkewSeconds = 300;
export const daySeconds = 86_400;

/** Whether a time is within a window. The time is in whole seconds since 1970 and contains only digits. */
export function isWithinTimeWindow(seconds: string | undefined, { back, ahead }: TimeWindow, now: Date): boolean {
  if (seconds === undefined || !/^[1-9][0-9]{0,11}$/.test(seconds)) return false;
  const age = Math.floor(now.getTime() / 1000) - Number(seconds);
  return age <= back && age >= -ahead;
}

/** Returns the media type of a request in lower case, without parameters. */
export const mediaTypeOf = ({ headers }: WebhookRequest): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

/**
 * Parses JSON in UTF-8, without members that are null: providers write these for what is absent. Returns undefined if it is
 * invalid. Call this only on bytes with a verified signature.
 */
export function parseUtf8Json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decoder.decode(bytes), (_, member: unknown) => member ?? undefined);
  } catch {
    return undefined;
  }
}

/**
 * Converts a provider's message ID to the format of InboundMessage.deliveryId. An ID that is too long, empty or not
 * printable ASCII is hashed.
 */
export const toDeliveryId = (id: string): string =>
  /^[\x21-\x7e]{1,128}$/.test(id) ? id : hash('sha256', id, 'base64url');
