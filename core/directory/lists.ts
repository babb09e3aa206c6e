/** Lists: one field with the fields of its members, in ascending order of bytes (docs/format-directory.md). */
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField } from '../encoding/field-reader.ts';
import { maxRights } from './limits.ts';

/** Compares byte strings by their first difference, then by length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let at = 0; at < common; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether each byte string is above the one before. */
export const isAscending = (items: readonly Uint8Array[]): boolean =>
  items.every((item, at) => at === 0 || compareBytes(items[at - 1] ?? item, item) < 0);

/** Encodes a list. Members are sorted here. */
export const encodeList = (items: readonly Uint8Array[]): Bytes => encodeFieldBytes(...items.toSorted(compareBytes));

const encoder = new TextEncoder();

/** Encodes a list of texts. */
export const encodeTextList = (items: readonly string[]): Bytes =>
  encodeList(items.map((item) => encoder.encode(item)));

/** The members of a list; undefined unless they are in ascending order, and at most `max`. */
export function parseList(field: Uint8Array | undefined, max: number): readonly Bytes[] | undefined {
  const items = field && decodeFieldBytes(field);
  return items !== undefined && items.length <= max && isAscending(items) ? items : undefined;
}

/** The members of a list of texts of one form. */
export function parseTextList(
  field: Uint8Array | undefined,
  max: number,
  isItem: (text: string) => boolean,
): readonly string[] | undefined {
  const texts = parseList(field, max)?.map(decodeTextField);
  return texts?.every((text): text is string => text !== undefined && isItem(text)) === true ? texts : undefined;
}

const rightPattern = /^[a-z0-9][a-z0-9:._-]{0,63}$/;

/** The field `can`: what a device or a fleet may do. */
export const parseRights = (field: Uint8Array | undefined): readonly string[] | undefined =>
  parseTextList(field, maxRights, (text) => rightPattern.test(text));
