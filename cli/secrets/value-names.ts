/** Names of values, and their conversion to names of environment variables. */
import { vaultNameProblem } from '../../egress/references/vault-names.ts';
import { usageError } from '../shell/command-error.ts';

/** Maximum value size in the vault, bytes of UTF-8. */
export const maxValueBytes = 65_536;
/**
 * Normalizes a folder prefix: `prod` and `prod/` both become `prod/`; empty means all names.
 * @throws CommandError usage
 */
export function normalizeFolder(prefix: string | undefined): string {
  if (prefix === undefined || prefix === '') return '';
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  const fault = vaultNameProblem(folder.slice(0, -1));
  if (fault !== undefined)
    throw usageError(`--prefix requires a folder of names such as prod/stripe, but ${fault}. Nothing was done`);
  return folder;
}

/**
 * The environment variable of a name: the part after the folder in upper case, with `_` for each character that is not
 * allowed, and a `_` before a leading digit. `prod/stripe/secret-key` below `prod` becomes STRIPE_SECRET_KEY.
 */
export function environmentVariableFor(name: string, folder: string): string {
  return name
    .slice(folder.length)
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_');
}

/** Maps variables to names. @throws CommandError usage if two names would become one variable */
export function environmentVariablesFor(names: Iterable<string>, folder: string): Map<string, string> {
  const byVariable = new Map<string, string>();
  for (const name of names) {
    const variable = environmentVariableFor(name, folder);
    const other = byVariable.get(variable);
    if (other !== undefined) {
      throw usageError(
        `${other} and ${name} would both become the variable ${variable}. Nothing was done`,
        'Use a narrower --prefix, or list the values individually as anima:// references.',
      );
    }
    byVariable.set(variable, name);
  }
  return byVariable;
}

/** @throws CommandError usage for a name that the vault would reject, so that nothing is typed or read in vain */
export function assertValueName(name: string, undone: string): void {
  const problem = vaultNameProblem(name);
  if (problem === undefined) return;
  throw usageError(
    `The name is not allowed: ${problem}. ${undone}`,
    'A name is a path such as prod/stripe/key: A-Z a-z 0-9 . _ @ : - and single slashes.',
  );
}
