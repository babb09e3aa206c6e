/** A tripwire is read, its record is sealed, and the owners' devices get a notice without content, with the deployed code. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ListActivityResponse } from '../../contract/approvals/wire.ts';
import { sealerProgressKey } from '../../contract/shared/environment-variables.ts';
import { approveRight } from '../../core/approvals/approval-keys.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { periodsBetween } from '../../lambdas/audit/audit-marker.ts';
import type { ProviderRequest } from '../../local/vault/provider-emulator.ts';
import { ann, bob, type TestDevice } from '../core/directory/directory-simulator.ts';
import { readySocket } from '../sessions/device-socket.ts';
import { okJson, ServedDirectory } from '../sessions/served-directory.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

const stack = useLocalStack();
const minute = 60_000;
let authorizer: PolicyAuthorizer;

beforeEach(() => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks({ authorize: (call) => authorizer.authorize(call) });
});

/** An org with a tripwire. Ann and Bob have devices with push subscriptions. */
class World {
  readonly served: ServedDirectory;
  readonly phone: TestDevice;
  readonly bobs: TestDevice;
  /** A device without the right to approve, and one that was suspended. */
  readonly tablet: TestDevice;
  readonly lost: TestDevice;

  private constructor(served: ServedDirectory) {
    const { simulator, first } = served;
    const can = [approveRight];
    this.served = served;
    this.tablet = first;
    this.phone = simulator.add(first, ann, 'owner', { can });
    this.lost = simulator.add(first, ann, 'owner', { can });
    this.bobs = simulator.admit(bob, 'owner', { can });
  }

  static async begin(): Promise<World> {
    const world = new World(await ServedDirectory.begin(stack));
    const { served, phone, bobs, tablet, lost } = world;
    await served.push();
    for (const device of [phone, bobs, tablet, lost])
      await okJson(served.send(device, 'PUT', '/push', { endpoint: `https://push.provider.net/send/${device.id}` }));
    served.simulator.setStatus('suspend', lost.id);
    await served.push();
    const { vault } = stack.clientOf(served.adminKey);
    await vault.set('old/key', 'AKIAIOSFODNN7EXAMPLE', { tripwire: true });
    await vault.set('new/key', 'x');
    return world;
  }

  /** Somebody reads a value. An hour goes by: all records of the org get older. @param mark for the schedule */
  async read(name: string, mark?: string): Promise<void> {
    const { org, adminKey } = this.served;
    const { key } = await stack.clientOf(adminKey).keys.create({ role: 'agent' });
    await stack.clientOf(key).vault.get(name);
    const table = stack.table('AuditTable');
    const records = (await stack.allItems(table)).filter((item) => item.org?.S === org && item.time !== undefined);
    for (const [at, { mark: _, ...record }] of records.entries()) {
      const time = Date.parse(record.time?.S ?? '') - 60 * minute;
      await stack.deleteItem(table, { org, id: record.id?.S ?? '' });
      await stack.putItem(table, {
        ...record,
        id: { S: createTimeId(time, crypto.getRandomValues(new Uint8Array(16))) },
        time: { S: new Date(time).toISOString() },
        ...(mark !== undefined && at === 0 ? { mark: { S: mark } } : {}),
      });
    }
  }

  /** Runs the sealer as an export does. @returns number of records under seals */
  async seal(): Promise<number> {
    const { org, adminKey } = this.served;
    await invokeSealer({ org });
    return (await stack.clientOf(adminKey).audit.export().toArray()).length;
  }

  async tripwires(device: TestDevice): Promise<ListActivityResponse['tripwires']> {
    return (await okJson<ListActivityResponse>(this.served.send(device, 'GET', '/activity'))).tripwires;
  }
}

async function invokeSealer(event: object): Promise<void> {
  const { endpoints, credentials, operator, resources } = stack.vault;
  const lambda = new LambdaClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
  const id = Object.keys(resources).find((logicalId) => logicalId.startsWith('SealerFunction')) ?? '';
  const command = new InvokeCommand({ FunctionName: resources[id], Payload: Buffer.from(JSON.stringify(event)) });
  expect((await lambda.send(command)).FunctionError).toBeUndefined();
}

const noticesOf = ({ id }: TestDevice): ProviderRequest[] =>
  stack.vault.providerRequests().filter(({ provider, path }) => provider === 'push' && path.endsWith(`/send/${id}`));
/** Lines of the log that say that a function has ended its part. */
const linesOf = (route: string): number => stack.vault.logs().split(`"route":"${route}"`).length - 1;

describe('a tripwire that was read', () => {
  test("wakes the owners' devices that can approve by a notice of length 0, and they see in the activity what it was", async () => {
    const world = await World.begin();
    await world.read('old/key');
    // The request itself tells nobody.
    expect(linesOf('tripwires')).toBe(0);
    await world.seal();
    for (const device of [world.phone, world.bobs]) {
      await expect.poll(() => noticesOf(device)).toHaveLength(1);
      const [notice] = noticesOf(device);
      expect(notice?.body).toBe('');
      expect(notice?.headers).toMatchObject({ ttl: '86400', urgency: 'high', 'content-length': '0' });
      const found = await world.tripwires(device);
      expect(found).toMatchObject([{ names: ['old/key'], result: 'ok', sourceIp: '127.0.0.1' }]);
    }
    for (const device of [world.tablet, world.lost]) expect(noticesOf(device)).toEqual([]);
    expect([linesOf('tripwires'), linesOf('wake')]).toEqual([1, 1]);
    expect(authorizer.denials.filter((denial) => /sealer|approvals|notifier/.test(denial))).toEqual([]);
    // What is sealed was reported.
    await world.seal();
    expect(linesOf('tripwires')).toBe(1);
  });

  test('is what wakes devices: the read of another value does not', async () => {
    const world = await World.begin();
    const before = linesOf('tripwires');
    await world.read('new/key');
    expect(await world.seal()).toBeGreaterThan(0);
    expect(linesOf('tripwires')).toBe(before);
    expect(noticesOf(world.phone)).toEqual([]);
  });

  test('gives a device with an open socket the frame `wake` in place of the notice, also when the schedule seals', async () => {
    const world = await World.begin();
    const socket = await readySocket(world.served, world.phone);
    const period = periodsBetween(Date.now() - 90 * minute, Date.now() - 50 * minute).at(-1);
    await world.read('old/key', period?.marks[3]);
    // A first run would look at the marks of a whole day.
    const until = { N: String(Date.now() - 80 * minute) };
    const key = { org: { S: sealerProgressKey.org }, id: { S: sealerProgressKey.id } };
    await stack.putItem(stack.table('AuditTable'), { ...key, until });
    await invokeSealer({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
    expect(await socket.frame()).toEqual({ type: 'wake' });
    await expect.poll(() => noticesOf(world.bobs)).toHaveLength(1);
    expect(noticesOf(world.phone)).toEqual([]);
    socket.socket.close();
    await socket.closed;
  });

  test('is sealed all the same if devices cannot be woken, and a line of the log says so', async () => {
    const world = await World.begin();
    await world.read('old/key');
    const before = [linesOf('notify'), linesOf('tripwires')] as const;
    stack.vault.setHooks({
      authorize: async ({ action, callerArn }) => !(action === 'Invoke' && callerArn.includes('sealer')),
    });
    await invokeSealer({ org: world.served.org });
    expect([linesOf('notify'), linesOf('tripwires')]).toEqual([before[0] + 1, before[1]]);
    stack.vault.setHooks();
    expect(await world.seal()).toBeGreaterThan(0);
    expect(linesOf('tripwires')).toBe(before[1]);
    expect(await world.tripwires(world.phone)).toHaveLength(1);
  });
});
