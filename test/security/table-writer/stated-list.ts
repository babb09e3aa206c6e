/** The list in docs/threat-model.md that the attack on the tables must confirm exactly. */
import { readFileSync } from 'node:fs';

const marker = '<!-- list: test/security/table-writer.e2e.test.ts -->';

/** The entries of the list after the marker: bullets, which may have several lines. */
export function statedList(): string[] {
  const page = readFileSync(new URL('../../../docs/threat-model.md', import.meta.url), 'utf8');
  const [, after] = page.split(marker);
  if (after === undefined) throw new Error(`docs/threat-model.md has no marker ${marker}`);
  const [list = ''] = after.trimStart().split('\n\n');
  return list
    .split(/^- /m)
    .map((entry) => entry.replace(/\s+/g, ' ').trim())
    .filter((entry) => entry !== '');
}
