/** Texts of a request in which `{{anima://path}}` stands for a value. */

import { fill, findPlaces, type Place, TemplateProblem } from '../secrets/reference-templates.ts';
import { type Reference, referenceKey } from '../secrets/secret-references.ts';
import { Refusal } from './tool-refusal.ts';
import type { RequestPart } from './usage-rules.ts';

/** Values by `referenceKey`. */
export type Values = ReadonlyMap<string, string>;

/** Where which value is to stand. */
export interface Use {
  readonly reference: Reference;
  readonly part: RequestPart;
}

export interface Filler {
  readonly text: string;
  readonly places: readonly Place[];
}

/**
 * Finds the placeholders of a text.
 * @param label how the text is called in errors
 * @throws Refusal when something in it looks like one and is none: sent as it stands it would surprise everybody
 */
export function fillerOf(label: string, text: string): Filler {
  try {
    const places = findPlaces(text);
    const bare = places.some(({ start }) => text[start] !== '{');
    const rest = fill(text, places, () => '');
    if (bare || /\{\{\s*anima\b/i.test(rest)) {
      throw new Refusal(`A placeholder in ${label} is not of the form {{anima://path}} or {{anima://path?version=N}}`);
    }
    return { text, places };
  } catch (error) {
    if (error instanceof TemplateProblem) throw new Refusal(`In ${label}, ${error.message}`);
    throw error;
  }
}

/** @throws Refusal when a placeholder stands where none may */
export function plain(label: string, text: string): string {
  if (fillerOf(label, text).places.length > 0) throw new Refusal(`No placeholder may stand in ${label}`);
  return text;
}

export const filled = ({ text, places }: Filler, values: Values): string =>
  fill(text, places, (reference) => values.get(referenceKey(reference)) ?? '');

/** What a JSON value may nest. */
const deepest = 32;

/** A function that makes the JSON value with its placeholders filled in; each found text goes by `seen`. Keys may hold none. */
export function jsonFiller(
  label: string,
  value: unknown,
  seen: (filler: Filler) => void,
  depth = 0,
): (values: Values) => unknown {
  if (depth > deepest) throw new Refusal(`${label} is nested deeper than ${deepest} levels`);
  if (typeof value === 'string') {
    const filler = fillerOf(label, value);
    seen(filler);
    return (values) => filled(filler, values);
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => jsonFiller(label, item, seen, depth + 1));
    return (values) => items.map((item) => item(values));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => [plain(`a key of ${label}`, key), jsonFiller(label, item, seen, depth + 1)] as const,
    );
    return (values) => Object.fromEntries(entries.map(([key, item]) => [key, item(values)]));
  }
  return () => value;
}
