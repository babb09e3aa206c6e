/** JSON values: validation, comparison, and words. */
import type { RecordData } from '../device-types.ts';

export type JsonObject = { readonly [key: string]: RecordData };

/** Nesting of a whole body. */
export const maxDepth = 64;

export const isJsonObject = (value: RecordData | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isJsonArray = (value: RecordData | undefined): value is readonly RecordData[] => Array.isArray(value);

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
};

/**
 * A copy of a value as JSON; undefined if it is none. Members that are undefined are left out, as JSON.stringify does.
 * @param depth levels that the value may have
 */
export function toJson(value: unknown, depth: number): RecordData | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'string') return value.isWellFormed() ? value : undefined;
  if (typeof value !== 'object' || depth <= 0) return undefined;
  if (Array.isArray(value)) {
    const elements = value.map((element) => toJson(element, depth - 1)).filter((element) => element !== undefined);
    return elements.length === value.length ? elements : undefined;
  }
  return isPlain(value) ? toJsonObject(value, depth) : undefined;
}

function toJsonObject(value: object, depth: number): JsonObject | undefined {
  const members: [string, RecordData][] = [];
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined) continue;
    const member = toJson(given, depth - 1);
    if (member === undefined || !name.isWellFormed()) return undefined;
    members.push([name, member]);
  }
  // Unlike an assignment, this makes a member of the name `__proto__` a member.
  return Object.fromEntries(members);
}

/** Whether two values are equal. The order of members does not count. */
export function equalJson(a: RecordData | undefined, b: RecordData | undefined): boolean {
  if (a === b) return true;
  if (isJsonArray(a) && isJsonArray(b))
    return a.length === b.length && a.every((element, at) => equalJson(element, b[at]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && equalJson(a[name], b[name]));
}

/** A text that is the same for equal values only. */
export function jsonKey(value: RecordData): string {
  if (isJsonArray(value)) return `[${value.map(jsonKey).join()}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${jsonKey(value[name] ?? null)}`).join()}}`;
}

/** A member of an object, not one of its prototype. */
export const memberOf = (object: RecordData | undefined, name: string): RecordData | undefined =>
  isJsonObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;

/** All texts in a value. */
export function* textsIn(value: RecordData): Generator<string, void, undefined> {
  if (typeof value === 'string') yield value;
  else if (isJsonArray(value)) for (const element of value) yield* textsIn(element);
  else if (isJsonObject(value)) for (const member of Object.values(value)) yield* textsIn(member);
}

/** The words of a text, in lower case, in one Unicode form. */
export const wordsOf = (text: string): readonly string[] =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? [];
