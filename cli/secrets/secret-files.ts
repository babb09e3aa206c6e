/** Files with values or references: reading, formats, and output destinations. */
import { extname } from 'node:path';
import { usageError } from '../shell/command-error.ts';
import { appendPrivateFile, readInput, writePrivateFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { writeDockerFile } from './docker-format.ts';
import { type EnvFileDialect, envFileDialects } from './dotenv-dialects.ts';
import { parseEnvFile } from './dotenv-format.ts';
import { writeEnvFile } from './dotenv-writer.ts';
import { type FileEntry, FileFormatError } from './file-entry.ts';
import { writeGithubEnvFile } from './github-env-format.ts';
import { parseJsonOrYaml, type TreeFormat, writeJsonOrYaml } from './json-yaml-format.ts';
import { writeShellFile } from './shell-format.ts';

export const inputFormats = ['dotenv', 'json', 'yaml'] as const;
export const outputFormats = ['dotenv', 'shell', 'docker', 'github-env', 'json', 'yaml'] as const;
export { type EnvFileDialect, envFileDialects };

export type InputFormat = (typeof inputFormats)[number];
export type OutputFormat = (typeof outputFormats)[number];

const formatByExtension: Readonly<Record<string, OutputFormat>> = {
  '.env': 'dotenv',
  '.sh': 'shell',
  '.json': 'json',
  '.yaml': 'yaml',
  '.yml': 'yaml',
};

/**
 * Determines the format from the option, otherwise from the file name (`.env`, `.env.local`, `x.env`, `x.sh`,
 * `x.json`, `x.yaml`, `x.yml`); undefined if neither tells one of the formats.
 * @throws CommandError usage
 */
export function resolveFormat<Format extends OutputFormat>(
  formats: readonly Format[],
  option: string | undefined,
  file: string | undefined,
): Format | undefined {
  if (option !== undefined) {
    const format = formats.find((one) => one === option);
    if (format === undefined) throw usageError(`--format must be one of ${formats.join(', ')}. Nothing was done`);
    return format;
  }
  const base = file?.replace(/^.*[\\/]/, '') ?? '';
  const byName = /^\.env(?:\.|$)/.test(base) ? 'dotenv' : formatByExtension[extname(base).toLowerCase()];
  return formats.find((one) => one === byName);
}

/** Reads a file, or standard input for `-`, without a byte-order mark. @throws CommandError if it is not UTF-8 */
export async function readText(path: string, stdin: NodeJS.ReadStream): Promise<string> {
  return (await readEnvText(path, stdin)).replace(/^\ufeff/, '');
}

/** Reads a file with its byte-order mark, about which readers of `.env` files disagree. */
export async function readEnvText(path: string, stdin: NodeJS.ReadStream): Promise<string> {
  const bytes = await readInput(path, stdin);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw usageError(`${displayNameOf(path)} is not UTF-8 text. Nothing was done`);
  }
}

/** Parses the option `--dialect`. @throws CommandError usage */
export function parseDialect(option: string | undefined, undone: string): EnvFileDialect | undefined {
  const dialect = envFileDialects.find((one) => one === option);
  if (option !== undefined && dialect === undefined)
    throw usageError(`--dialect must be one of ${envFileDialects.join(', ')}. ${undone}`);
  return dialect;
}

/**
 * Parses the entries of a `.env` file, by default only if common readers agree about each line.
 * @throws CommandError usage, with the line
 */
export function parseEnvText(
  text: string,
  path: string,
  dialect: EnvFileDialect | undefined,
  undone: string,
): FileEntry[] {
  try {
    return parseEnvFile(text, dialect ?? 'common');
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    throw usageError(
      `${displayNameOf(path)}, ${error.message}. ${undone}`,
      isReadAs('dotenv', text)
        ? 'Put the value in single quotes, which all readers take literally, or read the file as the package dotenv does: --dialect dotenv.'
        : undefined,
    );
  }
}

function isReadAs(dialect: EnvFileDialect, text: string): boolean {
  try {
    parseEnvFile(text, dialect);
    return true;
  } catch {
    return false;
  }
}

/** Parses the entries of a JSON or YAML file. @throws CommandError usage, with the line */
export function parseEntries(format: TreeFormat, text: string, path: string): FileEntry[] {
  try {
    return parseJsonOrYaml(format, text);
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    throw usageError(`${displayNameOf(path)}, ${error.message}. Nothing was done`);
  }
}

type Writer = (entries: readonly Pick<FileEntry, 'name' | 'value'>[]) => string;

const writers: Readonly<Record<OutputFormat, Writer>> = {
  dotenv: writeEnvFile,
  shell: writeShellFile,
  docker: writeDockerFile,
  'github-env': writeGithubEnvFile,
  json: (entries) => writeJsonOrYaml('json', entries),
  yaml: (entries) => writeJsonOrYaml('yaml', entries),
};

/** Formats entries as text. @throws CommandError usage for values that the format cannot express exactly */
export function formatEntries(format: OutputFormat, entries: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  try {
    return writers[format](entries);
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    throw usageError(
      `${error.message}. Nothing was written`,
      format === 'dotenv' || format === 'docker'
        ? 'Use --format shell for a POSIX shell, or --format json, which can express every value.'
        : 'JSON can express every value: --format json.',
    );
  }
}

export const displayNameOf = (path: string): string => (path === '-' ? 'Standard input' : path);

/** Destination of text with values. */
export interface OutputOptions {
  /** A file, or `-` for standard output. Undefined means standard output, but only if it is not a terminal. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  /** Adds to the end of the file, which keeps its mode. */
  readonly append?: boolean | undefined;
}

/** @throws CommandError usage if values would be shown on a terminal although the user did not request it */
export function checkOutput(shell: Shell, { output }: OutputOptions): void {
  if (output !== undefined || !shell.isTerminal) return;
  throw usageError(
    'The output is a terminal and would show values; nothing was read',
    'Write a file with -o FILE, use a pipe, or show them with -o -.',
  );
}

/** Writes text with values to a file of mode 0600, or to standard output. Only a terminal gets it escaped. */
export async function writeOutput(shell: Shell, text: string, { output, force, append }: OutputOptions): Promise<void> {
  if (output === undefined || output === '-') shell.printContent(text);
  else if (append === true) await appendPrivateFile(output, text);
  else await writePrivateFile(output, text, { replace: force === true });
}
