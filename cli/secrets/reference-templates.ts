/** Templates: text with references as `{{ anima://path }}` or bare. */
import { InvalidReferenceError, parseReference, type Reference, referenceScheme } from './secret-references.ts';

/** A reference in a text, with JavaScript string positions. */
export interface ReferencePlace {
  readonly start: number;
  readonly end: number;
  readonly reference: Reference;
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
  /\{\{[ \t]*(anima:\/\/[^\s{}]*)[ \t]*\}\}|(?<![A-Za-z0-9+.-])anima:\/\/[A-Za-z0-9._@:/-]*(?:\?[A-Za-z0-9=&_-]+)?/g;

/** Finds all references in a text, in order. @throws InvalidTemplateError */
export function findReferencePlaces(text: string): ReferencePlace[] {
  return [...text.matchAll(referencePattern)].map((match) => {
    const [whole, inBraces] = match;
    try {
      return { start: match.index, end: match.index + whole.length, reference: parseReference(inBraces ?? whole) };
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
  for (const { start, end, reference } of found) {
    out += text.slice(at, start) + lookUp(reference);
    at = end;
  }
  return out + text.slice(at);
}

/** Formats a position in a text as `line 3, column 7`. */
export function describePosition(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
