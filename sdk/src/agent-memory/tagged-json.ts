/** Values of frameworks as JSON text. Dates, URLs and bytes, which messages for models may contain, are kept as such. */

import { fromBase64Url, toBase64Url } from '../../../core/encoding/bytes.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';

/** The member that marks a value that JSON does not have. */
const mark = '$anima';

/** @throws AnimaError invalid_argument for a value that would be lost */
export const stringifyTagged = (value: unknown): string => JSON.stringify(encode(value));

export const parseTagged = (text: string): unknown => decode(JSON.parse(text));

function encode(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return value;
  if (value instanceof Date && Number.isFinite(value.getTime())) return { [mark]: 'date', value: value.toISOString() };
  if (value instanceof URL) return { [mark]: 'url', value: value.href };
  if (value instanceof Uint8Array) return { [mark]: 'bytes', value: toBase64Url(value) };
  if (value instanceof ArrayBuffer) return { [mark]: 'buffer', value: toBase64Url(new Uint8Array(value)) };
  if (Array.isArray(value)) return Array.from(value, encode);
  if (!isPlainObject(value) || !isPlain(value))
    throw notSentError('invalid_argument', 'messages and metadata must be JSON, and may contain dates, URLs and bytes');
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const encoded = Object.fromEntries(members.map(([name, member]) => [name, encode(member)]));
  return Object.hasOwn(encoded, mark) ? { [mark]: 'object', value: encoded } : encoded;
}

/** Not an instance of a class, which would come back as another object. */
function isPlain(value: object): boolean {
  const kind: unknown = Object.getPrototypeOf(value);
  return kind === null || Object.getPrototypeOf(kind) === null;
}

function decode(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(decode);
  if (!isPlainObject(json)) return json;
  const { [mark]: kind, value } = json;
  if (kind === undefined) return decodeMembers(json);
  if (kind === 'object') return isPlainObject(value) ? decodeMembers(value) : {};
  const text = String(value);
  if (kind === 'date') return new Date(text);
  if (kind === 'url') return new URL(text);
  const bytes = fromBase64Url(text) ?? new Uint8Array();
  return kind === 'buffer' ? bytes.buffer : bytes;
}

const decodeMembers = (json: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(json).map(([name, member]) => [name, decode(member)]));
