/**
 * `npm run costs`: runs each operation on the local vault, counts its AWS calls, and writes the table of docs/costs.md.
 *
 *     --print  print the table; docs/costs.md is not changed
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { renderCosts, replaceGenerated } from './cost-table.ts';
import { countLocally } from './count-locally.ts';

const { values: flags } = parseArgs({ options: { print: { type: 'boolean', default: false } } });
const file = new URL('../../docs/costs.md', import.meta.url);

const generated = renderCosts(await countLocally());
if (flags.print) console.log(generated);
else writeFileSync(file, replaceGenerated(readFileSync(file, 'utf8'), generated));
