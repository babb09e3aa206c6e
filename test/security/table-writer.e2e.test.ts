/**
 * An attacker who can write every table, but can use neither KMS nor the locked bucket. Each attribute of each record
 * is changed, removed, added, swapped and put back. What becomes possible must be exactly the list in
 * docs/threat-model.md.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendWebhook } from '../../local/vault/signed-webhooks.ts';
import { LocalConversations, parseProviderAnswer } from '../conversations/local-conversations.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { Asker } from './table-writer/asker.ts';
import { attackTable, linesOf, type Outcome, observe } from './table-writer/attack.ts';
import type { ProbeContext } from './table-writer/probe-context.ts';
import { writeTo, writtenRecords } from './table-writer/probe-writes.ts';
import { changesOfOneRecord, randomChanges, shortForm } from './table-writer/random-changes.ts';
import { statedList } from './table-writer/stated-list.ts';
import { type Snapshot, Tables, tableIds } from './table-writer/tables.ts';
import { buildWorld } from './table-writer/world.ts';

let folder: string;
let stack: LocalStack;
let tables: Tables;
let context: ProbeContext;
let baseline: Snapshot;
const start = () =>
  startLocalStack({
    dataDir: join(folder, 'data'),
    functionConcurrency: 1,
    timeScale: 0.02,
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-table-writer-'));
  stack = await start();
  const world = await buildWorld(stack, new LocalConversations(stack));
  // New processes read the marks again, as all processes do after five minutes.
  await stack.vault.close();
  stack = await start();
  tables = await Tables.open(stack);
  const conversations = new LocalConversations(stack);
  await conversations.setUp();
  const deliver: ProbeContext['deliver'] = async ({ from, text, sid }) => {
    const before = stack.vault.providerRequests().length;
    const answer = await sendWebhook(conversations.sms(from, text, sid));
    if (answer.status >= 500) context.asker.fault(`a webhook failed: ${answer.status} ${await answer.text()}`);
    await stack.vault.whenQueuesEmpty();
    return stack.vault.providerRequests().slice(before).map(parseProviderAnswer);
  };
  context = { world, deliver, asker: new Asker(stack) };
  // The first probes store the hours in which the keys were last used.
  baseline = await tables.snapshot();
  for (const table of tableIds) await observe(context, table);
  const used = await tables.read('ApiKeysTable');
  baseline = { ...baseline, ApiKeysTable: used };
  await tables.restore(baseline, tableIds);
  expect(context.asker.take()).toEqual([]);
});
afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

const found: Outcome['allowed'] = new Map();
let denied = 0;

describe('a writer of the tables', () => {
  test.each(tableIds)(
    'causes no server error, altered plaintext or failed list by a change of %s',
    async (table) => {
      const { allowed, faults, counts } = await attackTable(context, tables, table, baseline);
      for (const [key, labels] of allowed) found.set(key, labels);
      expect(faults).toEqual([]);
      expect(counts.changes).toBeGreaterThan(5);
      denied += counts.denied;
    },
    600_000,
  );

  test('can do exactly what the threat model states', () => {
    // Most changes are refused: the requests do reach the changed records.
    expect(denied).toBeGreaterThan(500);
    const [stated, possible] = [statedList(), linesOf(found)];
    const examples = [...found].flatMap(([key, labels]) => [...labels.values()].map((example) => `${key}: ${example}`));
    const superfluous = stated.filter((line) => !possible.includes(line));
    const missing = possible.filter((line) => !stated.includes(line));
    expect({ missing, superfluous }, examples.join('\n')).toEqual({ missing: [], superfluous: [] });
  });

  test('alters no plaintext and causes no server error and no failed list by 1,000 random changes', async () => {
    const { asker, world } = context;
    const perRun = 50;
    const property = fc.asyncProperty(randomChanges(world, baseline, perRun), async ({ changes, keyring }) => {
      const all = keyring === undefined ? changes : [...changes, keyring];
      const isUserChanged = changes.some(({ table }) => table === 'UserCustodyKeyringsTable');
      asker.lenient = keyring !== undefined ? /./ : isUserChanged ? /memory|messages|device-vaults/ : undefined;
      await Promise.all(all.map(({ table, item }) => tables.put(table, item)));
      for (const table of tableIds) await observe(context, table);
      await tables.restore(baseline, tableIds);
      const faults = asker.take();
      const requests = faults.map((fault) => fault.split(':')[0]);
      expect(requests, [...faults, ...all.map(shortForm)].join('\n')).toEqual([]);
    });
    for (const seed of [12, randomInt(2 ** 31)]) {
      process.stdout.write(`seed of the random changes: ${seed}\n`);
      await fc.assert(property, { seed, numRuns: 500 / perRun, endOnFailure: true });
    }
  }, 600_000);

  // Last, because it deletes objects too.
  test('causes no server error by random changes of one record, whatever is then written to it', async () => {
    const { asker, world } = context;
    // Keyrings of the record may be changed, so that its lists cannot be opened.
    asker.lenient = /./;
    const damages = changesOfOneRecord(world, baseline, writtenRecords(world));
    const property = fc.asyncProperty(damages, async ({ record, changes }) => {
      await Promise.all(changes.map(({ table, item }) => tables.put(table, item)));
      await writeTo(context, record);
      await stack.vault.whenQueuesEmpty();
      await tables.restore(baseline, tableIds);
      const faults = asker.take();
      expect(faults, changes.map(shortForm).join('\n')).toEqual([]);
    });
    const seed = randomInt(2 ** 31);
    process.stdout.write(`seed of the changes of one record: ${seed}\n`);
    await fc.assert(property, { seed, numRuns: 60, endOnFailure: true });
  }, 600_000);
});
