const maxNameLength = 256;
const nameCharacters = /^[A-Za-z0-9._@:/-]*$/;

/**
 * The reason why the vault would reject a name, or undefined. This duplicates the vault's rule so that an error is
 * reported with its line before anything is sent; a test compares both rules.
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
