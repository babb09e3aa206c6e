/** Texts of an item that are embedded: those at paths such as `title`, `author.name`, `chapters[*].text` or `$`. */

import { isPlainObject } from '../shared/is-plain-object.ts';

/** The texts at a path. `$` is the whole item. Numbers and booleans are texts too, and objects their JSON. */
export function textsAt(item: unknown, path: string): string[] {
  if (path === '' || path === '$') return [toText(item)].flat();
  // `chapters[*].text` is `chapters`, `[*]`, `text`.
  const steps = path.match(/\[[^\]]*\]|[^.[\]]+/g) ?? [];
  return steps.reduce<unknown[]>((found, step) => found.flatMap((one) => stepInto(one, step)), [item]).flatMap(toText);
}

function stepInto(value: unknown, step: string): unknown[] {
  if (step.startsWith('[')) {
    if (!Array.isArray(value)) return [];
    const index = step.slice(1, -1);
    if (index === '*') return value;
    const element: unknown = value.at(Number(index));
    return element === undefined ? [] : [element];
  }
  return isPlainObject(value) && Object.hasOwn(value, step) ? [value[step]] : [];
}

function toText(value: unknown): string | string[] {
  if (value === null || value === undefined) return [];
  return typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
}
