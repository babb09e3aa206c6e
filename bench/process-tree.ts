/** Measures the resources of a process and its descendants with `ps`. */
import { spawnSync } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** Resident memory in KiB. */
  readonly kib: number;
}

function processes(): ProcessRow[] {
  const { stdout, error } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`Resident memory cannot be measured on this system: ${error.message}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0, kib = 0]) => ({ pid, parent, kib }));
}

/** Resident memory of a process and its descendants, in MB. */
export function residentMb(root: number): number {
  const rows = processes();
  const family = new Set([root]);
  // A child may be listed before its parent, so the search repeats until it finds no more descendants.
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const { pid, parent } of rows) if (family.has(parent)) family.add(pid);
  }
  const kib = rows.filter(({ pid }) => family.has(pid)).reduce((sum, row) => sum + row.kib, 0);
  return (kib * 1024) / 1e6;
}

/** The size of all files in a folder, in MB. Files that are deleted during the measurement are ignored. */
export function folderMb(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (stat?.isFile() === true) bytes += stat.size;
  }
  return bytes / 1e6;
}
