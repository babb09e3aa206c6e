/** References: `anima://prod/stripe/key?version=3`, the only form in which a secret may stand in files and environments. */
import { nameFault } from './value-names.ts';

export const scheme = 'anima://';

export interface Reference {
  readonly name: string;
  /** The version asked for; the current one when absent. */
  readonly version?: number | undefined;
}

/** What is wrong with a reference. It never repeats the text: that may be a secret in the wrong place. */
export class ReferenceProblem extends Error {
  static {
    ReferenceProblem.prototype.name = 'ReferenceProblem';
  }
}

export const isReference = (text: string): boolean => text.startsWith(scheme);

/** A name that differs for each pair of name and version, to keep results by. */
export const referenceKey = ({ name, version }: Reference): string =>
  version === undefined ? name : `${name}?version=${version}`;

/** The reference that a whole text is. @throws ReferenceProblem */
export function parseReference(text: string): Reference {
  if (!isReference(text)) throw new ReferenceProblem(`it does not begin with ${scheme}`);
  const [path = '', ...queries] = text.slice(scheme.length).split('?');
  const problem = nameFault(path);
  if (problem !== undefined) throw new ReferenceProblem(problem);
  if (queries.length === 0) return { name: path };
  const [, version] = /^version=([1-9]\d{0,14})$/.exec(queries.join('?')) ?? [];
  if (version === undefined)
    throw new ReferenceProblem('after its path only ?version=N may stand, N a whole number from 1 on');
  return { name: path, version: Number(version) };
}
