/** Texts for parts of messages that are neither text nor a file, and descriptions of files. */
import { limits } from '../../../contract/shared/limits.ts';
import type { InboundMedia, MediaKind } from '../channel-ports.ts';

/** Joins the parts that are not empty, one per line. */
export const joinLines = (...lines: readonly (string | undefined)[]): string =>
  lines.filter((line) => line !== undefined && line.trim() !== '').join('\n');

const joinWords = (...words: readonly (string | number | undefined)[]): string =>
  words.filter((word) => word !== undefined && word !== '').join(', ');

export interface Location {
  readonly latitude?: string | number | undefined;
  readonly longitude?: string | number | undefined;
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly url?: string | undefined;
}

/** `[location: Headquarters, 1 Hacker Way, 37.483307 122.148981]` */
export function describeLocation({ latitude, longitude, name, address, url }: Location): string | undefined {
  const position = latitude === undefined || longitude === undefined ? undefined : `${latitude} ${longitude}`;
  const words = joinWords(name, address, position, url);
  return words === '' ? undefined : `[location: ${words}]`;
}

/** `[contact: Ada Lovelace, +447700900123, ada@example.com]` */
export const describeContact = (...words: readonly (string | undefined)[]): string =>
  `[contact: ${joinWords(...words)}]`;

// A map: a sender can state a type such as constructor/x.
const kindsByType: ReadonlyMap<string, MediaKind> = new Map([
  ['image', 'image'],
  ['audio', 'audio'],
  ['video', 'video'],
]);

/** The kind of a file, from its media type. */
export function mediaKindOf(type: string | undefined): MediaKind {
  if (/^text\/(?:x-)?vcard$/i.test(type ?? '')) return 'contact';
  return kindsByType.get(type?.split('/', 1)[0]?.trim().toLowerCase() ?? '') ?? 'file';
}

/** Name and type of a file as a sender states them, without control characters and of limited length. */
export function describeMedia(name: string | undefined, type: string | undefined): Pick<InboundMedia, 'name' | 'type'> {
  const cleanName = name
    ?.toWellFormed()
    .replace(/[\p{Cc}\p{Cf}[\]]+/gu, ' ')
    .trim()
    .slice(0, limits.mediaNameLength)
    .toWellFormed();
  const cleanType = type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return {
    ...(cleanName === undefined || cleanName === '' ? {} : { name: cleanName }),
    ...(/^[a-z0-9.+-]{1,63}\/[a-z0-9.+-]{1,127}$/.test(cleanType) ? { type: cleanType } : {}),
  };
}
