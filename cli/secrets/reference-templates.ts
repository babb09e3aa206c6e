/** Templates: text in which references stand, as `{{ anima://path }}` or bare. */
import { InvalidReferenceError, parseReference, type Reference, referenceScheme } from './secret-references.ts';

/** A reference in a text, by the positions of JavaScript strings. */
export interface ReferencePlace {
  readonly start: number;
  readonly end: number;
  readonly reference: Reference;
}

/** A reference that can't be understood: line and column, both from 1, and why. */
export class InvalidTemplateError extends Error {
  static {
    InvalidTemplateError.prototype.name = 'TemplateProblem';
  }
}

/**
 * Braces around a reference are part of it; braces around anything else are not ours. Bare, it goes as far as a name and `?…` can go, and it
 * does not begin within a word: `xanima://` is another scheme. What follows it directly and could be part of a name needs the braces.
 */
const referencePattern =
  /\{\{[ \t]*(anima:\/\/[^\s{}]*)[ \t]*\}\}|(?<![A-Za-z0-9+.-])anima:\/\/[A-Za-z0-9._@:/-]*(?:\?[A-Za-z0-9=&_-]+)?/g;

/** All references of a text, in their order. @throws TemplateProblem */
export function findReferencePlaces(text: string): ReferencePlace[] {
  return [...text.matchAll(referencePattern)].map((match) => {
    const [whole, inBraces] = match;
    try {
      return { start: match.index, end: match.index + whole.length, reference: parseReference(inBraces ?? whole) };
    } catch (error) {
      if (!(error instanceof InvalidReferenceError)) throw error;
      const at = match.index + whole.indexOf(referenceScheme);
      throw new InvalidTemplateError(
        `the reference at ${describePosition(text, at)} is not understood: ${error.message}`,
      );
    }
  });
}

/** The text with each reference replaced by what `lookUp` tells. Values are not looked at again: a reference within one stays text. */
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

/** `line 3, column 7` of a position in a text. */
export function describePosition(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
