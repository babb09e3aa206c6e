/**
 * JSON and YAML files of values. Keys are paths: those of nested objects are joined by slashes, and a key may hold slashes itself. Values are strings;
 * numbers and booleans are taken as they are written (`1.10` is the text 1.10, `0x1F` is 0x1F). null, lists, tags, anchors, and a path
 * that stands twice are errors.
 */
import { type Document, isMap, isScalar, LineCounter, type Pair, parseDocument, Scalar } from 'yaml';
import { type FileEntry, FileFormatError, formatErrorAt } from './file-entry.ts';

export type TreeFormat = 'json' | 'yaml';

/** The entries of a file in their order. @throws FormatProblem */
export function parseJsonOrYaml(format: TreeFormat, text: string): FileEntry[] {
  if (format === 'json') checkJson(text);
  const lines = new LineCounter();
  // JSON is YAML too (YAML 1.2.2 section 1.3); this reader keeps lines, the text of numbers, and keys that stand twice.
  const file = parseDocument(text, { version: '1.2', schema: 'core', lineCounter: lines, prettyErrors: false });
  // Messages of the parser quote the text: only its code and place are taken.
  for (const { code, pos } of [...file.errors, ...file.warnings]) {
    const what = code === 'DUPLICATE_KEY' ? 'a key stands twice' : `it is not well-formed (${code})`;
    throw formatErrorAt(lines.linePos(pos[0]).line, what);
  }
  const entries = new Map<string, FileEntry>();
  for (const entry of entriesOf(file, lines)) {
    const first = entries.get(entry.name);
    if (first !== undefined) throw formatErrorAt(entry.line, `its path stands in line ${first.line} already`);
    entries.set(entry.name, entry);
  }
  return [...entries.values()];
}

/**
 * Entries as a file of one object with whole paths as its keys, so that `a` and `a/b` may both stand there. Values of YAML are written as JSON strings,
 * which are YAML's double-quoted ones: block scalars have cases that do not come back exactly.
 * @throws FormatProblem should one not read back byte for byte
 */
export function writeJsonOrYaml(format: TreeFormat, entries: Iterable<Pick<FileEntry, 'name' | 'value'>>): string {
  const all = [...entries];
  // Not through an object: `__proto__` is a name like any other, and names of digits keep their place.
  const members = all.map(({ name, value }) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
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
  if (!isMap(node)) throw new FileFormatError('the whole of it must be one object of names and values');
  for (const pair of node.items) yield* memberOf(pair, path, lines);
}

function* memberOf({ key, value }: Pair, path: readonly string[], lines: LineCounter): Generator<FileEntry> {
  const line = lineOf(key, lines) ?? lineOf(value, lines) ?? 1;
  const name = isScalar(key) && unmarked(key) ? textOf(key) : undefined;
  if (name === undefined) throw formatErrorAt(line, 'a key is no plain text');
  const inner = [...path, name];
  if (isMap(value) && unmarked(value)) {
    yield* membersOf(value, inner, lines);
    return;
  }
  const text = isScalar(value) && unmarked(value) ? textOf(value) : undefined;
  if (text === undefined) {
    throw formatErrorAt(line, 'the value is no text, number or boolean (null, lists, tags and anchors are not taken)');
  }
  yield { name: inner.join('/'), value: text, line };
}

const unmarked = (node: { tag?: string | undefined; anchor?: string | undefined }): boolean =>
  node.tag === undefined && node.anchor === undefined;

/** A scalar as text: strings as they are, numbers and booleans by their letters in the file. */
function textOf({ value, source, type }: Scalar): string | undefined {
  if (typeof value === 'string') return value;
  if (type !== Scalar.PLAIN || value === null) return undefined;
  return source;
}

function lineOf(node: unknown, lines: LineCounter): number | undefined {
  const at = isScalar(node) || isMap(node) ? node.range?.[0] : undefined;
  return at === undefined ? undefined : lines.linePos(at).line;
}
