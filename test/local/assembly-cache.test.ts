import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprint, synthesizeOnce } from '../../local/vault/assembly-cache.ts';

let project: string;
const write = (path: string, content: string) => {
  mkdirSync(join(project, path, '..'), { recursive: true });
  writeFileSync(join(project, path), content);
};
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'anima-project-'));
  for (const path of ['lib/stack.ts', 'viewer/src/page.html', 'package-lock.json', 'node_modules/.package-lock.json']) {
    write(path, 'old');
  }
});
afterEach(() => {
  delete process.env.CDK_DEFAULT_REGION;
  rmSync(project, { recursive: true, force: true });
});

describe('the fingerprint of a project', () => {
  const print = (settings = {}) => fingerprint(project, settings);

  test.each(['lib/stack.ts', 'viewer/src/page.html', 'package-lock.json', 'node_modules/.package-lock.json'])(
    'changes with %s',
    (path) => {
      const before = print();
      write(path, 'new');
      expect(print()).not.toBe(before);
    },
  );

  test('changes with a new file, a file that is gone, a setting, and the environment that an app reads', () => {
    const prints = new Set([print()]);
    write('lib/other.ts', 'old');
    prints.add(print());
    rmSync(join(project, 'lib/stack.ts'));
    prints.add(print());
    prints.add(print({ responder: 'sample' }));
    process.env.CDK_DEFAULT_REGION = 'eu-central-1';
    prints.add(print());
    expect(prints.size).toBe(5);
  });

  test('does not change with data, tests or what is installed', () => {
    const before = print();
    for (const path of [
      '.anima/vault.lock',
      '.git/index',
      'test/a.test.ts',
      'node_modules/a/index.js',
      'sdk/dist/a.js',
    ]) {
      write(path, 'new');
    }
    expect(print()).toBe(before);
  });
});

describe('an assembly', () => {
  let output: string;
  let runs: number;
  beforeEach(() => {
    output = join(project, 'assembly');
    runs = 0;
  });
  const make = async () => {
    runs++;
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, 'manifest.json'), '{}');
    writeFileSync(join(output, `asset-${runs}`), '');
  };

  test('is made once for a fingerprint, and anew for another, with nothing left of the old one', async () => {
    for (const print of ['a', 'a', 'b', 'b', 'a']) await synthesizeOnce(output, print, make);
    expect(runs).toBe(3);
    expect(readdirSync(output).sort()).toEqual(['asset-3', 'manifest.json']);
  });

  test('that is not whole is made again: its making was killed or failed, or somebody removed it', async () => {
    await synthesizeOnce(output, 'a', make);
    const broken = synthesizeOnce(output, 'b', async () => {
      await make();
      throw new Error('the app has an error');
    });
    await expect(broken).rejects.toThrow('the app has an error');
    // The output now has an incomplete assembly of `b`.
    await synthesizeOnce(output, 'a', make);
    expect(runs).toBe(3);
    rmSync(output, { recursive: true });
    await synthesizeOnce(output, 'a', make);
    expect(runs).toBe(4);
  });
});
