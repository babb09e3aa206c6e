/**
 * Readers of the vault's JSON: each returns the documented shape, without fields it does not know, or undefined.
 * Written by hand, since the schemas of the service would bring a library four times the size of this client.
 */
import type { ListValuesResponse, Metadata, Value, ValueInfo, VersionInfo } from '../../contract/wire.ts';
import { isRecord } from './record.ts';

export function decodeVersionInfo(json: unknown): VersionInfo | undefined {
  if (!isRecord(json)) return undefined;
  const { version, createdAt, expiresAt } = json;
  const metadata = decodeMetadata(json.metadata);
  if (typeof version !== 'number' || typeof createdAt !== 'string' || metadata === undefined) return undefined;
  if (expiresAt === undefined) return { version, createdAt, metadata };
  return typeof expiresAt === 'string' ? { version, createdAt, expiresAt, metadata } : undefined;
}

export function decodeValueInfo(json: unknown): ValueInfo | undefined {
  const info = decodeVersionInfo(json);
  return isRecord(json) && typeof json.name === 'string' && info !== undefined
    ? { name: json.name, ...info }
    : undefined;
}

export function decodeValue(json: unknown): Value | undefined {
  const info = decodeValueInfo(json);
  return isRecord(json) && typeof json.value === 'string' && info !== undefined
    ? { ...info, value: json.value }
    : undefined;
}

export function decodeList(json: unknown): ListValuesResponse | undefined {
  if (!isRecord(json)) return undefined;
  const values = decodeAll(json.values, decodeValueInfo);
  if (values === undefined) return undefined;
  if (json.cursor === undefined) return { values };
  return typeof json.cursor === 'string' ? { values, cursor: json.cursor } : undefined;
}

/** Reads each element of an array; undefined when one of them can't be read. */
export function decodeAll<T>(json: unknown, decode: (element: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const read = json.map(decode).filter((element) => element !== undefined);
  return read.length === json.length ? read : undefined;
}

function decodeMetadata(json: unknown): Metadata | undefined {
  if (!isRecord(json)) return undefined;
  const entries = Object.entries(json).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return entries.length === Object.keys(json).length ? Object.fromEntries(entries) : undefined;
}
