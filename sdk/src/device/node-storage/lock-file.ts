/**
 * The lock of a folder: one file for each process that wants it, named `lock-<pid>-<random>`. Each first makes its own
 * file and then looks for others, so of two at the same time at least one gives up. A file whose process is gone does not
 * count. The folder must be on a disk of this machine.
 */
import { toHex } from '../../../../core/encoding/bytes.ts';
import { deviceError } from '../device-errors.ts';
import { errorCode, type NodeModules, openFile, removeIfPresent } from './node-modules.ts';

const lockName = /^lock-(\d+)-([0-9a-f]+)$/;

/** Locks of this process. A file with its pid and another name is from an earlier process with the same pid. */
const ownLocks = new Set<string>();

function isAlive({ process }: NodeModules, name: string): boolean {
  const pid = Number(lockName.exec(name)?.[1]);
  if (pid === process.pid) return ownLocks.has(name);
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another account exists, too.
    return errorCode(error) === 'EPERM';
  }
}

const randomName = (pid: number): string => `lock-${pid}-${toHex(crypto.getRandomValues(new Uint8Array(8)))}`;

/** Takes the lock. @returns releases it @throws DeviceVaultError vault_in_use */
export async function takeFolderLock(node: NodeModules, folder: string): Promise<() => Promise<void>> {
  const name = randomName(node.process.pid);
  ownLocks.add(name);
  const release = async () => {
    await removeIfPresent(node, `${folder}/${name}`);
    ownLocks.delete(name);
  };
  try {
    await (await openFile(node, `${folder}/${name}`, 'wx')).close();
    for (const other of await node.files.readdir(folder)) {
      if (other === name || !lockName.test(other)) continue;
      if (isAlive(node, other)) throw deviceError('vault_in_use');
      await removeIfPresent(node, `${folder}/${other}`);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
