/**
 * A session in a terminal by a new user: the commands and outputs of walkthrough.txt, with the command installed from
 * its tarball.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Terminal } from './installed-packages.ts';

interface Step {
  readonly command: string;
  readonly output: string;
}

/**
 * Lines that begin with `$ ` are commands. The lines after a command are its output, up to the next command or to an
 * empty line before a remark (`# `).
 */
function stepsOf(transcript: string): Step[] {
  const steps: Step[] = [];
  for (const line of transcript.split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('# ')) continue;
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: '' });
    else if (last !== undefined) steps[steps.length - 1] = { ...last, output: `${last.output}${line}\n` };
  }
  return steps.map(({ command, output }) => ({ command, output: output.trim() }));
}

const placeholders: Readonly<Record<string, string>> = {
  url: String.raw`http://127\.0\.0\.1:\d+`,
  org: '[0-9a-z]{16}',
  key: '[0-9a-z]{16}',
  blob: '[0-9a-z]{26}',
  link: String.raw`http://127\.0\.0\.1:\d+/b/[0-9a-z]{58}#[\w-]{43}`,
  time: String.raw`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?`,
  home: String.raw`/\S*`,
  duration: String.raw`\d+ s`,
  '…': String.raw`[\s\S]*?`,
};

/** A pattern that matches a text literally. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A numbered placeholder such as `<org1>` stands for the same text everywhere. */
function patternOf(expected: string, known: Map<string, string>): RegExp {
  const seen = new Set<string>();
  const pattern = expected.split(/(<[a-z]+\d?>|…)/).map((part) => {
    const name = part === '…' ? part : /^<([a-z]+\d?)>$/.exec(part)?.[1];
    const form = name === undefined ? undefined : placeholders[name.replace(/\d$/, '')];
    if (name === undefined || form === undefined) return literally(part);
    if (!/\d$/.test(name)) return form;
    const value = known.get(name);
    if (value !== undefined) return literally(value);
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>${form})`;
  });
  return new RegExp(`^${pattern.join('')}$`);
}

const terminal = new Terminal();
beforeAll(async () => await terminal.installCli());
afterAll(async () => await terminal.end());

test('walkthrough.txt is what a new user sees, from the first start to a verified receipt', async () => {
  const known = new Map<string, string>();
  const steps = stepsOf(readFileSync(new URL('walkthrough.txt', import.meta.url), 'utf8'));
  expect(steps.length).toBeGreaterThan(20);
  for (const { command: written, output } of steps) {
    const command = written.replace(/<([a-z]+\d)>/g, (whole, name: string) => known.get(name) ?? whole);
    const printed = command.startsWith('anima dev')
      ? (await terminal.startVault(command.replace(/ &$/, ''))).output
      : (await terminal.run(command)).output;
    const pattern = patternOf(output, known);
    // This comparison produces a readable diff.
    if (!pattern.test(printed.trim())) expect(`$ ${command}\n${printed.trim()}`).toBe(`$ ${command}\n${output}`);
    for (const [name, text] of Object.entries(pattern.exec(printed.trim())?.groups ?? {})) known.set(name, text);
  }
  expect(known.get('link1')).toContain(known.get('blob1'));
});
