/** Layouts for terminals: tables, facts and trees. */
import { escapeForLine, type StyledText, styled } from './terminal-text.ts';

/** Formats rows as columns of minimal width, separated by two spaces; the last column is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(escapeForLine));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return clean
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Formats a table whose first row is a head in a dim style. */
export function formatTableWithHead(rows: readonly (readonly string[])[]): (string | StyledText)[] {
  const [head = '', ...lines] = formatTable(rows).split('\n');
  return [styled('dim', head), ...lines.map((text) => `\n${text}`)];
}

/** Formats label-value pairs, one per line; pairs without a value are omitted. */
export function formatFacts(pairs: readonly (readonly [string, string | undefined])[]): string {
  return formatTable(pairs.flatMap(([label, text]) => (text === undefined ? [] : [[label, text]])));
}

/** Formats a time in UTC for people: `2026-11-21 06:34:10`. */
export function formatTime(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, '');
}

/** Formats paths as a tree, in the given order: `├─ stripe/`. */
export function formatTree(names: readonly string[]): string {
  const root: Branch = new Map();
  for (const name of names) {
    let branch = root;
    const segments = name.split('/');
    for (const [i, segment] of segments.entries()) {
      // A value and a folder may have the same name; the folder is shown with a trailing slash.
      const label = escapeForLine(i < segments.length - 1 ? `${segment}/` : segment);
      const next = branch.get(label) ?? new Map();
      branch.set(label, next);
      branch = next;
    }
  }
  return treeLines(root, '').join('\n');
}

type Branch = Map<string, Branch>;

function treeLines(branch: Branch, indent: string): string[] {
  const entries = [...branch];
  return entries.flatMap(([label, below], i) => {
    const last = i === entries.length - 1;
    const line = `${indent}${last ? '└─' : '├─'} ${label}`;
    return [line, ...treeLines(below, `${indent}${last ? '   ' : '│  '}`)];
  });
}
