/** Templates: text in which references stand, as `{{ anima://path }}` or bare. */
import { parseReference, type Reference, ReferenceProblem, scheme } from './secret-references.ts';

/** A reference in a text, by the positions of JavaScript strings. */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly reference: Reference;
}

/** A reference that can't be understood: line and column, both from 1, and why. */
export class TemplateProblem extends Error {
  static {
    TemplateProblem.prototype.name = 'TemplateProblem';
  }
}

/**
 * Braces around a reference are part of it; braces around anything else are not ours. Bare, it goes as far as a name and `?…` can go, and it
 * does not begin within a word: `xanima://` is another scheme. What follows it directly and could be part of a name needs the braces.
 */
const places =
  /\{\{[ \t]*(anima:\/\/[^\s{}]*)[ \t]*\}\}|(?<![A-Za-z0-9+.-])anima:\/\/[A-Za-z0-9._@:/-]*(?:\?[A-Za-z0-9=&_-]+)?/g;

/** All references of a text, in their order. @throws TemplateProblem */
export function findPlaces(text: string): Place[] {
  return [...text.matchAll(places)].map((match) => {
    const [whole, inBraces] = match;
    try {
      return { start: match.index, end: match.index + whole.length, reference: parseReference(inBraces ?? whole) };
    } catch (error) {
      if (!(error instanceof ReferenceProblem)) throw error;
      const at = match.index + whole.indexOf(scheme);
      throw new TemplateProblem(`the reference at ${positionOf(text, at)} is not understood: ${error.message}`);
    }
  });
}

/** The text with each reference replaced by what `lookUp` tells. Values are not looked at again: a reference within one stays text. */
export function fill(text: string, found: readonly Place[], lookUp: (reference: Reference) => string): string {
  let out = '';
  let at = 0;
  for (const { start, end, reference } of found) {
    out += text.slice(at, start) + lookUp(reference);
    at = end;
  }
  return out + text.slice(at);
}

/** `line 3, column 7` of a position in a text. */
export function positionOf(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
