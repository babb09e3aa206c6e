/** docs/guide-memory.md: each program runs with the keys that `npm start` prints. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';
import { sourceOfEntry } from './sdk-entries.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-memory-guide-'));
symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Mastra is not a dependency of the project. */
const mastraHooks = join(projectFolder, 'test/memory/mastra/resolve-mastra.ts');

const page = readFileSync(join(projectFolder, 'docs/guide-memory.md'), 'utf8');
const programs = page
  .split(/^## /m)
  .flatMap((section) =>
    [...section.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
      ([, code = '']) => [section.slice(0, section.indexOf('\n')), code] as const,
    ),
  );

/** The output that a reader must see, by section. */
const promised: Readonly<Record<string, string>> = {
  LangGraph: "[ 'Ada likes tea', 'Ada is allergic to nuts' ]\n1 Ada likes tea\n2 Ada is allergic to nuts\n",
  'AI SDK': "[ { role: 'user', content: [ [Object] ] } ]\n",
  Mastra: "1 [ { type: 'text', text: 'Tea?' } ]\n# Ada\n- likes tea\n",
};

describe('docs/guide-memory.md', () => {
  test('has a program in each section', () => {
    expect(programs.map(([section]) => section)).toEqual(Object.keys(promised));
  });

  test.each(programs)('the program of %s prints what it promises', async (section, program) => {
    const file = join(folder, `${section.replaceAll(/\W/g, '-')}.mts`);
    writeFileSync(
      file,
      program.replaceAll(/'(@anima\/sdk[\w/-]*)'/g, (_, name) => `'${sourceOfEntry(name)}'`),
    );
    const { url, agentKey, adminKey } = stack.vault;
    const env = { ...process.env, ANIMA_KEY: agentKey, ANIMA_ADMIN_KEY: adminKey, ANIMA_URL: url };
    const options = ['--disable-warning=ExperimentalWarning', '--import', mastraHooks];
    const child = spawn(process.execPath, [...options, file], { cwd: folder, env });
    const [said, failed, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect({ said, failed, code }).toEqual({ said: promised[section], failed: '', code: 0 });
  });
});
