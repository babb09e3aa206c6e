/** Reads the sources of a command's environment, and resolves their references. */

import { fillTemplate, type Template } from '../../egress/references/reference-templates.ts';
import { type Reference, referenceKey } from '../../egress/references/secret-references.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { type EnvironmentPlan, type NamedFolder, planEnvironment } from './environment-plan.ts';
import type { FileEntry } from './file-entry.ts';
import type { EnvFileDialect } from './secret-files.ts';
import { parseEnvText, readEnvText } from './secret-files.ts';
import { SecretReader } from './secret-reader.ts';
import { unresolvedReferencesError } from './unresolved-references.ts';

/** The options of `anima run` that decide the environment. */
export interface EnvironmentOptions {
  readonly dotenv?: readonly string[];
  readonly dialect?: EnvFileDialect | undefined;
  /** Normalized folders. */
  readonly folders: readonly string[];
  readonly allowVariable?: readonly string[];
  readonly override?: boolean;
  readonly passKey?: boolean;
  readonly allowEmpty?: boolean;
  readonly cacheMaxAge?: string;
}

export interface ResolvedEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** The values of the vault in them, each with a variable that contains it. */
  readonly secrets: readonly { readonly variable: string; readonly value: string }[];
  readonly kept: readonly string[];
}

interface EnvFile {
  readonly path: string;
  readonly entries: readonly FileEntry[];
}

/** Resolves the environment, once or repeatedly. Files are read once, because a pipe can be read only once. */
export class EnvironmentResolver {
  readonly #shell: Shell;
  readonly #options: EnvironmentOptions;
  readonly #files: readonly EnvFile[];
  #reader: SecretReader | undefined;

  private constructor(shell: Shell, options: EnvironmentOptions, files: readonly EnvFile[]) {
    this.#shell = shell;
    this.#options = options;
    this.#files = files;
  }

  static async open(shell: Shell, options: EnvironmentOptions): Promise<EnvironmentResolver> {
    const files = await Promise.all(
      (options.dotenv ?? []).map(async (path) => {
        const text = await readEnvText(path, shell.stdin);
        return { path, entries: parseEnvText(text, path, options.dialect, 'The command was not started') };
      }),
    );
    const empty = files.find(({ entries }) => entries.length === 0);
    if (empty !== undefined) refuseEmpty(`${empty.path} sets no variable`, options);
    return new EnvironmentResolver(shell, options, files);
  }

  /** @throws CommandError if a reference has no value, or a folder has none */
  async resolve(): Promise<ResolvedEnvironment> {
    const folders = await this.#listFolders();
    const { allowVariable, override, passKey } = this.#options;
    const plan = planEnvironment(
      { environment: this.#shell.env, folders, files: this.#files },
      {
        allowedVariables: new Set(allowVariable),
        override: override === true,
        passKey: passKey === true,
        ignoreCase: process.platform === 'win32',
      },
    );
    const { kept, literal } = plan;
    // If nothing needs to be resolved, no key is required, so a pipeline can be tested without one.
    if (plan.templates.size === 0) return { variables: Object.fromEntries(literal), secrets: [], kept };
    const { texts, secrets } = await this.#fill(plan);
    return { variables: Object.fromEntries([...literal, ...texts]), secrets, kept };
  }

  /** The names below each folder. Later folders win over earlier ones. */
  async #listFolders(): Promise<NamedFolder[]> {
    const found: NamedFolder[] = [];
    for (const folder of this.#options.folders) {
      const names = await (await this.#openReader()).listNames(folder);
      if (names.length === 0) refuseEmpty(`There are no values below ${folder || 'the root'}`, this.#options);
      found.push({ folder, names });
    }
    return found;
  }

  async #fill({
    templates,
  }: EnvironmentPlan): Promise<Pick<ResolvedEnvironment, 'secrets'> & { texts: Map<string, string> }> {
    const reader = await this.#openReader();
    const outcomes = await reader.readMany([...templates.values()].flatMap(({ places }) => places.map(toReference)));
    const uses = [...templates].flatMap(([variable, { places }]) =>
      places.map(({ reference }) => {
        const outcome = outcomes.get(referenceKey(reference));
        if (outcome === undefined) throw new Error('a reference without an outcome');
        return { variable, reference, outcome };
      }),
    );
    const failed = uses.flatMap(({ variable, outcome }) => (outcome.ok ? [] : [[variable, outcome] as const]));
    if (failed.length > 0) throw unresolvedReferencesError(failed, 'The command was not started');
    const secrets = uses.flatMap(({ variable, outcome }) =>
      outcome.ok ? [{ variable, value: outcome.value.value }] : [],
    );
    refuseZeroBytes(secrets);
    const lookUp = (reference: Reference): string => {
      const outcome = outcomes.get(referenceKey(reference));
      return outcome?.ok === true ? outcome.value.value : '';
    };
    const fill = ({ text, places }: Template): string => fillTemplate(text, places, lookUp);
    return { secrets, texts: new Map([...templates].map(([variable, template]) => [variable, fill(template)])) };
  }

  async #openReader(): Promise<SecretReader> {
    this.#reader ??= await SecretReader.open(this.#shell, this.#options.cacheMaxAge);
    return this.#reader;
  }
}

const toReference = ({ reference }: Template['places'][number]): Reference => reference;

/** A source without variables is most often a mistyped name, and the command would run without its secrets. */
function refuseEmpty(what: string, { allowEmpty }: EnvironmentOptions): void {
  if (allowEmpty === true) return;
  throw new CommandError(`${what}. The command was not started`, {
    exit: exitCodes.notFound,
    next: 'Check the name with `anima list`. If that is intended, add --allow-empty.',
  });
}

function refuseZeroBytes(secrets: ResolvedEnvironment['secrets']): void {
  const odd = secrets.filter(({ value }) => value.includes('\0')).map(({ variable }) => variable);
  if (odd.length === 0) return;
  throw usageError(
    `An environment variable can’t contain zero bytes, as in ${odd.join(', ')}. The command was not started`,
  );
}
