/** Splits a reply into messages that a provider accepts. */
import type { SendResult } from '../channel-ports.ts';

/** Breaks in the order of preference. A part is at least half full, so that few parts are needed. */
const breaks = [/\n{2,}/g, /\n/g, /(?<=[.!?…])\s/g, /\s/g];

/** Length of a text in UTF-16 code units. */
const unitLength = (text: string): number => text.length;

/**
 * Splits a text into parts of at most `maxLength`. If there are several, each begins with its number: `(1/3) `. A part
 * ends at a paragraph, line, sentence or word if there is one in its second half, otherwise between two characters.
 * White space at the breaks is left out; nothing else is.
 * @param lengthOf length of a text as the provider counts it. The length of a text is the sum of its characters' lengths
 */
export function splitText(text: string, maxLength: number, lengthOf = unitLength): readonly string[] {
  if (lengthOf(text) <= maxLength) return [text];
  for (let digits = 1; ; digits++) {
    const numberLength = '(/) '.length + 2 * digits;
    const parts = splitAtBreaks(text, maxLength - numberLength, lengthOf);
    if (parts.length < 10 ** digits) return parts.map((part, at) => `(${at + 1}/${parts.length}) ${part}`);
  }
}

function splitAtBreaks(text: string, maxLength: number, lengthOf: (text: string) => number): readonly string[] {
  const parts: string[] = [];
  let rest = text;
  while (lengthOf(rest) > maxLength) {
    const end = endOfPart(rest, maxLength, lengthOf);
    parts.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...parts, rest].filter((part) => part !== '');
}

function endOfPart(text: string, maxLength: number, lengthOf: (text: string) => number): number {
  // A character has at least the length of its code units, so later ones cannot fit.
  const fitting = text.slice(0, fittingLength(text.slice(0, maxLength + 1), maxLength, lengthOf));
  for (const pattern of breaks) {
    const end = [...fitting.matchAll(pattern)].at(-1)?.index ?? 0;
    if (end >= fitting.length / 2) return end;
  }
  return fitting.length;
}

/** Number of code units of the longest beginning that fits and ends between two characters (grapheme clusters). */
function fittingLength(text: string, maxLength: number, lengthOf: (text: string) => number): number {
  let length = 0;
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text)) {
    length += lengthOf(segment);
    if (length > maxLength) break;
    end = index + segment.length;
  }
  if (end > 0) return end;
  // A single character exceeds the limit. It is split between two code points.
  for (const point of text) {
    end += point.length;
    if (lengthOf(text.slice(0, end)) > maxLength) return Math.max(end - point.length, 1);
  }
  return end;
}

/**
 * Sends parts in order, and none after one that was not sent. A later part is attempted twice, because a repeated reply
 * begins with the first part again.
 */
export async function sendParts(
  parts: readonly string[],
  send: (part: string) => Promise<SendResult>,
): Promise<SendResult> {
  for (const [at, part] of parts.entries()) {
    let result = await send(part);
    if (result === 'unknown' && at > 0) result = await send(part);
    if (result !== 'sent') return result;
  }
  return 'sent';
}
