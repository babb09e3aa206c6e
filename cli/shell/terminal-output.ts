/** Text for terminals. */

/** Rows in columns that are as wide as they must be, two spaces apart; the last one is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(escapeSteeringCharacters));
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

/** Labels and what belongs to them, one pair a line; pairs without a text are left out. */
export function formatFacts(pairs: readonly (readonly [string, string | undefined])[]): string {
  return formatTable(pairs.flatMap(([label, text]) => (text === undefined ? [] : [[label, text]])));
}

// Metadata and names of keys are anyone's text: what it holds must not steer the terminal that shows it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const steeringCharacters = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text with its control characters and marks of direction made visible. */
export function escapeSteeringCharacters(text: string): string {
  return text.replace(steeringCharacters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A time as people read it, in UTC: `2026-11-21 06:34:10`. */
export function formatTime(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, '');
}

/** Paths as a tree, in the order given: `├─ stripe/`. */
export function formatTree(names: readonly string[]): string {
  const root: Branch = new Map();
  for (const name of names) {
    let branch = root;
    const segments = name.split('/');
    for (const [i, segment] of segments.entries()) {
      // A value and a folder may have the same name: the folder's ends in a slash.
      const label = i < segments.length - 1 ? `${segment}/` : segment;
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
