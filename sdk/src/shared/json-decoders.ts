/**
 * Readers of the vault's JSON: each returns the documented shape, without fields it does not know, or undefined.
 * Small ones make up the others, since the schemas of the service would bring a library four times the size of this client.
 */

import type { DestroyValueResponse } from '../../../contract/shredding/wire.ts';
import type { ListValuesResponse, Value, ValueInfo, VersionInfo } from '../../../contract/values/wire.ts';
import { isRecord } from './is-plain-object.ts';

/** Reads JSON as a `T`; undefined when it is none. */
export type Reader<T> = (json: unknown) => T | undefined;

export interface OptionalReader<T> {
  readonly optional: Reader<T>;
}

/** A reader for each field: the compiler refuses a field too few, too many, or of another kind. */
export type Shape<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? OptionalReader<Exclude<T[K], undefined>> : Reader<T[K]>;
};

export const optional = <T>(read: Reader<T>): OptionalReader<T> => ({ optional: read });
export const text: Reader<string> = (json) => (typeof json === 'string' ? json : undefined);
export const number: Reader<number> = (json) => (typeof json === 'number' ? json : undefined);
export const flag: Reader<boolean> = (json) => (typeof json === 'boolean' ? json : undefined);

export function oneOf<T extends string>(all: readonly T[]): Reader<T> {
  return (json) => all.find((one) => one === json);
}

export function object<T extends object>(shape: Shape<T>): Reader<T> {
  const fields = Object.entries(shape) as [string, Reader<unknown> | OptionalReader<unknown>][];
  return (json) => {
    if (!isRecord(json)) return undefined;
    const found: Record<string, unknown> = {};
    for (const [name, field] of fields) {
      const given = json[name];
      if (given === undefined && 'optional' in field) continue;
      const value = ('optional' in field ? field.optional : field)(given);
      if (value === undefined) return undefined;
      found[name] = value;
    }
    // Every field was read by the reader that Shape demands of it; the compiler cannot follow the loop.
    return found as T;
  };
}

/** Reads each element of an array; undefined when one of them can't be read. */
export function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (json) => {
    if (!Array.isArray(json)) return undefined;
    const found = json.map(read).filter((element) => element !== undefined);
    return found.length === json.length ? found : undefined;
  };
}

/** An object of strings by name, whatever the names. */
export const strings: Reader<Record<string, string>> = (json) =>
  isRecord(json) && Object.values(json).every((value) => typeof value === 'string')
    ? { ...(json as Record<string, string>) }
    : undefined;

const versionFields = { version: number, createdAt: text, expiresAt: optional(text), metadata: strings };
export const decodeVersionInfo = object<VersionInfo>(versionFields);
export const decodeValueInfo = object<ValueInfo>({ name: text, ...versionFields });
export const decodeValue = object<Value>({ name: text, ...versionFields, value: text });
export const decodeList = object<ListValuesResponse>({ values: listOf(decodeValueInfo), cursor: optional(text) });
export const decodeDestroyed = object<DestroyValueResponse>({ destroyed: flag, receipt: optional(text) });
