import { limits } from './limits.ts';

const nameSegmentPattern = '[A-Za-z0-9._@:-]+';

/**
 * A name is a path: segments of letters, digits and `. _ @ : -`, joined by single slashes. No character of it
 * changes by percent-encoding or by case folding of a proxy, so the name that was authorized is the name stored.
 */
export const namePattern = new RegExp(`^${nameSegmentPattern}(?:/${nameSegmentPattern})*$`);

/** A prefix of names: it may end with a slash or within a segment. */
export const prefixPattern = new RegExp(`^${nameSegmentPattern}(?:/${nameSegmentPattern})*/?$`);

/** A write id: chosen by the writer, new for each set, repeated only when that set is sent again. */
export const writeIdPattern = new RegExp(`^[A-Za-z0-9_-]{${limits.writeIdMin},${limits.writeIdMax}}$`);

/** Keys of metadata. */
export const metadataKeyPattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,${limits.metadataKeyLength - 1}}$`);

/** Says what is wrong with a name, or returns undefined when it is allowed. Never repeats the name. */
export function nameProblem(name: string): string | undefined {
  return pathProblem(name, namePattern);
}

/** Says what is wrong with a prefix, or returns undefined when it is allowed. Never repeats the prefix. */
export function prefixProblem(prefix: string): string | undefined {
  return pathProblem(prefix, prefixPattern);
}

function pathProblem(path: string, pattern: RegExp): string | undefined {
  if (path === '') return 'it is empty';
  if (path.length > limits.nameLength) return `it is longer than ${limits.nameLength} characters`;
  // URL parsers resolve dot segments away (RFC 3986 section 5.2.4): such a name could not be addressed.
  if (path.split('/').some((part) => part === '.' || part === '..')) return 'a segment is "." or ".."';
  if (path.startsWith('/') || path.includes('//')) return 'a segment is empty';
  if (pattern === namePattern && path.endsWith('/')) return 'a segment is empty';
  if (!pattern.test(path)) return 'a character is not one of A-Z a-z 0-9 . _ @ : - /';
  return undefined;
}
