/** Counts the operations on a local vault that is started for it. */
import { startLocalVault } from '../../local/vault/local-vault.ts';
import { type CountedOperation, countingOptions, countOperations } from './operations.ts';

export async function countLocally(): Promise<CountedOperation[]> {
  const vault = await startLocalVault(countingOptions);
  try {
    return await countOperations(vault);
  } finally {
    await vault.close();
  }
}
