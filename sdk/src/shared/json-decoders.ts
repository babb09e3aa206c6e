/**
 * Readers of the vault's JSON: each returns the documented shape, without fields it does not know, or undefined.
 * Small ones make up the others, since the schemas of the service would bring a library four times the size of this client.
 */

import type { DestroyValueResponse } from '../../../contract/shredding/wire.ts';
import type { ListValuesResponse, Value, ValueInfo, VersionInfo } from '../../../contract/values/wire.ts';
import { isPlainObject } from './is-plain-object.ts';

/** Reads JSON as a `T`; undefined when it is none. */
export type Decoder<T> = (json: unknown) => T | undefined;

export interface OptionalDecoder<T> {
  readonly optional: Decoder<T>;
}

/** A reader for each field: the compiler refuses a field too few, too many, or of another kind. */
export type FieldDecoders<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? OptionalDecoder<Exclude<T[K], undefined>> : Decoder<T[K]>;
};

export const optional = <T>(read: Decoder<T>): OptionalDecoder<T> => ({ optional: read });
export const decodeText: Decoder<string> = (json) => (typeof json === 'string' ? json : undefined);
export const decodeNumber: Decoder<number> = (json) => (typeof json === 'number' ? json : undefined);
export const decodeBoolean: Decoder<boolean> = (json) => (typeof json === 'boolean' ? json : undefined);

export function decodeOneOf<T extends string>(all: readonly T[]): Decoder<T> {
  return (json) => all.find((one) => one === json);
}

export function decodeObject<T extends object>(shape: FieldDecoders<T>): Decoder<T> {
  const fields = Object.entries(shape) as [string, Decoder<unknown> | OptionalDecoder<unknown>][];
  return (json) => {
    if (!isPlainObject(json)) return undefined;
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
export function decodeListOf<T>(read: Decoder<T>): Decoder<T[]> {
  return (json) => {
    if (!Array.isArray(json)) return undefined;
    const found = json.map(read).filter((element) => element !== undefined);
    return found.length === json.length ? found : undefined;
  };
}

/** An object of strings by name, whatever the names. */
export const decodeStringMap: Decoder<Record<string, string>> = (json) =>
  isPlainObject(json) && Object.values(json).every((value) => typeof value === 'string')
    ? { ...(json as Record<string, string>) }
    : undefined;

const versionFields = {
  version: decodeNumber,
  createdAt: decodeText,
  expiresAt: optional(decodeText),
  metadata: decodeStringMap,
};
export const decodeVersionInfo = decodeObject<VersionInfo>(versionFields);
export const decodeValueInfo = decodeObject<ValueInfo>({ name: decodeText, ...versionFields });
export const decodeValue = decodeObject<Value>({ name: decodeText, ...versionFields, value: decodeText });
export const decodeValuePage = decodeObject<ListValuesResponse>({
  values: decodeListOf(decodeValueInfo),
  cursor: optional(decodeText),
});
export const decodeDestroyResponse = decodeObject<DestroyValueResponse>({
  destroyed: decodeBoolean,
  receipt: optional(decodeText),
});
