/** Records as they travel. No error repeats what is in one. */

import type { Json } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { notSentError, utf8Length } from '../shared/argument-validation.ts';

/**
 * Data as a copy, which is what the vault will give back: later changes of the caller's are not in it, and what JSON would change in silence
 * (dates, maps, NaN …) is refused. Members that are undefined are left out.
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
    throw notSentError('record_too_large', `its JSON is over ${limits.recordBytes} bytes`);
  return JSON.parse(text);
}

function stringifyFaithfully(data: unknown): string | undefined {
  try {
    const text: string | undefined = JSON.stringify(data);
    return text !== undefined && survivesJson(data) ? text : undefined;
  } catch {
    // A cycle, a bigint, or nested too deeply. The platform's message may quote the data.
    return undefined;
  }
}

/** Whether JSON gives a value back as it is, and the vault takes it: nested no deeper than it reads, where a list or object is the first level. */
function survivesJson(value: unknown, depth = 1): boolean {
  if (typeof value !== 'object' || value === null) return isScalar(value);
  if (depth > limits.recordDepth) return false;
  // Array.from makes undefined of holes, which is refused: they would come back as null.
  if (Array.isArray(value)) return Array.from(value).every((part) => survivesJson(part, depth + 1));
  // The vault refuses the one name that JavaScript has a meaning for.
  if (!hasPlainPrototype(value) || Object.hasOwn(value, '__proto__')) return false;
  return Object.values(value).every((part) => part === undefined || survivesJson(part, depth + 1));
}

const isScalar = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);

/** Objects of other realms too: what they inherit from inherits from nothing. */
function hasPlainPrototype(value: object): boolean {
  const kind: unknown = Object.getPrototypeOf(value);
  return kind === null || Object.getPrototypeOf(kind) === null;
}

/** The id of a record. @throws AnimaError invalid_argument */
export function checkRecordId(id: unknown): string {
  if (typeof id === 'string' && id.length <= limits.recordIdLength && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id))
    return id;
  throw notSentError(
    'invalid_argument',
    `id must be 1 to ${limits.recordIdLength} of A-Z a-z 0-9 . _ -, the first a letter or digit`,
  );
}

/** The id of whatever may lie in the table, as lists name it when it is damaged; `fetch` would resolve dots away. @throws AnimaError invalid_argument */
export function checkStoredId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.isWellFormed() && id !== '.' && id !== '..') return id;
  throw notSentError('invalid_argument', 'id must be the id of a record');
}

/** A new id, which sorts by time. */
export const newRecordId = (): string => createTimeId(Date.now(), crypto.getRandomValues(new Uint8Array(16)));
