/** References: `anima://prod/stripe/key?version=3`, the placeholder for a secret in files and environments. */
import { vaultNameProblem } from './vault-names.ts';

export const referenceScheme = 'anima://';

export interface Reference {
  readonly name: string;
  /** The requested version; the current one if absent. */
  readonly version?: number | undefined;
}

/** An invalid reference. The message never quotes the text, because it may be a misplaced secret. */
export class InvalidReferenceError extends Error {
  static {
    InvalidReferenceError.prototype.name = 'InvalidReferenceError';
  }
}

export const isReference = (text: string): boolean => text.startsWith(referenceScheme);

/** A unique key per name and version, for storing results. */
export const referenceKey = ({ name, version }: Reference): string =>
  version === undefined ? name : `${name}?version=${version}`;

/** Parses a text that is one whole reference. @throws InvalidReferenceError */
export function parseReference(text: string): Reference {
  if (!isReference(text)) throw new InvalidReferenceError(`it does not begin with ${referenceScheme}`);
  const [path = '', ...queries] = text.slice(referenceScheme.length).split('?');
  const problem = vaultNameProblem(path);
  if (problem !== undefined) throw new InvalidReferenceError(problem);
  if (queries.length === 0) return { name: path };
  const [, version] = /^version=([1-9]\d{0,14})$/.exec(queries.join('?')) ?? [];
  if (version === undefined)
    throw new InvalidReferenceError('only ?version=N may follow its path, with N a whole number, 1 or more');
  return { name: path, version: Number(version) };
}
