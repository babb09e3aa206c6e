import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDataFolder } from '../../local/vault/data-folder-lock.ts';

const module = new URL('../../local/vault/data-folder-lock.ts', pathToFileURL(import.meta.filename)).href;
const holder = (folder: string) =>
  `import { lockDataFolder } from ${JSON.stringify(module)}; lockDataFolder(${JSON.stringify(folder)}); console.log(process.pid); setInterval(() => {}, 1000);`;

let folder: string;
let parent: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anima-lock-'));
});
afterEach(async () => {
  if (parent.exitCode === null && parent.signalCode === null) {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Starts a process that locks the folder, and returns its process ID. `command` is the shell command that starts it.
 */
async function hold(command: string): Promise<number> {
  parent = spawn('sh', ['-c', command, process.execPath, '--input-type=module', '-e', holder(folder)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout ?? expect.fail(), 'data');
  return Number(String(line));
}

const stateOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat[stat.lastIndexOf(')') + 2] ?? '';
};

describe('the lock of a data folder', () => {
  test('is held by a process that runs, and free once it was killed', async () => {
    const pid = await hold('exec "$0" "$@"');
    expect(() => lockDataFolder(folder)).toThrow(new RegExp(`process ${pid}\\) uses the data folder`));
    process.kill(pid, 'SIGKILL');
    await once(parent, 'exit');
    lockDataFolder(folder)();
    expect(existsSync(join(folder, 'vault.lock'))).toBe(false);
  });

  // The shell is replaced by a program that never reaps its child, like the first process of some containers.
  test.runIf(existsSync('/proc/self/stat'))('is free when its process is dead and nobody took notice', async () => {
    const pid = await hold('"$0" "$@" & exec sleep 300');
    expect(() => lockDataFolder(folder)).toThrow(/uses the data folder/);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => stateOf(pid)).toBe('Z');
    lockDataFolder(folder)();
    expect(stateOf(pid)).toBe('Z');
  });
});
