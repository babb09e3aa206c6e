/** The operator restores an older copy of the log table: a device that kept the entries sends them again. */
import { describe, expect, test } from 'vitest';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { type DeviceVault, DeviceVaults, memoryStorage } from '../../sdk/src/device/index.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { createUser, expectOk, ServedVault } from './signed-device-requests.ts';

const stack = useLocalStack();

const entryId = ({ user, vault }: { user: string; vault: string }, seq: number) =>
  `${user}/${vault}/${String(seq).padStart(12, '0')}`;
const lose = async (scope: { org: string; user: string; vault: string }, ...seqs: number[]) => {
  const table = stack.table('DeviceCustodyLogsTable');
  for (const seq of seqs) await stack.deleteItem(table, { org: scope.org, id: entryId(scope, seq) });
};

async function twoDevices(): Promise<readonly [DeviceVault, DeviceVault]> {
  const { key } = await createUser(stack);
  const vaultsOf = () => new DeviceVaults({ apiKey: key, baseURL: stack.vault.url, storage: memoryStorage() });
  const first = await vaultsOf().create();
  const waiting = Promise.withResolvers<string>();
  const confirm = async () => true;
  const joining = vaultsOf().join({
    vault: first.scope.vault,
    confirm,
    onWaiting: ({ pairing }) => waiting.resolve(pairing),
  });
  await first.approve(await waiting.promise, { confirm });
  return [first, await joining];
}

describe('a log that lost its last entries', () => {
  test('stops the devices that have not read them, and is completed by one that has', async () => {
    const [first, second] = await twoDevices();
    for (let n = 0; n < 5; n++) await first.records('memory').put({ n }, { id: `r${n}` });
    const { seq } = first.headCode();
    await lose(first.scope, seq, seq - 1, seq - 3);
    await expect(second.sync()).rejects.toMatchObject({ code: 'bad_envelope', reason: 'missing_entries' });
    expect(await first.restoreLog()).toBe(4);
    expect(await first.restoreLog()).toBe(0);
    await second.sync();
    expect(await second.records('memory').list()).toHaveLength(5);
    expect(second.headCode()).toEqual(first.headCode());
    await first.close();
    await second.close();
  });

  test('is not completed by a device that lacks them too', async () => {
    const [first, second] = await twoDevices();
    await first.records('memory').put({ n: 1 });
    await lose(first.scope, first.headCode().seq);
    await expect(second.restoreLog()).rejects.toMatchObject({ code: 'bad_envelope', reason: 'missing_entries' });
    await first.close();
    await second.close();
  });
});

describe('the service takes in an empty place', () => {
  test('only the entry that was there, only after the one that follows it, and only from an admin device', async () => {
    const vault = new ServedVault(stack, await createUser(stack));
    const admin = await vault.begin();
    const data = await vault.add(admin, 'data');
    const before = vault.simulator.state;
    await vault.put(admin, 'a', 'one');
    const [third, other] = [vault.lastBody(), { entry: '' }];
    await vault.put(admin, 'a', 'two');
    const fourth = vault.lastBody();
    vault.simulator.state = before;
    await vault.simulator.put(admin, 'a', 'other');
    other.entry = toBase64(vault.simulator.log.at(-1)?.signed ?? expect.fail('no entry'));
    await lose(vault.scope, 3, 4);
    const post = (keys: typeof admin, body: object) => vault.send(keys, 'POST', '/log', body);
    await expectProblem(await post(admin, third), 'log_conflict');
    await expectProblem(await post(data, fourth), 'log_conflict');
    await expectOk(await post(admin, fourth));
    await expectProblem(await post(admin, other), 'log_conflict');
    await expectProblem(await post(data, third), 'log_conflict');
    await expectOk(await post(admin, third));
    await expectOk(await post(data, third));
    expect((await vault.read(data)).entries).toHaveLength(4);
  });
});
