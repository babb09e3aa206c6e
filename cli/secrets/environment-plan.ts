/** Plans the environment of a command: which of its variables come from the vault. */
import { usageError } from '../shell/command-error.ts';
import type { FileEntry } from './file-entry.ts';
import { InvalidReferenceError, isReference, parseReference, type Reference } from './secret-references.ts';
import { environmentVariablesFor } from './value-names.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables with literal values, and variables with references. */
export interface EnvironmentPlan {
  readonly literal: ReadonlyMap<string, string>;
  readonly references: ReadonlyMap<string, Reference>;
}

/** Sources of variables. Later sources win: the environment, the folder, then the files in order. */
export interface EnvironmentSources {
  readonly environment: Environment;
  /** Names of values below `folder`; each becomes a variable. */
  readonly names: readonly string[];
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly entries: readonly FileEntry[] }[];
}

/**
 * Separates references from other variables: a variable is a reference if its whole value begins with `anima://`.
 * @throws CommandError usage for an invalid reference, or if two names would become one variable
 */
export function planEnvironment({ environment, names, folder, files }: EnvironmentSources): EnvironmentPlan {
  const literal = new Map<string, string>();
  const references = new Map<string, Reference>();
  const put = (variable: string, value: string, where: string) => {
    literal.delete(variable);
    references.delete(variable);
    if (isReference(value)) references.set(variable, parseVariableReference(variable, value, where));
    else literal.set(variable, value);
  };
  for (const [variable, value] of Object.entries(environment)) {
    if (value !== undefined) put(variable, value, 'in the environment');
  }
  for (const [variable, name] of environmentVariablesFor(names, folder)) {
    literal.delete(variable);
    references.set(variable, { name });
  }
  for (const { path, entries } of files) {
    for (const { name, value, line } of entries) put(name, value, `in line ${line} of ${path}`);
  }
  return { literal, references };
}

function parseVariableReference(variable: string, value: string, where: string): Reference {
  try {
    return parseReference(value);
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw usageError(`The reference of ${variable} ${where} is invalid: ${error.message}. The command was not started`);
  }
}
