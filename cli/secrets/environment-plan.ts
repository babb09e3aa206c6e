/** Plans the environment of a command: which of its variables come from the vault. */

import { parseComposedText, type Template } from '../../egress/references/reference-templates.ts';
import { InvalidReferenceError, parseReference, referenceScheme } from '../../egress/references/secret-references.ts';
import { usageError } from '../shell/command-error.ts';
import type { FileEntry } from './file-entry.ts';
import { checkRestrictedVariables, isVaultCredential, type VariableOrigin } from './restricted-variables.ts';
import { environmentVariablesFor } from './value-names.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables with literal values, and variables with references. */
export interface EnvironmentPlan {
  readonly literal: ReadonlyMap<string, string>;
  /** Whole references, and texts with references in braces. */
  readonly templates: ReadonlyMap<string, Template>;
  /** Variables that a folder or file would have set, but that the environment already has. */
  readonly kept: readonly string[];
}

/** A folder, and the names of the values below it; each becomes a variable. */
export interface NamedFolder {
  readonly folder: string;
  readonly names: readonly string[];
}

/** Sources of variables. Later folders and files win over earlier ones, and files over folders. */
export interface EnvironmentSources {
  readonly environment: Environment;
  readonly folders: readonly NamedFolder[];
  readonly files: readonly { readonly path: string; readonly entries: readonly FileEntry[] }[];
}

/** What the command line permits. */
export interface EnvironmentPermissions {
  /** Restricted variables that a folder or file may set. */
  readonly allowedVariables: ReadonlySet<string>;
  /** Whether a folder or file may replace variables of the environment. */
  readonly override: boolean;
  /** Whether the command gets the credentials of the vault that the environment has. */
  readonly passKey: boolean;
  /** Whether the case of variable names is ignored, as on Windows. */
  readonly ignoreCase: boolean;
}

interface Setting extends VariableOrigin {
  readonly content: string | Template;
}

/**
 * Separates references from other variables: a variable refers to values if it is one reference, or contains
 * references in braces. What the environment has is the operator's own choice; what a folder or a file adds is somebody else's, so it is
 * restricted.
 * @throws CommandError usage for an invalid reference, if two names would become one variable, or for a restricted
 * variable that is not allowed
 */
export function planEnvironment(
  { environment, folders, files }: EnvironmentSources,
  { allowedVariables, override, passKey, ignoreCase }: EnvironmentPermissions,
): EnvironmentPlan {
  const keyOf = (variable: string): string => (ignoreCase ? variable.toUpperCase() : variable);
  const own = settingsOf(environment).filter(({ variable }) => passKey || !isVaultCredential(variable));
  const added = [...folders.flatMap(folderSettings), ...files.flatMap(fileSettings)];
  checkRestrictedVariables(added, allowedVariables, 'The command was not started');
  const plan = new Map(own.map((setting) => [keyOf(setting.variable), setting]));
  const present = new Set(plan.keys());
  const kept = new Set<string>();
  for (const setting of added) {
    if (present.has(keyOf(setting.variable)) && !override) kept.add(setting.variable);
    else plan.set(keyOf(setting.variable), setting);
  }
  const literal = new Map<string, string>();
  const templates = new Map<string, Template>();
  for (const { variable, content } of plan.values()) {
    if (typeof content === 'string') literal.set(variable, content);
    else templates.set(variable, content);
  }
  return { literal, templates, kept: [...kept] };
}

function settingsOf(environment: Environment): Setting[] {
  return Object.entries(environment).flatMap(([variable, value]) =>
    value === undefined ? [] : [settingOf(variable, value, 'the environment')],
  );
}

function folderSettings({ names, folder }: NamedFolder): Setting[] {
  return [...environmentVariablesFor(names, folder)].map(([variable, name]) => ({
    variable,
    origin: `the value ${name}`,
    content: templateOf(name),
  }));
}

function templateOf(name: string): Template {
  const text = referenceScheme + name;
  return { text, places: [{ start: 0, end: text.length, reference: parseReference(text) }] };
}

function fileSettings({ path, entries }: EnvironmentSources['files'][number]): Setting[] {
  return entries.map(({ name, value, line }) => settingOf(name, value, `line ${line} of ${path}`));
}

function settingOf(variable: string, value: string, origin: string): Setting {
  try {
    return { variable, origin, content: parseComposedText(value) ?? value };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw usageError(
      `The reference of ${variable} in ${origin} is invalid: ${error.message}. The command was not started`,
    );
  }
}
