/**
 * `npm run bench:devices`: the figures of device vaults and of the directory. Each has a goal in milliseconds; the exit code is 1 if one is
 * missed and `--check` is given.
 *
 *     --json   print one line of JSON instead of the table
 *     --check  exit with code 1 if a goal is missed
 *     --records N  number of records of the first sync (default 10000)
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startVault } from '../local-vault.ts';
import { measureBrowserVerification } from './browser-verification.ts';
import { measureBoxes, measureVerification, signedLog } from './chain-figures.ts';
import { measureDirectoryStart } from './directory-figures.ts';
import type { Figure } from './figure.ts';
import { measurePruning } from './pruning-figures.ts';
import { measureSync } from './sync-figures.ts';

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    records: { type: 'string', default: '10000' },
  },
});
const records = Number(flags.records);
if (!Number.isInteger(records) || records < 100) throw new TypeError('--records must be a whole number from 100 on.');

async function all(): Promise<Figure[]> {
  const log = await signedLog(1_000);
  const figures = [...(await measureBoxes()), await measureVerification(log)];
  figures.push(...(await measureBrowserVerification(log)));
  figures.push(await measureDirectoryStart(10_000));
  const dataDir = mkdtempSync(join(tmpdir(), 'anima-bench-devices-'));
  const vault = await startVault(dataDir);
  try {
    figures.push(...(await measureSync(vault, records)));
    figures.push(...(await measurePruning(vault, records)));
  } finally {
    await vault.end('SIGTERM');
    rmSync(dataDir, { recursive: true, force: true });
  }
  return figures;
}

const isMet = ({ ms, goalMs }: Figure): boolean => goalMs === undefined || ms <= goalMs;

const figures = await all();
if (flags.json) console.log(JSON.stringify(figures));
else {
  for (const figure of figures) {
    const { name, ms, goalMs } = figure;
    const goal = goalMs === undefined ? '' : `≤ ${goalMs} ${isMet(figure) ? 'met' : 'MISSED'}`;
    console.log(`${name.padEnd(64)} ${ms.toFixed(ms < 10 ? 3 : 0).padStart(9)} ms  ${goal}`.trimEnd());
  }
}
if (flags.check && !figures.every(isMet)) process.exitCode = 1;
