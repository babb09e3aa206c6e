/**
 * Somebody who can write the tables, but not use the records key, against the service of sessions. Every attack meets new
 * processes, which know nothing but the tables.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReadDirectoryResponse } from '../../contract/sessions/wire.ts';
import { writeEntry } from '../../core/directory/write-entry.ts';
import { concatBytes, toBase64 } from '../../core/encoding/bytes.ts';
import {
  accepted,
  bob,
  DirectorySimulator,
  factsOf,
  newDevice,
  now,
  type TestDevice,
} from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { okJson, ServedDirectory } from './served-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-session-tables-'));
let stack: LocalStack;
let served: ServedDirectory;
let other: ServedDirectory;
let revoked: TestDevice;
let baseline: Item[];

const table = (): string => stack.table('SessionCustodyDirectoriesTable');
const items = async (): Promise<Item[]> => (await stack.allItems(table())).filter(({ org }) => org?.S === served.org);

/** Starts new processes. */
async function restart(): Promise<void> {
  await stack.vault.close();
  stack = await startLocalStack({ dataDir: folder });
  Object.assign(served, { stack });
  Object.assign(other, { stack });
}

const remove = ({ org, id }: Item): Promise<void> => stack.deleteItem(table(), { org: org?.S ?? '', id: id?.S ?? '' });

const itemOf = async (id: string, of = served): Promise<Item> => await stack.getItem(table(), { org: of.org, id });

const ask = (device: TestDevice): Promise<Response> => served.send(device, 'GET', '/entries');

beforeAll(async () => {
  stack = await startLocalStack({ dataDir: folder });
  served = await ServedDirectory.begin(stack);
  other = await ServedDirectory.begin(stack);
  revoked = served.simulator.admit(bob, 'owner');
  accepted(served.simulator.setStatus('revoke', revoked.id));
  await served.push();
  baseline = await items();
});
beforeEach(async () => {
  for (const item of await items()) await remove(item);
  for (const item of baseline) await stack.putItem(table(), item);
});
afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the snapshot', () => {
  test('does not count if any field of it is changed or missing, or if it is of another org', async () => {
    const snapshot = await itemOf('snapshot');
    const foreign = await itemOf('snapshot', other);
    const flipped = (value: Uint8Array | undefined) => ({ B: (value ?? new Uint8Array(1)).map((byte) => byte ^ 1) });
    const { mac: _, ...withoutMac } = snapshot;
    const changes: Item[] = [
      { ...snapshot, hash: flipped(snapshot.hash?.B) },
      { ...snapshot, parts: flipped(snapshot.parts?.B) },
      { ...snapshot, subtrees: flipped(snapshot.subtrees?.B) },
      { ...snapshot, seq: { N: '2' } },
      { ...snapshot, seq: { N: '-1' } },
      { ...snapshot, mac: { S: 'x' } },
      { ...snapshot, mac: foreign.mac ?? expect.fail() },
      withoutMac,
      { ...foreign, org: snapshot.org ?? expect.fail() },
    ];
    for (const item of changes) {
      await stack.putItem(table(), item);
      await restart();
      await expectProblem(await ask(served.first), 'decryption_failed');
    }
  });

  test('does not count with another part, so nobody adds a device to the state', async () => {
    const id = `state/${'1'.padStart(12, '0')}/0001`;
    const part = await itemOf(id);
    const mine = newDevice(served.org);
    const theirs = new DirectorySimulator(served.org).begin();
    theirs.admit(bob, 'owner');
    await stack.putItem(table(), { ...part, bytes: { B: concatBytes(part.bytes?.B ?? new Uint8Array(), mine.dh) } });
    await restart();
    await expectProblem(await ask(served.first), 'decryption_failed');
    await expectProblem(await ask(mine), 'decryption_failed');
    await remove(part);
    await restart();
    await expectProblem(await ask(served.first), 'decryption_failed');
  });

  test('that is removed ends all requests, until the admin sends the first entry again', async () => {
    await remove(await itemOf('snapshot'));
    await restart();
    await expectProblem(await ask(served.first), 'device_refused');
    await okJson(served.append(served.simulator.log[0]?.signed ?? expect.fail()));
    const page: ReadDirectoryResponse = await okJson(ask(served.first));
    expect(page.entries).toEqual(served.simulator.log.map(({ signed }) => toBase64(signed)));
  });
});

describe('the entries', () => {
  test('of another directory with keys of the attacker do not replace those of the org', async () => {
    const theirs = new DirectorySimulator(served.org).begin();
    const device = theirs.admit(bob, 'owner');
    for (const item of await items()) if (item.id?.S?.startsWith('entry/')) await remove(item);
    for (const [n, { signed }] of theirs.log.entries()) {
      const id = { S: `entry/${String(n + 1).padStart(12, '0')}` };
      await stack.putItem(table(), { org: { S: served.org }, id, bytes: { B: signed } });
    }
    await restart();
    await expectProblem(await served.send(device, 'GET', '/entries'), 'device_refused');
    // With the snapshot removed too, only the admin could begin, and with no other first entry.
    await remove(await itemOf('snapshot'));
    await restart();
    await expectProblem(await served.send(device, 'GET', '/entries'), 'device_refused');
    await expectProblem(await served.append(served.simulator.log[0]?.signed ?? expect.fail()), 'log_conflict');
  });

  test('with a forged one behind the head go on as before', async () => {
    const forged = writeEntry(
      served.state,
      { op: 'admit', device: factsOf(newDevice(served.org), bob, 'owner') },
      now,
      new DirectorySimulator().authority,
    );
    const id = { S: `entry/${String(served.state.head.seq + 1).padStart(12, '0')}` };
    await stack.putItem(table(), { org: { S: served.org }, id, bytes: { B: forged } });
    await restart();
    const page: ReadDirectoryResponse = await okJson(ask(served.first));
    expect(page.head).toBe(served.state.head.seq);
    expect(page.entries).not.toContain(toBase64(forged));
  });

  test('without the newest one: a revoked device is served again by new processes, as the threat model says', async () => {
    await restart();
    await expectProblem(await ask(revoked), 'device_refused');
    await remove(await itemOf(`entry/${String(served.state.head.seq).padStart(12, '0')}`));
    await restart();
    await okJson(ask(revoked));
  });
});
