/** Arguments, checked before anything is sent. No error repeats an argument: it may be a secret in the wrong place. */
import { limits } from '../../../contract/shared/limits.ts';
import { nameProblem, prefixProblem, writeIdPattern } from '../../../contract/shared/name-patterns.ts';
import type { Metadata, SetValueRequest } from '../../../contract/values/wire.ts';
import { type AnimaError, type AnimaErrorCode, createError } from './errors.ts';
import { isPlainObject } from './is-plain-object.ts';

/** When a value ceases to be readable, or a key to work. */
export interface ExpiryOptions {
  /** A Date or an RFC 3339 time. */
  expiresAt?: Date | string | undefined;
  /** The same as seconds from now, by this machine's clock. Not together with `expiresAt`. */
  expiresIn?: number | undefined;
}

/** What may accompany a value. */
export interface ValueOptions extends ExpiryOptions {
  /** Small facts about the value, encrypted like it: up to 16 strings by string keys. Replaces the last ones. */
  metadata?: Metadata | undefined;
  /** Compare-and-set: the version the value must be at; 0 when there must be none. */
  ifVersion?: number | undefined;
  /** Names this write; made for you. Give one to repeat a write safely across processes. */
  writeId?: string | undefined;
}

/** @throws AnimaError invalid_name */
export function checkName(name: unknown): string {
  const problem = typeof name === 'string' ? nameProblem(name) : 'it is not a string';
  if (typeof name !== 'string' || problem !== undefined) throw notSentError('invalid_name', problem ?? '');
  return name;
}

/** A prefix for lists; undefined when there is none to speak of. @throws AnimaError invalid_name */
export function checkPrefix(prefix: unknown): string | undefined {
  if (prefix === undefined || prefix === '') return undefined;
  const problem = typeof prefix === 'string' ? prefixProblem(prefix) : 'it is not a string';
  if (typeof prefix !== 'string' || problem !== undefined) throw notSentError('invalid_name', `as prefix, ${problem}`);
  return prefix;
}

/** An optional whole number. @throws AnimaError invalid_argument */
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

/** The id of an API key. @throws AnimaError invalid_argument, also for a whole key, which belongs in no URL */
export function checkKeyId(id: unknown): string {
  if (typeof id === 'string' && /^[0-9a-z]{16}$/.test(id)) return id;
  throw notSentError('invalid_argument', 'id must be the id of an API key, 16 characters, not the key itself');
}

/** What names the thing to be destroyed. @throws AnimaError invalid_argument */
export function checkConfirm(confirm: unknown, expected?: string): string {
  if (typeof confirm === 'string' && confirm !== '' && (expected === undefined || confirm === expected)) return confirm;
  throw notSentError('invalid_argument', 'confirm must name what is to be destroyed');
}

/**
 * A write as it travels, with a write id: made here, before the first attempt, so that all attempts carry the same.
 * @throws AnimaError value_too_large, invalid_argument
 */
export function buildSetRequest(value: unknown, options: ValueOptions): SetValueRequest & { writeId: string } {
  return {
    value: checkValue(value),
    metadata: checkMetadata(options.metadata),
    expiresAt: resolveExpiry(options),
    ifVersion: checkInteger('ifVersion', options.ifVersion, 0),
    writeId: checkWriteId(options.writeId) ?? newWriteId(),
  };
}

function checkValue(value: unknown): string {
  if (typeof value !== 'string') throw notSentError('invalid_argument', 'the value is not a string');
  // Lone surrogates have no UTF-8: they would silently come back as U+FFFD.
  if (!value.isWellFormed())
    throw notSentError('invalid_argument', 'the value is not well-formed Unicode (a lone surrogate)');
  if (value.length > limits.valueBytes || utf8Length(value) > limits.valueBytes) {
    throw notSentError('value_too_large', `it is over ${limits.valueBytes} bytes of UTF-8`);
  }
  return value;
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Bytes of an item in Lambda's event, which holds the JSON body as a JSON string: quotes are escaped twice. */
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

/** An optional time as it travels. @throws AnimaError invalid_argument */
export function formatTimeArgument(label: string, time: unknown): string | undefined {
  if (time === undefined) return undefined;
  if (time instanceof Date) return toIsoTime(label, time);
  // Without an offset the same text is another instant on another machine.
  if (typeof time === 'string' && /T.*(?:Z|[+-]\d\d:\d\d)$/i.test(time) && !Number.isNaN(Date.parse(time))) return time;
  throw notSentError('invalid_argument', `${label} must be a Date or an RFC 3339 time, e.g. 2027-01-31T12:00:00Z`);
}

function toIsoTime(label: string, time: Date): string {
  if (Number.isNaN(time.getTime())) throw notSentError('invalid_argument', `${label} is no time that a calendar has`);
  return time.toISOString();
}

/** An optional write id. @throws AnimaError invalid_argument */
export function checkWriteId(id: unknown): string | undefined {
  if (id === undefined || (typeof id === 'string' && writeIdPattern.test(id))) return id;
  throw notSentError(
    'invalid_argument',
    `writeId must be ${limits.writeIdMin} to ${limits.writeIdMax} of A-Z a-z 0-9 _ -`,
  );
}

/** 128 random bits in hex. Not `randomUUID`, which browsers keep from pages served over plain http. */
/** A new name for something that may be sent twice: 32 characters, 128 random bits. */
export function newWriteId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Says that nothing was sent: arguments are checked first. */
export function notSentError(code: AnimaErrorCode, detail: string): AnimaError {
  return createError(code, { detail: `${detail}. Nothing was sent` });
}
