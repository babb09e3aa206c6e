/**
 * A file that other programs can open by name, in a folder that only this user can read: in memory where the system has a
 * file system for it (Linux: /dev/shm), otherwise on disk. It is removed with everything that a program left beside it.
 */
import { mkdtemp, readdir, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Magic number of tmpfs (statfs(2)). */
const tmpfsMagic = 0x01021994;

export interface MemoryFile {
  readonly path: string;
  readonly isInMemory: boolean;
  read(): Promise<Buffer>;
  remove(): Promise<void>;
}

/** Creates the file with mode 0600. @param name its base name, without slashes */
export async function createMemoryFile(name: string, content: string): Promise<MemoryFile> {
  const isInMemory = await isMemory('/dev/shm');
  const folder = await mkdtemp(join(isInMemory ? '/dev/shm' : tmpdir(), 'anima-'));
  const path = join(folder, name);
  await writeFile(path, content, { mode: 0o600, flag: 'wx' });
  return {
    path,
    isInMemory,
    read: async () => await readFile(path),
    remove: async () => {
      // Best effort on disk: some file systems keep the old blocks.
      for (const file of await readdir(folder)) await overwrite(join(folder, file));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isMemory(folder: string): Promise<boolean> {
  try {
    return (await statfs(folder)).type === tmpfsMagic;
  } catch {
    return false;
  }
}

async function overwrite(path: string): Promise<void> {
  try {
    const { length } = await readFile(path);
    await writeFile(path, Buffer.alloc(length), { flag: 'r+' });
    await truncate(path, 0);
  } catch {
    // A folder, or a file that the editor has just removed.
  }
}
