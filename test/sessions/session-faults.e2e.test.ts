/** Races, repeated requests, lost replies, and requests that stop at any write. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClaimBundleResponse, ReadDirectoryResponse } from '../../contract/sessions/wire.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { accepted, ann, bob, factsOf, newDevice } from '../core/directory/directory-simulator.ts';
import { expectProblem, type Item, startLocalStack, useLocalStack } from '../shared/local-stack.ts';
import { okJson, type Sender, ServedDirectory } from './served-directory.ts';

const stack = useLocalStack();
afterEach(() => stack.vault.setHooks());

const tables = ['SessionCustodyDirectoriesTable', 'SessionCustodyMailboxesTable'] as const;
const isWrite = ({ service, action, input }: EngineCall): boolean =>
  service === 'dynamodb' &&
  ['PutItem', 'UpdateItem', 'DeleteItem'].includes(action) &&
  /Directories|Mailboxes/.test(String(Reflect.get(Object(input), 'TableName')));

/** What both tables hold of an org, without times and random bytes. */
async function contents(of: ServedDirectory): Promise<string[]> {
  const items: Item[] = [];
  for (const table of tables) items.push(...(await stack.allItems(stack.table(table))));
  return items
    .filter(({ org }) => org?.S === of.org)
    .map(({ storedAt: _, ttl: _ttl, mac: _mac, ...item }) => JSON.stringify(item))
    .toSorted();
}

const faults: InjectedFault[] = [
  { type: 'AccessDeniedException', status: 400, message: 'stopped' },
  { type: 'InternalServerError', status: 500, message: 'stopped' },
];

/** A request, and the state that it leads to however often it stops. */
interface Operation {
  readonly name: string;
  /** Prepares an org, and returns the request. */
  prepare(): Promise<{ readonly served: ServedDirectory; readonly send: () => Promise<Response> }>;
}

async function withConversation() {
  const served = await ServedDirectory.begin(stack);
  const bobs = served.simulator.admit(bob, 'owner');
  await served.push();
  const conversation = await served.open(ann, [served.first], [ann, bob]);
  return { served, bobs, conversation };
}

const operations: Operation[] = [
  {
    name: 'genesis',
    prepare: async () => {
      const served = await ServedDirectory.draft(stack);
      const [{ signed } = expect.fail()] = served.simulator.log;
      return { served, send: () => served.append(signed) };
    },
  },
  {
    name: 'a checkpoint',
    prepare: async () => {
      const served = await ServedDirectory.begin(stack);
      accepted(served.simulator.checkpoint());
      const { signed } = served.simulator.log.at(-1) ?? expect.fail();
      return { served, send: () => served.append(signed) };
    },
  },
  {
    name: 'revoke',
    prepare: async () => {
      const { served, bobs, conversation } = await withConversation();
      await okJson(served.putBundle(bobs, served.bundleOf(bobs), served.prekeysOf(bobs, 1, 2)));
      await served.sendAll(served.first, [served.messageFor(served.first, bobs.id, conversation, 'x')]);
      accepted(served.simulator.setStatus('revoke', bobs.id));
      const { signed } = served.simulator.log.at(-1) ?? expect.fail();
      return { served, send: () => served.append(signed) };
    },
  },
  {
    name: 'a statement',
    prepare: async () => {
      const served = await ServedDirectory.begin(stack);
      const opened = served.statement(ann, [served.first], [ann, bob]);
      return { served, send: () => served.putConversation(served.first, opened) };
    },
  },
  {
    name: 'a message',
    prepare: async () => {
      const { served, bobs, conversation } = await withConversation();
      const messages = [served.messageFor(served.first, bobs.id, conversation, 'x')];
      return { served, send: () => served.send(served.first, 'POST', '/messages', { messages }) };
    },
  },
];

describe('a request that stops at a write', () => {
  test.each(operations)('of $name can be repeated, and leads to the same state', async ({ prepare }) => {
    let writes = 0;
    for (let stopAt = 1; ; stopAt++) {
      const { served, send } = await prepare();
      let n = 0;
      const fault = faults[stopAt % faults.length];
      stack.vault.setHooks({ before: (call) => (isWrite(call) && ++n >= stopAt ? fault : undefined) });
      const stopped = await send();
      stack.vault.setHooks();
      await okJson(send());
      const after = await contents(served);
      // The same request once more changes nothing.
      await okJson(send());
      expect(await contents(served)).toEqual(after);
      expect(after.length).toBeGreaterThan(0);
      if (stopped.status === 200) break;
      expect(stopped.status).toBeGreaterThanOrEqual(500);
      writes += 1;
      const ids = after.map((one) => JSON.parse(one).id.S.split('/')[0]);
      expect(ids).toContain('snapshot');
    }
    expect(writes).toBeGreaterThan(0);
  });

  test('of a bundle loses at most the one-time prekeys of this request, and hands none out twice', async () => {
    const { served, bobs, conversation } = await withConversation();
    const bundle = served.bundleOf(bobs);
    const prekeys = served.prekeysOf(bobs, 1, 3);
    for (const stopAt of [1, 2, 3, 4]) {
      let n = 0;
      stack.vault.setHooks({ before: (call) => (isWrite(call) && ++n === stopAt ? faults[0] : undefined) });
      const stopped = await served.putBundle(bobs, bundle, prekeys);
      stack.vault.setHooks();
      if (stopAt === 1) expect(stopped.status).toBe(500);
      const { highestId } = await okJson<{ highestId: number }>(served.putBundle(bobs, bundle, prekeys));
      expect(highestId).toBe(3);
    }
    const claimed: (string | undefined)[] = [];
    for (let n = 0; n < 4; n++) {
      const { oneTimePrekey }: ClaimBundleResponse = await okJson(served.claim(served.first, bobs.id, conversation));
      claimed.push(oneTimePrekey);
      await okJson(served.putBundle(bobs, bundle, prekeys));
    }
    const given = claimed.filter((one) => one !== undefined);
    expect(new Set(given).size).toBe(given.length);
    expect(given.length).toBeLessThanOrEqual(3);
  });
});

test('a reply that is lost after each write is answered by the same request', async () => {
  for (const { prepare } of operations) {
    const { served, send } = await prepare();
    stack.vault.setHooks({ before: (call) => (isWrite(call) ? 'drop-after' : undefined) });
    await send();
    stack.vault.setHooks();
    await okJson(send());
    const after = await contents(served);
    await okJson(send());
    expect(await contents(served)).toEqual(after);
  }
});

describe('races', () => {
  test('of two entries for one place, one is stored, and the other one is told the conflict', async () => {
    const served = await ServedDirectory.begin(stack);
    const before = served.state;
    const drafts = Array.from({ length: 8 }, () => {
      served.simulator.state = before;
      served.simulator.append(served.simulator.authority, {
        op: 'admit',
        device: factsOf(newDevice(served.org), bob, 'owner'),
      });
      return served.simulator.log.at(-1)?.signed ?? expect.fail();
    });
    const answers = await Promise.all(drafts.map((signed) => served.append(signed)));
    const stored = answers.findIndex(({ status }) => status === 200);
    expect(stored).toBeGreaterThanOrEqual(0);
    for (const [n, answer] of answers.entries()) if (n !== stored) await expectProblem(answer, 'log_conflict');
    const { entries, head }: ReadDirectoryResponse = await okJson(served.send(served.first, 'GET', '/entries?after=2'));
    expect([head, entries]).toEqual([3, [toBase64(drafts[stored] ?? expect.fail())]]);
  });

  test('of 20 claims of 12 one-time prekeys, no two get the same one, and none is lost', async () => {
    const { served, bobs, conversation } = await withConversation();
    const second = served.simulator.add(served.first, ann, 'owner');
    await served.push();
    const prekeys = served.prekeysOf(bobs, 1, 12);
    await okJson(served.putBundle(bobs, served.bundleOf(bobs), prekeys));
    const claimants: Sender[] = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? served.first : second));
    const claims: ClaimBundleResponse[] = await Promise.all(
      claimants.map((device) => okJson<ClaimBundleResponse>(served.claim(device, bobs.id, conversation))),
    );
    const given = claims.flatMap(({ oneTimePrekey }) => oneTimePrekey ?? []);
    expect(given.toSorted()).toEqual(prekeys.map(toBase64).toSorted());
  });

  test('a device claims 10 one-time prekeys an hour from the same device, then the bundle alone', async () => {
    const { served, bobs, conversation } = await withConversation();
    await okJson(served.putBundle(bobs, served.bundleOf(bobs), served.prekeysOf(bobs, 1, 12)));
    const claims: ClaimBundleResponse[] = [];
    for (let n = 0; n < 12; n++) claims.push(await okJson(served.claim(served.first, bobs.id, conversation)));
    const isFull = claims.map(({ oneTimePrekey }) => oneTimePrekey !== undefined);
    // A new hour can begin in between.
    expect(isFull.filter(Boolean).length).toBeGreaterThanOrEqual(10);
    expect(claims.every(({ bundle }) => bundle === claims[0]?.bundle)).toBe(true);
  });
});

test('a new process continues from the snapshot and the entries after it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'anima-sessions-'));
  try {
    let own = await startLocalStack({ dataDir: folder });
    const served = await ServedDirectory.begin(own);
    // More than one snapshot.
    for (let n = 0; n < 40; n++) served.simulator.admit(String(n).padStart(16, '0'), 'owner');
    const last = served.simulator.add(served.first, ann, 'agent');
    await served.push();
    const parts = (await own.allItems(own.table('SessionCustodyDirectoriesTable'))).filter(({ id }) =>
      id?.S?.startsWith('state/'),
    );
    expect(parts).toHaveLength(1);
    await own.vault.close();
    own = await startLocalStack({ dataDir: folder });
    Object.assign(served, { stack: own });
    const page: ReadDirectoryResponse = await okJson(served.send(last, 'GET', '/entries?after=40'));
    expect(page.head).toBe(served.state.head.seq);
    await own.vault.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
