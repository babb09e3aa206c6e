/** The files that a model can share. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openSharedFile } from '../../cli/mcp/shared-folder.ts';
import { ToolRefusal } from '../../cli/mcp/tool-refusal.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'anima-shared-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const root = join(folder, 'root');
const settings = { root, maxBytes: 1000 };
mkdirSync(join(root, 'reports', '.git'), { recursive: true });
mkdirSync(join(folder, 'root-beside'));
writeFileSync(join(root, 'a.txt'), 'text of a');
writeFileSync(join(root, 'reports', 'b.txt'), 'text of b');
writeFileSync(join(root, '.env'), 'KEY=secret');
writeFileSync(join(root, 'reports', '.git', 'config'), 'secret');
writeFileSync(join(root, 'large.bin'), Buffer.alloc(1001));
writeFileSync(join(folder, 'outside.txt'), 'secret');
writeFileSync(join(folder, 'root-beside', 'c.txt'), 'secret');
symlinkSync(join(folder, 'outside.txt'), join(root, 'out.txt'));
symlinkSync('../root-beside', join(root, 'beside'));
symlinkSync(folder, join(root, 'up'));
symlinkSync('.env', join(root, 'visible.txt'));
symlinkSync('reports/b.txt', join(root, 'inside.txt'));
symlinkSync('nowhere', join(root, 'dangling'));
execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd: root });

/** Reads the whole file as it would be shared. */
async function read(path: string): Promise<string> {
  const file = await openSharedFile(settings, path);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of file.pieces()) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  } finally {
    await file.close();
  }
}

describe('of the shared folder', () => {
  test.each([
    ['a.txt', 'text of a'],
    ['reports/b.txt', 'text of b'],
    ['./reports/../a.txt', 'text of a'],
    [join(root, 'a.txt'), 'text of a'],
    ['inside.txt', 'text of b'],
    ['up/root/a.txt', 'text of a'],
  ])('%s is shared', async (path, text) => {
    expect(await read(path)).toBe(text);
  });

  test('everything else is refused in the same words, whether it exists or not', async () => {
    const paths = [
      '../outside.txt',
      join(folder, 'outside.txt'),
      '../root-beside/c.txt',
      'out.txt',
      'beside/c.txt',
      'up/outside.txt',
      '../missing.txt',
      'missing.txt',
      'dangling',
      '.env',
      'visible.txt',
      'reports/.git/config',
      'reports',
      '.',
      '',
      'pipe',
      'a.txt\0.png',
      'a.txt/b',
    ];
    const said = new Set<string>();
    for (const path of paths) {
      const error: unknown = await openSharedFile(settings, path).catch((thrown: unknown) => thrown);
      expect(error, path).toBeInstanceOf(ToolRefusal);
      said.add(String(error));
    }
    expect([...said]).toEqual([expect.stringContaining('No such file can be shared')]);
  });

  test('a file that is too large, or becomes so while it is read, is refused', async () => {
    await expect(openSharedFile(settings, 'large.bin')).rejects.toThrow('at most 1000');
    writeFileSync(join(root, 'grows.txt'), 'x');
    const file = await openSharedFile(settings, 'grows.txt');
    appendFileSync(join(root, 'grows.txt'), Buffer.alloc(5000));
    await expect(file.pieces().next()).rejects.toThrow('grew');
    await file.close();
  });

  test('a folder that turns into a link to elsewhere, and back, between two looks never gives what lies there', async () => {
    for (const [place, text] of [
      [root, 'text within'],
      [folder, 'secret'],
    ] as const) {
      mkdirSync(join(place, 'real'));
      writeFileSync(join(place, 'real', 'd.txt'), text);
    }
    const swap = `
      const { renameSync, symlinkSync } = require('node:fs');
      symlinkSync(${JSON.stringify(join(folder, 'real'))}, 'link');
      console.log('begun');
      for (;;) {
        renameSync('real', 'away'); renameSync('link', 'real');
        renameSync('real', 'link'); renameSync('away', 'real');
      }`;
    const swapper = spawn(process.execPath, ['-e', swap], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(swapper.stdout, 'data');
      const got = new Set<string>();
      // Repeats until both results have occurred, because the other process also needs time to run.
      for (let i = 0; i < 2_000 || (got.size < 2 && i < 30_000); i++)
        got.add(await read('real/d.txt').catch(() => 'refused'));
      expect([...got].sort()).toEqual(['refused', 'text within']);
    } finally {
      swapper.kill('SIGKILL');
      await once(swapper, 'exit');
    }
  });
});
