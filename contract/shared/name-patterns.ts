import { limits } from './limits.ts';

/** A segment that is not `.` or `..`, written without a lookahead, so that every JSON Schema tool can generate it. */
const nameSegmentPattern = '(?:\\.{0,2}[A-Za-z0-9_@:-]|\\.{3})[A-Za-z0-9._@:-]*';

/**
 * A name is a path: segments of letters, digits and `. _ @ : -`, joined by single slashes. None of these characters is
 * changed by percent-encoding or by a proxy that folds case, so the authorized name is the stored name.
 */
export const namePattern = new RegExp(`^${nameSegmentPattern}(?:/${nameSegmentPattern})*$`);

/** A prefix of names. It can end with a slash or within a segment. */
export const prefixPattern = new RegExp(`^${nameSegmentPattern}(?:/${nameSegmentPattern})*/?$`);

/** A write id. The writer chooses a new one for each write, and repeats it only when it retries that write. */
export const writeIdPattern = new RegExp(`^[A-Za-z0-9_-]{${limits.writeIdMin},${limits.writeIdMax}}$`);

/** The ID of a record of a user: at most `limits.recordIdLength` characters. */
export const recordIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Metadata keys. */
export const metadataKeyPattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,${limits.metadataKeyLength - 1}}$`);

/** Describes what is wrong with a name. Returns undefined for an allowed name. The text never contains the name. */
export function nameProblem(name: string): string | undefined {
  return pathProblem(name, namePattern);
}

/**
 * Describes what is wrong with a prefix. Returns undefined for an allowed prefix. The text never contains the prefix.
 */
export function prefixProblem(prefix: string): string | undefined {
  return pathProblem(prefix, prefixPattern);
}

function pathProblem(path: string, pattern: RegExp): string | undefined {
  // The pattern and the length decide; the rest says why. Each request with an allowed name asks several times.
  if (path.length <= limits.nameLength && pattern.test(path)) return undefined;
  if (path === '') return 'it is empty';
  if (path.length > limits.nameLength) return `it is longer than ${limits.nameLength} characters`;
  // URL parsers remove dot segments (RFC 3986 section 5.2.4), so such a name could not be addressed.
  if (path.split('/').some((part) => part === '.' || part === '..')) return 'a segment is "." or ".."';
  if (path.startsWith('/') || path.includes('//')) return 'a segment is empty';
  if (pattern === namePattern && path.endsWith('/')) return 'a segment is empty';
  return 'a character is not one of A-Z a-z 0-9 . _ @ : - /';
}
