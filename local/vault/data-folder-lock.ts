/** Ensures that only one vault uses a data folder. */

import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfExists } from '../aws/shared/durable-files.ts';
import { LocalError, systemErrorCode } from '../aws/shared/errors.ts';

const attempts = 3;

/**
 * Locks the folder for this process and returns a function that unlocks it. A lock of a process that no longer runs
 * (kill -9, power failure) is taken over. Throws a LocalError if a running vault holds the lock.
 *
 * If two starts take over the same stale lock, the lock of LevelDB, which the kernel maintains, rejects one of them.
 */
export function lockDataFolder(folder: string): () => void {
  const path = join(folder, 'vault.lock');
  const owner = `${process.pid} ${processStartTime(process.pid)}\n${randomUUID()}\n`;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (tryCreateLock(path, owner)) return () => releaseLock(path, owner);
    const holder = readFileIfExists(path);
    if (holder === undefined) continue;
    const [pid = '', start = ''] = holder.split('\n', 1).join('').split(' ');
    if (isRunning(Number(pid), start)) throw folderInUse(folder, pid);
    rmSync(path, { force: true });
  }
  throw folderInUse(folder, 'unknown');
}

// Linking a complete file makes the lock appear atomically, so that no other start reads an incomplete lock.
function tryCreateLock(path: string, owner: string): boolean {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, owner, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function releaseLock(path: string, owner: string): void {
  if (readFileIfExists(path) !== owner) return;
  const dropped = `${path}.${randomUUID()}`;
  renameSync(path, dropped);
  rmSync(dropped);
}

function isRunning(pid: number, start: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false;
  }
  return processStartTime(pid) === start && !isZombie(pid);
}

/** The fields of proc_pid_stat(5) from the third on. The second field, the name, can contain any characters. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Whether a process has ended but was not reaped by its parent. Some parents never do that. It holds no files. */
const isZombie = (pid: number): boolean => /^[ZX]$/.test(statOf(pid)?.[0] ?? '');

/**
 * The start time of a process (field 22), if the system provides it. In a container, each start can have the same
 * process ID, so the lock also compares the start time.
 */
const processStartTime = (pid: number): string => statOf(pid)?.[19] ?? '-';

const folderInUse = (folder: string, pid: string) =>
  new LocalError(
    `Another vault (process ${pid}) uses the data folder ${folder}. Nothing was started. ` +
      `Stop that vault, or choose another folder: npm start -- --data DIR`,
  );
