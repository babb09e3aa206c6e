/** What all signatures have in common: comparison in constant time, windows of time, and bytes that must be text. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';
import type { WebhookRequest } from '../channel-ports.ts';

/** A secret as providers hand them out: printable ASCII, not empty, no space at its ends. */
export const secretSchema = z.string().check(z.regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/));

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether a text is the expected one, in a time that does not tell where it differs. What is expected is never empty. */
export function constantTimeEqualNonEmpty(given: string | undefined, expected: string): boolean {
  const [left, right] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return right.length > 0 && left.length === right.length && timingSafeEqual(left, right);
}

/** Signatures in the one form that a channel's have: what is none is refused before anything of the body is looked at. */
export const base64Sha1Pattern = /^[A-Za-z0-9+/]{27}=$/;
export const hexSha256Pattern = /^[0-9a-f]{64}$/;

/** HMAC of the parts, one after the other, as the text that a provider sends. */
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

/** Seconds around now in which a time is taken, both ends included. */
export interface TimeWindow {
  readonly back: number;
  readonly ahead: number;
}

/** How far the clock of a provider may go before ours, seconds. */
export const clockSkewSeconds = 300;
export const daySeconds = 86_400;

/** Whether a time in whole seconds since 1970, in digits alone, is within a window. */
export function isWithinTimeWindow(seconds: string | undefined, { back, ahead }: TimeWindow, now: Date): boolean {
  if (seconds === undefined || !/^[1-9][0-9]{0,11}$/.test(seconds)) return false;
  const age = Math.floor(now.getTime() / 1000) - Number(seconds);
  return age <= back && age >= -ahead;
}

/** The media type of a request, in lower case and without parameters. */
export const mediaTypeOf = ({ headers }: WebhookRequest): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** JSON in UTF-8; undefined when it is not. To be called on what a signature covers, and holds for, alone. */
export function parseUtf8Json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/** A provider's name of a message in the form that ports ask for: itself, or a hash of it where it is long or odd. */
export const toDeliveryId = (id: string): string =>
  /^[\x21-\x7e]{1,128}$/.test(id) ? id : hash('sha256', id, 'base64url');
