import { notSentError } from './argument-validation.ts';
import { isPlainObject } from './is-plain-object.ts';

/**
 * Refuses options that a method does not have, as TypeScript does, and names the nearest one that it has. A misspelled
 * option would otherwise be ignored.
 * @throws AnimaError invalid_argument
 */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (!isPlainObject(options)) throw notSentError('invalid_argument', 'the options are not an object');
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    // Only a short name is repeated: anything else may be a misplaced secret.
    const given = /^[a-z]\w{0,23}$/i.test(name) ? `"${name}"` : 'of that name';
    const [nearest] = [...known].sort((a, b) => editDistance(name, a) - editDistance(name, b));
    throw notSentError('invalid_argument', `there is no option ${given}; the nearest is "${nearest}"`);
  }
}

/** Number of characters to insert, remove or replace, of the first 30 of `from`. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const letter of from.slice(0, 30)) {
    let left = Number.POSITIVE_INFINITY;
    row = row.map((above, at) => {
      const corner = at === 0 ? above : (row[at - 1] ?? 0) + (letter === to[at - 1] ? 0 : 1);
      left = Math.min(above + 1, left + 1, at === 0 ? above + 1 : corner);
      return left;
    });
  }
  return row[to.length] ?? 0;
}
