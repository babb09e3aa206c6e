/** Validates arguments before anything is sent. No error repeats an argument, because it may be a misplaced secret. */
import { limits } from '../../../contract/shared/limits.ts';
import { nameProblem, prefixProblem, writeIdPattern } from '../../../contract/shared/name-patterns.ts';
import type { Metadata, SetValueRequest } from '../../../contract/values/wire.ts';
import { type AnimaError, type AnimaErrorCode, createError } from './errors.ts';
import { isPlainObject } from './is-plain-object.ts';

/** When a value or a key expires. */
export interface ExpiryOptions {
  /** A Date or an RFC 3339 time. */
  expiresAt?: Date | string | undefined;
  /** Seconds from now, by this machine's clock. Must not be combined with `expiresAt`. */
  expiresIn?: number | undefined;
}

/** Options for storing a value. */
export interface ValueOptions extends ExpiryOptions {
  /** Metadata, encrypted like the value: up to 16 strings by string keys. Replaces the previous metadata. */
  metadata?: Metadata | undefined;
  /** Compare-and-set: the version that the value must have; 0 if it must not exist. */
  ifVersion?: number | undefined;
  /**
   * Whether reading or using the value raises an alarm. No response shows it. Default: as it was for the version before.
   */
  tripwire?: boolean | undefined;
  /** Id of this write. Default: a random id. Pass an id to repeat a write safely across processes. */
  writeId?: string | undefined;
}

/** @throws AnimaError invalid_name */
export function checkName(name: unknown): string {
  const problem = typeof name === 'string' ? nameProblem(name) : 'it is not a string';
  if (typeof name !== 'string' || problem !== undefined) throw notSentError('invalid_name', problem ?? '');
  return name;
}

/** Validates a list prefix; undefined if it is missing or empty. @throws AnimaError invalid_name */
export function checkPrefix(prefix: unknown): string | undefined {
  if (prefix === undefined || prefix === '') return undefined;
  const problem = typeof prefix === 'string' ? prefixProblem(prefix) : 'it is not a string';
  if (typeof prefix !== 'string' || problem !== undefined) throw notSentError('invalid_name', `as prefix, ${problem}`);
  return prefix;
}

/** Validates an optional whole number. @throws AnimaError invalid_argument */
export function checkInteger(
  label: string,
  value: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw notSentError('invalid_argument', `${label} must be a whole number, ${least} or more and at most ${most}`);
}

/**
 * Validates the id of an API key. @throws AnimaError invalid_argument, also for a whole key, because a key must not
 * appear in a URL
 */
export function checkKeyId(id: unknown): string {
  if (typeof id === 'string' && /^[0-9a-z]{16}$/.test(id)) return id;
  throw notSentError('invalid_argument', 'id is not that of an API key: 16 characters');
}

/** Validates the confirmation of a destructive call. @throws AnimaError invalid_argument */
export function checkConfirm(confirm: unknown, expected?: string): string {
  if (typeof confirm === 'string' && confirm !== '' && (expected === undefined || confirm === expected)) return confirm;
  throw notSentError('invalid_argument', 'confirm must name the item to destroy');
}

/**
 * Builds the request body of a write. The write id is created here, before the first attempt, so that all attempts
 * carry the same one.
 * @throws AnimaError value_too_large, invalid_argument
 */
export function buildSetRequest(value: unknown, options: ValueOptions): SetValueRequest & { writeId: string } {
  return {
    value: checkValue(value),
    metadata: checkMetadata(options.metadata),
    expiresAt: resolveExpiry(options),
    ifVersion: checkInteger('ifVersion', options.ifVersion, 0),
    tripwire: options.tripwire,
    writeId: checkWriteId(options.writeId) ?? newWriteId(),
  };
}

function checkValue(value: unknown): string {
  if (typeof value !== 'string') throw notSentError('invalid_argument', 'the value is not a string');
  // Lone surrogates have no UTF-8 encoding and would silently become U+FFFD.
  if (!value.isWellFormed()) throw notSentError('invalid_argument', 'the value is not well-formed Unicode');
  if (value.length > limits.valueBytes || utf8Length(value) > limits.valueBytes) {
    throw notSentError('value_too_large', `it exceeds ${limits.valueBytes} bytes of UTF-8`);
  }
  return value;
}

/** UTF-8 length of a text, bytes. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * Bytes of an item in the Lambda event. The event contains the JSON body as a JSON string, so quotes are escaped
 * twice.
 */
export function lambdaEventBytes(item: unknown): number {
  return utf8Length(JSON.stringify(JSON.stringify(item)));
}

function checkMetadata(metadata: unknown): Metadata | undefined {
  if (metadata === undefined) return undefined;
  if (!isPlainObject(metadata)) throw notSentError('invalid_argument', 'metadata is not an object');
  const entries = Object.entries(metadata);
  if (entries.length > limits.metadataEntries) {
    throw notSentError('invalid_argument', `metadata has more than ${limits.metadataEntries} entries`);
  }
  return Object.fromEntries(
    entries.map(([key, text]) => [
      checkText('a key of metadata', key, limits.metadataKeyLength),
      checkText('a value of metadata', text, limits.metadataValueLength),
    ]),
  );
}

function checkText(label: string, text: unknown, longest: number): string {
  if (typeof text === 'string' && text.length <= longest && text.isWellFormed()) return text;
  throw notSentError('invalid_argument', `${label} is not a well-formed string of at most ${longest} characters`);
}

/** @throws AnimaError invalid_argument */
export function resolveExpiry({ expiresAt, expiresIn }: ExpiryOptions): string | undefined {
  if (expiresAt !== undefined && expiresIn !== undefined) {
    throw notSentError('invalid_argument', 'expiresAt and expiresIn are both given; give one');
  }
  if (expiresIn === undefined) return formatTimeArgument('expiresAt', expiresAt);
  if (!(expiresIn > 0)) throw notSentError('invalid_argument', 'expiresIn must be seconds, above 0');
  return toIsoTime('expiresIn', new Date(Date.now() + expiresIn * 1000));
}

/** Formats an optional time for a request. @throws AnimaError invalid_argument */
export function formatTimeArgument(label: string, time: unknown): string | undefined {
  if (time === undefined) return undefined;
  if (time instanceof Date) return toIsoTime(label, time);
  // Without an offset the same text would mean different instants on different machines.
  if (typeof time === 'string' && /T.*(?:Z|[+-]\d\d:\d\d)$/i.test(time) && isStorableTime(new Date(time))) return time;
  throw notSentError('invalid_argument', `${label} must be a Date or an RFC 3339 time, e.g. 2027-01-31T12:00:00Z`);
}

function toIsoTime(label: string, time: Date): string {
  if (!isStorableTime(time)) throw notSentError('invalid_argument', `${label} is not a date in the years 0000 to 9999`);
  return time.toISOString();
}

/** RFC 3339 has years of four digits. In UTC, a time with an offset can have more. */
const isStorableTime = (time: Date): boolean => !Number.isNaN(time.getTime()) && /^[0-9]{4}-/.test(time.toISOString());

/** Validates an optional write id. @throws AnimaError invalid_argument */
export function checkWriteId(id: unknown): string | undefined {
  if (id === undefined || (typeof id === 'string' && writeIdPattern.test(id))) return id;
  throw notSentError(
    'invalid_argument',
    `writeId must be ${limits.writeIdMin} to ${limits.writeIdMax} of A-Z a-z 0-9 _ -`,
  );
}

/**
 * A new name for something that may be sent twice: 128 random bits, 32 characters of hex. Not `randomUUID`, which browsers
 * keep from pages served over plain http.
 */
export function newWriteId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** An error for a call that was rejected before anything was sent. */
export function notSentError(code: AnimaErrorCode, detail: string): AnimaError {
  return createError(code, { detail: `${detail}. Nothing was sent` });
}
