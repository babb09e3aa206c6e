/** docs/costs.md has the calls that are counted on the local stack. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderCosts, replaceGenerated } from '../../bench/costs/cost-table.ts';
import { countingOptions, countOperations } from '../../bench/costs/operations.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const stack = useLocalStack(countingOptions);

test('docs/costs.md has the counted calls, units and log bytes, and their prices', async () => {
  const document = readFileSync(join(projectFolder, 'docs', 'costs.md'), 'utf8');
  const generated = renderCosts(await countOperations(stack.vault));
  // If this fails, run `npm run costs`, and read the difference before you commit it.
  expect(document).toBe(replaceGenerated(document, generated));
});
