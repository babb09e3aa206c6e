/** Request texts with `{{anima://path}}` placeholders for values. */

import {
  fillTemplate,
  findReferencePlaces,
  InvalidTemplateError,
  type ReferencePlace,
} from '../references/reference-templates.ts';
import { type Reference, referenceKey } from '../references/secret-references.ts';
import { UseRefusal } from '../refusals/use-refusal.ts';
import type { RequestPart } from '../rules/usage-rules.ts';

/** Values by `referenceKey`. */
export type ValuesByReference = ReadonlyMap<string, string>;

/** A placeholder and the value it refers to. */
export interface PlaceholderUse {
  readonly reference: Reference;
  readonly part: RequestPart;
  /** Lower-case name of the header, for the part `header`. */
  readonly header?: string | undefined;
}

export interface PlaceholderText {
  readonly text: string;
  readonly places: readonly ReferencePlace[];
}

/**
 * Finds the placeholders in a text.
 * @param label name of the text in errors
 * @throws UseRefusal if the text contains a malformed placeholder, which would otherwise be sent literally
 */
export function parsePlaceholderText(label: string, text: string): PlaceholderText {
  try {
    const places = findReferencePlaces(text);
    const bare = places.some(({ start }) => text[start] !== '{');
    const rest = fillTemplate(text, places, () => '');
    if (bare || /\{\{\s*anima\b/i.test(rest)) {
      throw new UseRefusal(
        `A placeholder in ${label} does not have the form {{anima://path}} or {{anima://path?version=N}}`,
      );
    }
    return { text, places };
  } catch (error) {
    if (error instanceof InvalidTemplateError) throw new UseRefusal(`In ${label}, ${error.message}`);
    throw error;
  }
}

/** @throws UseRefusal if the text contains a placeholder */
export function assertNoPlaceholder(label: string, text: string): string {
  if (parsePlaceholderText(label, text).places.length > 0)
    throw new UseRefusal(`${label} must not contain a placeholder`);
  return text;
}

export const fillPlaceholders = ({ text, places }: PlaceholderText, values: ValuesByReference): string =>
  fillTemplate(text, places, (reference) => values.get(referenceKey(reference)) ?? '');

/** Maximum nesting of a JSON value. */
const maxJsonDepth = 32;

/**
 * Returns a function that builds the JSON value with its placeholders replaced. Each parsed text is passed to `seen`.
 * Keys must not contain placeholders.
 */
export function parsePlaceholderJson(
  label: string,
  value: unknown,
  seen: (filler: PlaceholderText) => void,
  depth = 0,
): (values: ValuesByReference) => unknown {
  if (depth > maxJsonDepth) throw new UseRefusal(`${label} is nested deeper than ${maxJsonDepth} levels`);
  if (typeof value === 'string') {
    const filler = parsePlaceholderText(label, value);
    seen(filler);
    return (values) => fillPlaceholders(filler, values);
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => parsePlaceholderJson(label, item, seen, depth + 1));
    return (values) => items.map((item) => item(values));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) =>
        [assertNoPlaceholder(`a key of ${label}`, key), parsePlaceholderJson(label, item, seen, depth + 1)] as const,
    );
    return (values) => Object.fromEntries(entries.map(([key, item]) => [key, item(values)]));
  }
  return () => value;
}
