/**
 * `npm run costs`: runs each operation on the local vault, counts its AWS calls, and writes the table of docs/costs.md.
 *
 *     --print  print the table; docs/costs.md is not changed
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startLocalVault } from '../../local/vault/local-vault.ts';
import { renderCosts, replaceGenerated } from './cost-table.ts';
import { countingOptions, countOperations } from './operations.ts';

const { values: flags } = parseArgs({ options: { print: { type: 'boolean', default: false } } });
const file = new URL('../../docs/costs.md', import.meta.url);

const vault = await startLocalVault(countingOptions);
try {
  const generated = renderCosts(await countOperations(vault));
  if (flags.print) console.log(generated);
  else writeFileSync(file, replaceGenerated(readFileSync(file, 'utf8'), generated));
} finally {
  await vault.close();
}
