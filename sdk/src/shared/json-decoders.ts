/**
 * Decoders for the vault's JSON. Each returns the documented shape without unknown fields, or undefined if the JSON
 * does not match. Small decoders are composed into larger ones; the service's schemas would require a library four
 * times the size of this client.
 */

import type { DestroyValueResponse } from '../../../contract/shredding/wire.ts';
import type {
  ListValuesResponse,
  ListVersionsResponse,
  Value,
  ValueInfo,
  VersionInfo,
} from '../../../contract/values/wire.ts';
import { isPlainObject } from './is-plain-object.ts';

/** Decodes JSON as a `T`; undefined if it does not match. */
export type Decoder<T> = (json: unknown) => T | undefined;

export interface OptionalDecoder<T> {
  readonly optional: Decoder<T>;
}

/** One decoder per field. The compiler rejects missing, extra or mistyped fields. */
export type FieldDecoders<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? OptionalDecoder<Exclude<T[K], undefined>> : Decoder<T[K]>;
};

export const optional = <T>(read: Decoder<T>): OptionalDecoder<T> => ({ optional: read });
export const decodeText: Decoder<string> = (json) => (typeof json === 'string' ? json : undefined);
export const decodeNumber: Decoder<number> = (json) => (typeof json === 'number' ? json : undefined);
/** A whole number that is exact in JavaScript, 0 or more. */
export const decodeCount: Decoder<number> = (json) =>
  typeof json === 'number' && Number.isSafeInteger(json) && json >= 0 ? json : undefined;
export const decodeBoolean: Decoder<boolean> = (json) => (typeof json === 'boolean' ? json : undefined);

export function decodeOneOf<T extends string>(all: readonly T[]): Decoder<T> {
  return (json) => all.find((one) => one === json);
}

export function decodeObject<T extends object>(shape: FieldDecoders<T>): Decoder<T> {
  const entries = Object.entries(shape) as [string, Decoder<unknown> | OptionalDecoder<unknown>][];
  const fields = entries.map(([name, field]) =>
    'optional' in field ? { name, read: field.optional, isOptional: true } : { name, read: field, isOptional: false },
  );
  return (json) => {
    if (!isPlainObject(json)) return undefined;
    const found: Record<string, unknown> = {};
    for (const { name, read, isOptional } of fields) {
      const given = json[name];
      if (given === undefined && isOptional) continue;
      const value = read(given);
      if (value === undefined) return undefined;
      found[name] = value;
    }
    // Every field was read by the decoder that its type requires; the compiler cannot follow the loop.
    return found as T;
  };
}

/** Decodes each element of an array; undefined if one does not match. */
export function decodeListOf<T>(read: Decoder<T>): Decoder<T[]> {
  return (json) => {
    if (!Array.isArray(json)) return undefined;
    const found = json.map(read).filter((element) => element !== undefined);
    return found.length === json.length ? found : undefined;
  };
}

/** An object with arbitrary names and string values. */
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
const decodeVersionInfo = decodeObject<VersionInfo>(versionFields);
export const decodeValueInfo = decodeObject<ValueInfo>({ name: decodeText, ...versionFields });
export const decodeValue = decodeObject<Value>({ name: decodeText, ...versionFields, value: decodeText });
export const decodeValuePage = decodeObject<ListValuesResponse>({
  values: decodeListOf(decodeValueInfo),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
export const decodeVersions = decodeObject<ListVersionsResponse>({
  name: decodeText,
  versions: decodeListOf(decodeVersionInfo),
  damaged: optional(decodeListOf(decodeNumber)),
});
export const decodeDestroyResponse = decodeObject<DestroyValueResponse>({
  destroyed: decodeBoolean,
  receipt: optional(decodeText),
});
