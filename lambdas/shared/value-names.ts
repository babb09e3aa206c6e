import { nameProblem } from '../../contract/shared/name-patterns.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';

/** Returns a valid name. @throws VaultError `invalid_name` with a detail that does not repeat the name */
export function validateName(name: string): string {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new VaultError('invalid_name', { detail: `The name is not allowed: ${problem}.` });
  return name;
}

/** @throws VaultError `invalid_request` if a name is repeated, because its results could not be attributed */
export function assertUniqueNames(names: readonly string[], path: string): void {
  const repeatedIndex = names.findIndex((name, index) => names.indexOf(name) < index);
  if (repeatedIndex >= 0)
    throw new VaultError('invalid_request', {
      errors: [{ path: `${path}.${repeatedIndex}`, message: 'is a duplicate' }],
    });
}
