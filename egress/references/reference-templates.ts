/** Templates: text with references as `{{ anima://path }}`, `{{ anima://path | url }}`, or bare. */
import {
  InvalidReferenceError,
  isReference,
  parseReference,
  type Reference,
  referenceScheme,
} from './secret-references.ts';

/** A reference in a text, with JavaScript string positions. */
export interface ReferencePlace {
  readonly start: number;
  readonly end: number;
  readonly reference: Reference;
  /** How the value is written into the text. Default: unchanged. */
  readonly encoding?: ValueEncoding | undefined;
}

/** `url`: percent-encoded, for a part of a URL (RFC 3986 section 2.1). `json`: as in a JSON string, without quotes. */
type ValueEncoding = 'url' | 'json';

const encoders: Readonly<Record<ValueEncoding, (value: string) => string>> = {
  url: (value) =>
    encodeURIComponent(value).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`),
  json: (value) => JSON.stringify(value).slice(1, -1),
};

const isEncoding = (text: string): text is ValueEncoding => Object.hasOwn(encoders, text);

/** A text with references in braces. */
export interface Template {
  readonly text: string;
  readonly places: readonly ReferencePlace[];
}

/** An invalid reference: line and column, both from 1, and the reason. */
export class InvalidTemplateError extends Error {
  static {
    InvalidTemplateError.prototype.name = 'InvalidTemplateError';
  }
}

/**
 * Braces around a reference belong to it; other braces are ignored. A bare reference extends as far as name characters
 * and `?…` continue, and does not start within a word: `xanima://` is another scheme. If name characters follow
 * directly, braces are required.
 */
const referencePattern =
  /\{\{[ \t]*(anima:\/\/[^\s{}|]*)[ \t]*(?:\|[ \t]*([^\s{}]*)[ \t]*)?\}\}|(?<![A-Za-z0-9+.-])anima:\/\/[A-Za-z0-9._@:/-]*(?:\?[A-Za-z0-9=&_-]+)?/g;

/** Finds all references in a text, in order. @throws InvalidTemplateError */
export function findReferencePlaces(text: string): ReferencePlace[] {
  return [...text.matchAll(referencePattern)].map((match) => {
    const [whole, inBraces, encoding] = match;
    try {
      if (encoding !== undefined && !isEncoding(encoding)) {
        throw new InvalidReferenceError('only | url or | json may follow a reference in braces');
      }
      const reference = parseReference(inBraces ?? whole);
      return { start: match.index, end: match.index + whole.length, reference, ...(encoding && { encoding }) };
    } catch (error) {
      if (!(error instanceof InvalidReferenceError)) throw error;
      const at = match.index + whole.indexOf(referenceScheme);
      throw new InvalidTemplateError(`the reference at ${describePosition(text, at)} is invalid: ${error.message}`);
    }
  });
}

/** Replaces each reference with the result of `lookUp`. Inserted values are not searched for references. */
export function fillTemplate(
  text: string,
  found: readonly ReferencePlace[],
  lookUp: (reference: Reference) => string,
): string {
  let out = '';
  let at = 0;
  for (const { start, end, reference, encoding } of found) {
    const value = lookUp(reference);
    out += text.slice(at, start) + (encoding === undefined ? value : encoders[encoding](value));
    at = end;
  }
  return out + text.slice(at);
}

/** Braces that seem to be meant as a reference, but that no reader of templates takes for one. */
const almostInBraces = /\{\{\s*["']?\s*anima:/i;
/** A text that seems to be meant as one reference: with quotes, blanks, capital letters, or a slash too few. */
const almostReference = /^\s*["']?\s*anima:\//i;

/**
 * Reads a text that is one reference, or contains references in braces. Bare references within other text stay text.
 * Undefined if there is none.
 * @throws InvalidReferenceError for an invalid reference, or a text that only resembles one
 */
export function parseComposedText(text: string): Template | undefined {
  if (isReference(text)) {
    return { text, places: [{ start: 0, end: text.length, reference: parseReference(text) }] };
  }
  if (almostReference.test(text)) {
    throw new InvalidReferenceError('it resembles a reference, but is not exactly anima://path');
  }
  // Only whole braces are replaced, so that a rest reveals braces that no pattern matches.
  const places = inBraces(text);
  if (almostInBraces.test(fillTemplate(text, places, () => ''))) {
    throw new InvalidReferenceError('braces resemble a reference, but do not have the form {{anima://path}}');
  }
  return places.length === 0 ? undefined : { text, places };
}

function inBraces(text: string): ReferencePlace[] {
  try {
    return findReferencePlaces(text).filter(({ start }) => text.startsWith('{{', start));
  } catch (error) {
    if (!(error instanceof InvalidTemplateError)) throw error;
    // A bare reference is not read here, so an invalid one is only text. Without braces nothing else can be invalid.
    if (!text.includes('{{')) return [];
    throw new InvalidReferenceError(error.message);
  }
}

/** Formats a position in a text as `line 3, column 7`. */
export function describePosition(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
