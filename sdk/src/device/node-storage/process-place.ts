/** Where a process runs: the machine, and on Linux also its boot and the namespace of its pids. */
import { encodeFieldBytes, toHex } from '../../../../core/encoding/bytes.ts';
import { type FileSystem, type NodeModules, randomName } from './node-modules.ts';

/** Containers have pids of their own, often with the same host name. */
async function pidNamespace(files: FileSystem): Promise<readonly (string | Uint8Array)[]> {
  try {
    return [await files.readlink('/proc/self/ns/pid'), await files.readFile('/proc/sys/kernel/random/boot_id')];
  } catch {
    // It is not known whose pids these are, so it is a place that no other process is in.
    return [randomName()];
  }
}

/** A name of 16 characters. Processes with the same one see each other's pids. */
export async function processPlace({ files, process, system }: NodeModules): Promise<string> {
  const parts = process.platform === 'linux' ? await pidNamespace(files) : [];
  const place = encodeFieldBytes('anima:place:v1', system.hostname(), ...parts);
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', place)).subarray(0, 8));
}
