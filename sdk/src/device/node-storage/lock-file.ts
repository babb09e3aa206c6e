/**
 * The lock of a folder: one file for each process that wants it, named `lock-<place>-<pid>-<random>`. Each first makes its
 * own file and then looks for others, so of two at the same time at least one gives up.
 *
 * A pid says something only where the process runs: each container can have a pid 1, and after a restart another process can
 * have the pid. So the holder renews its file, and a file counts until it was not renewed for a minute, or, at the same place,
 * until there is no process with its pid. A process that was stopped for longer loses its lock and does not know: the log file
 * finds that when it writes.
 */
import { deviceError } from '../device-errors.ts';
import {
  errorCode,
  type NodeModules,
  openFile,
  orAbsent,
  randomName,
  removeIfPresent,
  writeAll,
} from './node-modules.ts';
import { processPlace } from './process-place.ts';

const lockName = /^lock-([0-9a-f]{16})-(\d+)-[0-9a-f]+$/;
const renewMs = 10_000;
const staleMs = 60_000;

/** Locks of this object of the module. A worker thread with the same pid has others. */
const ownLocks = new Set<string>();

function isRunning({ process }: NodeModules, pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another account exists, too.
    return errorCode(error) === 'EPERM';
  }
}

/** Writes, because then the disk sets the time: a shared disk has one clock, and the machines have others. */
async function renew(node: NodeModules, path: string, flags: 'wx' | 'r+'): Promise<void> {
  const file = await openFile(node, path, flags);
  try {
    await writeAll(file, new Uint8Array(1), 0);
  } finally {
    await file.close();
  }
}

/** When a file was written. It is opened, because network file systems then ask the server. */
async function writtenAt(node: NodeModules, path: string): Promise<number | undefined> {
  const file = await orAbsent(openFile(node, path, 'r'));
  if (file === undefined) return undefined;
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
  }
}

/** @returns ends the renewal */
function renewAgainAndAgain(node: NodeModules, path: string): () => void {
  // A file that is gone was taken for that of a process that has ended. It is not made again.
  const timer = setInterval(() => void renew(node, path, 'r+').catch(() => undefined), renewMs);
  // A lock does not keep the process running.
  Object(timer).unref?.();
  return () => clearInterval(timer);
}

const detail =
  'it runs in another container, on another machine or in another thread; if it has ended, its lock ends by itself within a minute';

/** Refuses, or deletes the file of a process that has ended. */
async function judge(node: NodeModules, folder: string, own: string, other: string): Promise<void> {
  const [, place, pid] = lockName.exec(other) ?? [];
  if (other === own || place === undefined) return;
  if (ownLocks.has(other)) throw deviceError('vault_in_use');
  // Of another place, or with the own pid: of another thread or an earlier process.
  const isUnknown = !own.startsWith(`lock-${place}-`) || Number(pid) === node.process.pid;
  if (isUnknown || isRunning(node, Number(pid))) {
    const [now, renewed] = [await writtenAt(node, `${folder}/${own}`), await writtenAt(node, `${folder}/${other}`)];
    // Without the own file, somebody else judges at this moment. A time ahead of the disk is that of a clock that was wrong.
    if (renewed !== undefined && (now === undefined || Math.abs(now - renewed) < staleMs))
      throw deviceError('vault_in_use', isUnknown ? { detail } : {});
  }
  await removeIfPresent(node, `${folder}/${other}`);
}

/** Takes the lock. @returns releases it @throws DeviceVaultError vault_in_use */
export async function takeFolderLock(node: NodeModules, folder: string): Promise<() => Promise<void>> {
  const name = `lock-${await processPlace(node)}-${node.process.pid}-${randomName()}`;
  const path = `${folder}/${name}`;
  ownLocks.add(name);
  let endRenewal = () => {};
  const release = async () => {
    endRenewal();
    await removeIfPresent(node, path);
    ownLocks.delete(name);
  };
  try {
    await renew(node, path, 'wx');
    for (const other of await node.files.readdir(folder)) await judge(node, folder, name, other);
    endRenewal = renewAgainAndAgain(node, path);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
