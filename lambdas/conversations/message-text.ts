/** The text of a message: its limit, and the names of its files. */
import { limits } from '../../contract/shared/limits.ts';
import type { MediaKind, MediaRefusal } from '../channels/channel-ports.ts';

/** Appended to a truncated text. */
const truncationMark = ' […]';

/** Truncates a text to limits.messageBytes bytes of UTF-8, at a character boundary, and appends a mark. */
export function truncateMessage(text: string): string {
  if (Buffer.byteLength(text) <= limits.messageBytes) return text;
  let bytes = 0;
  let end = 0;
  // Each UTF-16 code unit takes at least one byte, so the kept text has at most messageBytes units. The 64 extra units
  // show where its last character ends.
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, limits.messageBytes + 64))) {
    bytes += Buffer.byteLength(segment);
    if (bytes > limits.messageBytes) break;
    end = index + segment.length;
  }
  // A single character (grapheme cluster) can exceed the limit. It is then cut.
  const kept = end > 0 ? text.slice(0, end) : text.slice(0, Math.floor(limits.messageBytes / 3));
  return kept.toWellFormed() + truncationMark;
}

interface NamedMedia {
  readonly kind: MediaKind;
  readonly name?: string | undefined;
}

const refusalTexts: Readonly<Record<MediaRefusal, string>> = {
  'too-large': 'too large',
  'too-many': 'too many files',
  unavailable: 'the provider did not deliver it',
  elsewhere: 'it is stored elsewhere',
};

const describe = ({ kind, name }: NamedMedia): string => (name === undefined ? kind : `${kind} "${name}"`);

/**
 * The text of a message with files. It is never empty, because a responder may refuse an empty text. Files are named in
 * it if there is no other text; files that were not kept are always named: `[image, not kept: too large]`.
 */
export function describeMedia(
  text: string,
  kept: readonly NamedMedia[],
  refused: readonly (NamedMedia & { readonly refusal: MediaRefusal })[],
): string {
  const marks = refused.map((media) => `[${describe(media)}, not kept: ${refusalTexts[media.refusal]}]`);
  const own = text.trim() === '' ? kept.map((media) => `[${describe(media)}]`) : [text];
  return [...own, ...marks].join('\n');
}
