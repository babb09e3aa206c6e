import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { synthesize } from '../../local/aws/cloudformation/cdk-synth.ts';
import { createWorkspace, type Workspace } from './small-assembly.ts';

const main = fileURLToPath(new URL('../../local/main.ts', import.meta.url));
const readySchema = z.strictObject({
  url: z.url(),
  org: z.string(),
  adminKey: z.string(),
  agentKey: z.string(),
  dataDir: z.string().nullable(),
});

let space: Workspace;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  space = await createWorkspace();
});
afterAll(() => space.remove());
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

interface Run {
  readonly child: ChildProcess;
  stdout: string;
  stderr: string;
  readonly ended: Promise<number | null>;
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  const ended = once(child, 'close').then(() => child.exitCode);
  const state: Run = { child, stdout: '', stderr: '', ended };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    state.stderr += text;
  });
  return state;
}

async function ready(state: Run) {
  while (!state.stdout.includes('\n')) {
    if (state.child.exitCode !== null) throw new Error(`It ended before it was ready: ${state.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return readySchema.parse(JSON.parse(state.stdout));
}

describe('npm start', () => {
  test('killed hard and started again: everything acknowledged is there', async () => {
    const args = ['--json', '--port', '0', '--assembly', space.assembly(), '--data', join(space.folder, 'killed')];
    const first = run(...args);
    const before = await ready(first);
    const writes = Array.from({ length: 40 }, (_, i) =>
      fetch(`${before.url}/items/n${i}`, { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: `v${i}` }),
    );
    const stored = await Promise.all(writes);
    expect(stored.map(({ status }) => status)).toEqual(stored.map(() => 200));
    first.child.kill('SIGKILL');
    await first.ended;

    const second = run(...args);
    const after = await ready(second);
    expect({ ...after, url: '' }).toEqual({ ...before, url: '' });
    for (let i = 0; i < writes.length; i++) {
      expect(await (await fetch(`${after.url}/items/n${i}`)).json()).toEqual({ body: `v${i}` });
    }
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });

  test('prints with --json one line and nothing else on stdout, and ends cleanly by SIGTERM', async () => {
    const vault = run('--json', '--memory', '--port', '0', '--assembly', space.assembly());
    expect(await ready(vault)).toMatchObject({ org: 'org1', dataDir: null });
    vault.child.kill('SIGTERM');
    expect(await vault.ended).toBe(0);
    expect(vault.stdout.split('\n')).toHaveLength(2);
  });

  test.runIf(process.platform === 'linux')('runs under settings that keep its memory small', async () => {
    const vault = run('--json', '--memory', '--port', '0', '--assembly', space.assembly());
    await ready(vault);
    const [environment, command] = ['environ', 'cmdline'].map((name) =>
      readFileSync(`/proc/${vault.child.pid}/${name}`, 'utf8').split('\0'),
    );
    expect(environment).toContain('MALLOC_ARENA_MAX=2');
    expect(command).toContain('--max-semi-space-size=4');
    vault.child.kill('SIGTERM');
    expect(await vault.ended).toBe(0);
    expect(vault.stderr).not.toContain('ExperimentalWarning');
  });

  test('tells a person what to paste next, and the operator credentials only when asked', async () => {
    for (const [flags, shown] of [
      [[], false],
      [['--operator'], true],
    ] as const) {
      const vault = run('--memory', '--port', '0', '--assembly', space.assembly(), ...flags);
      while (!vault.stdout.includes('Ctrl-C')) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(vault.stdout).toMatch(/link page +http:\/\/127\.0\.0\.1:\d+\n/);
      expect(vault.stdout).toContain('export ANIMA_KEY=key_agent_SECRETMARK');
      expect(vault.stdout).toContain('export ANIMA_ADMIN_KEY=key_admin_SECRETMARK');
      expect(vault.stdout).toMatch(/export ANIMA_URL=http:\/\/127\.0\.0\.1:\d+/);
      expect(vault.stdout.includes('AWS_SECRET_ACCESS_KEY')).toBe(shown);
      vault.child.kill('SIGINT');
      expect(await vault.ended).toBe(0);
    }
  });

  test.for([
    [['--port', 'many'], /--port must be a number/],
    [['--page-port', '-1', '--memory'], /--page-port/],
    [['--object-port', '65536'], /--object-port must be a number/],
    [['--socket-port', 'x'], /--socket-port must be a number/],
    [['--colour'], /--colour.*Nothing was started/s],
    [['--assembly', '/nonexistent', '--memory', '--port', '0'], /cannot be read.*Synthesize it again/s],
  ] as const)('with %j fails with a message, not a stack', async ([args, message]) => {
    const vault = run(...args);
    expect(await vault.ended).toBe(1);
    expect(vault.stderr).toMatch(message);
    expect(vault.stderr).not.toContain('    at ');
    expect(vault.stdout).toBe('');
  });
});

describe('synthesis', () => {
  const project = (name: string, source: string) => {
    const folder = join(space.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'app.mjs'), source);
    writeFileSync(join(folder, 'cdk.json'), JSON.stringify({ app: 'node app.mjs', context: { stage: 'dev' } }));
    return folder;
  };

  test('runs the app of cdk.json by the protocol of the CDK CLI', async () => {
    const folder = project(
      'app',
      "import { mkdirSync, writeFileSync } from 'node:fs'; const { CDK_OUTDIR, CDK_CONTEXT_JSON } = process.env;" +
        "mkdirSync(CDK_OUTDIR); writeFileSync(CDK_OUTDIR + '/seen', CDK_CONTEXT_JSON + process.version);",
    );
    await synthesize(folder, join(folder, 'out'));
    expect(readFileSync(join(folder, 'out', 'seen'), 'utf8')).toBe(`{"stage":"dev"}${process.version}`);
  });

  test('that fails tells what the app said', async () => {
    const folder = project('broken', "throw new Error('the stack is crooked')");
    await expect(synthesize(folder, join(folder, 'out'))).rejects.toThrow(/exit code 1.*the stack is crooked/s);
  });
});
