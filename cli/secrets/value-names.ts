/** Names of values and names of environment variables, and the way from the first to the second. */
import { usageError } from '../shell/command-error.ts';

/** The vault refuses longer values, bytes of UTF-8. */
export const maxValueBytes = 65_536;
const maxNameLength = 256;
const nameCharacters = /^[A-Za-z0-9._@:/-]*$/;

/**
 * Says what the vault would refuse in a name, or returns undefined. The same rule as the vault's, said here so that a faulty line of a
 * file is found where it stands and before anything is sent; a test holds the two together.
 */
export function vaultNameProblem(name: string): string | undefined {
  if (name === '') return 'there is no name';
  if (name.length > maxNameLength) return `the name is longer than ${maxNameLength} characters`;
  if (!nameCharacters.test(name)) return 'a character is not one of A-Z a-z 0-9 . _ @ : - /';
  const segments = name.split('/');
  if (segments.includes('')) return 'a part between slashes is empty';
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'a part between slashes is "." or ".."';
  return undefined;
}

/**
 * A folder of names as it stands before them: `prod` and `prod/` are both `prod/`, nothing is all names.
 * @throws CommandError usage
 */
export function normalizeFolder(prefix: string | undefined): string {
  if (prefix === undefined || prefix === '') return '';
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  const fault = vaultNameProblem(folder.slice(0, -1));
  if (fault !== undefined)
    throw usageError(`--prefix takes a folder of names such as prod/stripe, and ${fault}. Nothing was done`);
  return folder;
}

/**
 * The environment variable of a name: what follows the folder, in upper case, each character that a variable can't have as `_`, and `_`
 * before a digit at the beginning. `prod/stripe/secret-key` below `prod` is STRIPE_SECRET_KEY.
 */
export function environmentVariableFor(name: string, folder: string): string {
  return name
    .slice(folder.length)
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_');
}

/** Names by their variables. @throws CommandError usage when two names would be one variable */
export function environmentVariablesFor(names: Iterable<string>, folder: string): Map<string, string> {
  const byVariable = new Map<string, string>();
  for (const name of names) {
    const variable = environmentVariableFor(name, folder);
    const other = byVariable.get(variable);
    if (other !== undefined) {
      throw usageError(
        `${other} and ${name} would both be the variable ${variable}. Nothing was done`,
        'Take a narrower --prefix, or name the values one by one as anima:// references.',
      );
    }
    byVariable.set(variable, name);
  }
  return byVariable;
}
