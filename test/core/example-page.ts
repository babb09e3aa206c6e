/** The worked examples of a page of docs/, read from the page itself. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

interface Example {
  readonly section: number;
  readonly value: string;
}

export interface ExamplePage {
  /** The value of an example, as text or as bytes. */
  text(key: string): string;
  hex(key: string): Uint8Array<ArrayBuffer>;
  /** Examples of these sections that no test of this file has read. An example that no test reads proves nothing. */
  unread(isSection: (section: number) => boolean): string[];
}

/** @param name for example `format-devices.md` */
export function readExamplePage(name: string): ExamplePage {
  const page = readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  const sections = page.split(/^## (?=\d+\. )/m).slice(1);
  const rows = new Map(
    sections.flatMap((text) =>
      [...text.matchAll(/```example\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
        block
          .trimEnd()
          .split('\n')
          .map((line): [string, Example] => [
            line.slice(0, line.indexOf(' = ')).trim(),
            { section: Number.parseInt(text, 10), value: line.slice(line.indexOf(' = ') + 3) },
          ]),
      ),
    ),
  );
  const used = new Set<string>();
  const text = (key: string): string => {
    used.add(key);
    return rows.get(key)?.value ?? expect.fail(`no example has ${key}`);
  };
  return {
    text,
    hex: (key) => new Uint8Array(Buffer.from(text(key), 'hex')),
    unread: (isSection) =>
      [...rows].flatMap(([key, { section }]) => (isSection(section) && !used.has(key) ? [key] : [])),
  };
}
