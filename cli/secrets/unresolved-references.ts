import { CommandError, toFailure } from '../shell/command-error.ts';
import type { ReadOutcome } from './secret-reader.ts';

/**
 * One error for all references that could not be read, with the exit code of the first.
 * @param failed where each reference occurs (a variable, a line), and why it has no value
 * @param undone what was not done because of it
 */
export function unresolvedReferencesError(
  failed: readonly (readonly [place: string, outcome: ReadOutcome])[],
  undone: string,
): CommandError {
  const failures = failed.flatMap(([place, outcome]) => (outcome.ok ? [] : [{ place, ...toFailure(outcome.error) }]));
  const [first] = failures;
  const list = failures.map(({ place, message }) => `${place}: ${message}`).join('; ');
  return new CommandError(`${undone}, because some references could not be resolved. ${list}`, {
    exit: first?.exit ?? 1,
    ...(first?.next === undefined ? {} : { next: first.next }),
  });
}
