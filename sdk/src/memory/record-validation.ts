/** Validates and copies records before sending. No error repeats record content. */

import type { Json } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { recordIdPattern } from '../../../contract/shared/name-patterns.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { notSentError, utf8Length } from '../shared/argument-validation.ts';

/**
 * Copies data to the form that the vault will return. Later changes by the caller do not affect the copy. Values that
 * JSON would silently change (dates, maps, NaN …) are rejected. Undefined members are omitted.
 * @throws AnimaError invalid_argument, record_too_large
 */
export function checkRecordData(data: unknown): Json {
  const text = stringifyFaithfully(data);
  if (text === undefined)
    throw notSentError(
      'invalid_argument',
      `data must be JSON: plain objects, arrays, strings, finite numbers, true, false, null, at most ${limits.recordDepth} deep`,
    );
  if (utf8Length(text) > limits.recordBytes)
    throw notSentError('record_too_large', `its JSON exceeds ${limits.recordBytes} bytes`);
  return JSON.parse(text);
}

function stringifyFaithfully(data: unknown): string | undefined {
  try {
    const text: string | undefined = JSON.stringify(data);
    return text !== undefined && survivesJson(data) ? text : undefined;
  } catch {
    // A cycle, a bigint, or too much nesting. The platform's error message may quote the data.
    return undefined;
  }
}

/**
 * Whether a JSON round trip preserves a value and the vault accepts its nesting depth. A top-level list or object is
 * level 1.
 */
function survivesJson(value: unknown, depth = 1): boolean {
  if (typeof value !== 'object' || value === null) return isScalar(value);
  if (depth > limits.recordDepth) return false;
  // Array.from turns holes into undefined, which is rejected: JSON would return them as null.
  if (Array.isArray(value)) return Array.from(value).every((part) => survivesJson(part, depth + 1));
  // The vault rejects `__proto__`, the one name that JavaScript treats specially.
  if (!hasPlainPrototype(value) || Object.hasOwn(value, '__proto__')) return false;
  return Object.values(value).every((part) => part === undefined || survivesJson(part, depth + 1));
}

const isScalar = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);

/** Also accepts objects of other realms: their prototype has a null prototype. */
function hasPlainPrototype(value: object): boolean {
  const kind: unknown = Object.getPrototypeOf(value);
  return kind === null || Object.getPrototypeOf(kind) === null;
}

/** Validates a record id. @throws AnimaError invalid_argument */
export function checkRecordId(id: unknown): string {
  if (typeof id === 'string' && id.length <= limits.recordIdLength && recordIdPattern.test(id)) return id;
  throw notSentError(
    'invalid_argument',
    `id must be 1 to ${limits.recordIdLength} of A-Z a-z 0-9 . _ -, the first a letter or digit`,
  );
}

/**
 * Validates an id of any stored record, as lists report it for damaged records. Rejects `.` and `..`, because `fetch`
 * would resolve them in the path. @throws AnimaError invalid_argument
 */
export function checkStoredId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.isWellFormed() && id !== '.' && id !== '..') return id;
  throw notSentError('invalid_argument', 'id must be the id of a record');
}

/** Validates and copies a vector. @throws AnimaError invalid_argument */
export function checkVector(label: string, vector: unknown): number[] {
  const isNumber = (value: unknown) => typeof value === 'number' && Math.abs(value) <= limits.embeddingValue;
  const numbers: number[] = Array.isArray(vector) || ArrayBuffer.isView(vector) ? Array.from(vector as number[]) : [];
  if (numbers.length > 0 && numbers.length <= limits.embeddingDimensions && numbers.every(isNumber)) return numbers;
  throw notSentError('invalid_argument', `${label} must be 1 to ${limits.embeddingDimensions} numbers`);
}

/** The vectors of a record: one, or a list of them. @throws AnimaError invalid_argument */
export function checkEmbedding(embedding: unknown): number[][] | undefined {
  if (embedding === undefined) return undefined;
  const vectors = Array.isArray(embedding) && typeof embedding[0] !== 'number' ? embedding : [embedding];
  const checked = vectors.map((vector) => checkVector('embedding', vector));
  const numbers = checked.reduce((sum, { length }) => sum + length, 0);
  if (checked.length > 0 && checked.length <= limits.embeddings && numbers <= limits.embeddingNumbers) return checked;
  throw notSentError(
    'invalid_argument',
    `embedding must be 1 to ${limits.embeddings} vectors with at most ${limits.embeddingNumbers} numbers in all`,
  );
}

/** Creates an id that sorts by time. */
export const newRecordId = (): string => createTimeId(Date.now(), crypto.getRandomValues(new Uint8Array(16)));
