/**
 * JSON and YAML files of values. Keys of nested objects are joined by slashes to paths, and a key may itself contain
 * slashes. Values are strings; numbers and booleans keep their text in the file (`1.10` is the text 1.10, `0x1F` is
 * 0x1F). null, lists, tags, anchors and duplicate paths are errors.
 */
import { type Document, isMap, isScalar, LineCounter, type Pair, parseDocument, Scalar } from 'yaml';
import { type FileEntry, FileFormatError, formatErrorAt } from './file-entry.ts';

export type TreeFormat = 'json' | 'yaml';

/** Parses the entries of a file in order. @throws FileFormatError */
export function parseJsonOrYaml(format: TreeFormat, text: string): FileEntry[] {
  if (format === 'json') checkJson(text);
  const lines = new LineCounter();
  // JSON is valid YAML (YAML 1.2.2 section 1.3), and this parser keeps lines, the text of numbers, and duplicate keys.
  const file = parseDocument(text, { version: '1.2', schema: 'core', lineCounter: lines, prettyErrors: false });
  // The parser's messages quote the text, so only its code and position are used.
  for (const { code, pos } of [...file.errors, ...file.warnings]) {
    const what = code === 'DUPLICATE_KEY' ? 'a key occurs twice' : `it is not well-formed (${code})`;
    throw formatErrorAt(lines.linePos(pos[0]).line, what);
  }
  const entries = new Map<string, FileEntry>();
  for (const entry of entriesOf(file, lines)) {
    const first = entries.get(entry.name);
    if (first !== undefined) throw formatErrorAt(entry.line, `its path is already used in line ${first.line}`);
    entries.set(entry.name, entry);
  }
  return [...entries.values()];
}

/**
 * Writes entries as one object with whole paths as keys, so that `a` and `a/b` can both be present. YAML values are
 * written as JSON strings, which are valid double-quoted YAML; block scalars do not always round-trip exactly.
 * @throws FileFormatError if a value would not read back byte for byte
 */
export function writeJsonOrYaml(format: TreeFormat, all: readonly Pick<FileEntry, 'name' | 'value'>[]): string {
  // Not built through an object, so that `__proto__` is an ordinary name and numeric names keep their order.
  const members = all.map(({ name, value }) => `${quoted(name)}: ${quoted(value)}`);
  const json = members.length === 0 ? '{}\n' : `{\n  ${members.join(',\n  ')}\n}\n`;
  const text = format === 'json' || members.length === 0 ? json : `${members.join('\n')}\n`;
  const back = new Map(parseJsonOrYaml(format, text).map(({ name, value }) => [name, value]));
  const lost = all.filter(({ name, value }) => back.get(name) !== value);
  if (lost.length > 0) {
    throw new FileFormatError(
      `${format.toUpperCase()} can’t express ${lost.map(({ name }) => name).join(', ')} exactly`,
    );
  }
  return text;
}

/**
 * A JSON string that YAML parsers of both versions accept too. YAML 1.1 takes U+0085, U+2028 and U+2029 for line ends
 * and rejects other non-printable characters, so those are escaped (YAML 1.1 section 5.1).
 */
function quoted(text: string): string {
  const unicodeEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, unicodeEscape);
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const [, line] = /\(line (\d+) column \d+\)/.exec(error instanceof Error ? error.message : '') ?? [];
    throw line === undefined
      ? new FileFormatError('it is not well-formed JSON')
      : formatErrorAt(Number(line), 'it is not well-formed JSON');
  }
}

function* entriesOf(file: Document.Parsed, lines: LineCounter): Generator<FileEntry> {
  if (file.contents === null) return;
  yield* membersOf(file.contents, [], lines);
}

function* membersOf(node: unknown, path: readonly string[], lines: LineCounter): Generator<FileEntry> {
  if (!isMap(node)) throw new FileFormatError('the file must be one object of names and values');
  for (const pair of node.items) yield* memberOf(pair, path, lines);
}

function* memberOf({ key, value }: Pair, path: readonly string[], lines: LineCounter): Generator<FileEntry> {
  const line = lineOf(key, lines) ?? lineOf(value, lines) ?? 1;
  const name = isScalar(key) && unmarked(key) ? textOf(key) : undefined;
  if (name === undefined) throw formatErrorAt(line, 'a key is not plain text');
  const inner = [...path, name];
  if (isMap(value) && unmarked(value)) {
    yield* membersOf(value, inner, lines);
    return;
  }
  const text = isScalar(value) && unmarked(value) ? textOf(value) : undefined;
  if (text === undefined) {
    throw formatErrorAt(
      line,
      'the value is not text, a number or a boolean (null, lists, tags and anchors are not supported)',
    );
  }
  yield { name: inner.join('/'), value: text, line };
}

const unmarked = (node: { tag?: string | undefined; anchor?: string | undefined }): boolean =>
  node.tag === undefined && node.anchor === undefined;

/** A scalar as text: strings unchanged, numbers and booleans as written in the file. */
function textOf({ value, source, type }: Scalar): string | undefined {
  if (typeof value === 'string') return value;
  if (type !== Scalar.PLAIN || value === null) return undefined;
  return source;
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const at = isScalar(node) || isMap(node) ? node.range?.[0] : undefined;
  return at === undefined ? undefined : lines.linePos(at).line;
}
