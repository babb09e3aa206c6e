/** References: `anima://prod/stripe/key?version=3`, the only form in which a secret may stand in files and environments. */
import { vaultNameProblem } from './value-names.ts';

export const referenceScheme = 'anima://';

export interface Reference {
  readonly name: string;
  /** The version asked for; the current one when absent. */
  readonly version?: number | undefined;
}

/** What is wrong with a reference. It never repeats the text: that may be a secret in the wrong place. */
export class InvalidReferenceError extends Error {
  static {
    InvalidReferenceError.prototype.name = 'ReferenceProblem';
  }
}

export const isReference = (text: string): boolean => text.startsWith(referenceScheme);

/** A name that differs for each pair of name and version, to keep results by. */
export const referenceKey = ({ name, version }: Reference): string =>
  version === undefined ? name : `${name}?version=${version}`;

/** The reference that a whole text is. @throws ReferenceProblem */
export function parseReference(text: string): Reference {
  if (!isReference(text)) throw new InvalidReferenceError(`it does not begin with ${referenceScheme}`);
  const [path = '', ...queries] = text.slice(referenceScheme.length).split('?');
  const problem = vaultNameProblem(path);
  if (problem !== undefined) throw new InvalidReferenceError(problem);
  if (queries.length === 0) return { name: path };
  const [, version] = /^version=([1-9]\d{0,14})$/.exec(queries.join('?')) ?? [];
  if (version === undefined)
    throw new InvalidReferenceError('after its path only ?version=N may stand, N a whole number from 1 on');
  return { name: path, version: Number(version) };
}
