/** The first program of each document runs with the keys that `npm start` prints. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';
import { sourceOfEntry } from './sdk-entries.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-first-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Programs of a sequence of steps, which guides.e2e.test.ts and memory-guide.e2e.test.ts run. */
const stepByStep = ['docs/guide-agent.md', 'docs/guide-devices.md', 'docs/guide-memory.md'];

/** The first block of a page that imports the SDK. */
function firstProgramOf(page: string): string | undefined {
  const blocks = readFileSync(join(projectFolder, page), 'utf8').matchAll(/^```(?:ts|js)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, code = '']) => code).find((code) => /from '@anima\/sdk/.test(code));
}

const pages = globSync(['*.md', 'sdk/*.md', 'docs/*.md'], { cwd: projectFolder }).sort();
const programs = pages.flatMap((page) => {
  const code = stepByStep.includes(page) ? undefined : firstProgramOf(page);
  return code === undefined ? [] : [[page, code] as const];
});

describe('the first program', () => {
  test('is found on each page that has one', () => {
    expect(programs.map(([page]) => page)).toEqual([
      ...['README.md', 'docs/devices.md', 'docs/memory.md', 'docs/sessions.md', 'sdk/README.md'],
    ]);
    for (const page of stepByStep) expect(firstProgramOf(page)).toBeDefined();
  });

  test.each(programs)('of %s runs with the keys that `npm start` prints', async (page, program) => {
    const file = join(folder, `${page.replaceAll(/\W/g, '-')}.mts`);
    writeFileSync(
      file,
      program.replaceAll(/'(@anima\/sdk[\w/]*)'/g, (_, name) => `'${sourceOfEntry(name)}'`),
    );
    const { url, agentKey, adminKey } = stack.vault;
    const env = { ...process.env, ANIMA_KEY: agentKey, ANIMA_ADMIN_KEY: adminKey, ANIMA_URL: url };
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], { cwd: folder, env });
    const [said, failed, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    expect({ failed, code }, said).toEqual({ failed: '', code: 0 });
  });
});
