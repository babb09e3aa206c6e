/**
 * One item that somebody damaged or added hides no other one, and blocks nothing for ever. Over the deployed functions:
 * the stores are in blocking-rows.e2e.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { DeviceKeys } from '../../core/devices/device-keys.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { DynamoMessageCounter } from '../../lambdas/rotation/stores/dynamo-message-counter.ts';
import { ann, bob, newDevice, type TestDevice } from '../core/directory/directory-simulator.ts';
import { createUser, expectOk, ServedVault } from '../devices/signed-device-requests.ts';
import { okJson, ServedDirectory } from '../sessions/served-directory.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { serviceOptions } from '../shared/service-options.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
// biome-ignore lint/suspicious/noExplicitAny: JSON of any route
type Json = any;
const ask = async (method: string, path: string, key: string, body?: unknown): Promise<Json> => {
  const answer = await stack.http(method, path, { key, ...(body === undefined ? {} : { body }) });
  const text = await answer.text();
  expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
  return text === '' ? {} : JSON.parse(text);
};
const text = (S: string) => ({ S });
const long = 'x'.repeat(2000);

/** Reads a list to its end, in pages of one. */
async function readAll(path: string, member: string, key: string): Promise<Json[]> {
  const found: Json[] = [];
  let cursor = '';
  for (let page = 0; page < 60; page++) {
    const json = await ask('GET', `${path}${path.includes('?') ? '&' : '?'}limit=1${cursor}`, key);
    found.push(...json[member]);
    if (json.cursor === undefined) return found;
    cursor = `&cursor=${json.cursor}`;
  }
  return expect.fail(`${path} does not end`);
}

describe('numbers that no condition compares with', () => {
  const odd = { N: '1.00000000000000000001' };
  const valueItem = async (name: string) => {
    const table = stack.table('ValuesTable');
    return { table, item: await stack.getItem(table, { org: stack.vault.org, name }) };
  };

  test('the version of a value: it can be replaced, deleted and destroyed', async () => {
    const key = stack.vault.adminKey;
    const damage = async () => {
      await ask('PUT', '/v1/vault/values/odd', key, { value: 'v' });
      const { table, item } = await valueItem('odd');
      await stack.putItem(table, { ...item, version: odd });
      await expectProblem(await stack.http('GET', '/v1/vault/values/odd', { key }), 'decryption_failed');
    };
    await damage();
    expect(await ask('PUT', '/v1/vault/values/odd', key, { value: 'w' })).toMatchObject({ version: 1 });
    expect(await ask('GET', '/v1/vault/values/odd', key)).toMatchObject({ value: 'w' });
    await damage();
    const destroyed = await ask('POST', '/v1/vault/destroy/odd', key, { confirm: 'odd' });
    expect(destroyed).toMatchObject({ destroyed: true });
    await damage();
    expect(await ask('DELETE', '/v1/vault/values/odd', key)).toEqual({ deleted: true });
  });

  test('the generation of a user, whom the organization can still delete', async () => {
    const key = stack.vault.adminKey;
    for (const generation of [odd, { N: '9007199254740991' }]) {
      const { user } = await ask('POST', '/v1/users', key, {});
      const table = stack.table('UserCustodyKeyringsTable');
      const item = await stack.getItem(table, { org: stack.vault.org, id: `user/${user}` });
      await stack.putItem(table, { ...item, generation });
      expect(await ask('DELETE', `/v1/users/${user}`, key)).toMatchObject({ deleted: true });
    }
  });
});

describe('a list goes on after an item that somebody added', () => {
  const key = () => stack.vault.adminKey;
  const add = (table: string, item: Item) => stack.putItem(table, { org: text(stack.vault.org), ...item });

  test('of API keys, logins and users', async () => {
    for (const id of ['0', '5!', 'zzz/ö']) await add(stack.table('ApiKeysTable'), { id: text(id) });
    expect((await readAll('/v1/keys', 'keys', key())).length).toBeGreaterThan(1);
    for (const id of ['', '5!']) await add(stack.table('LoginsTable'), { id: text(`login/${id}`) });
    await readAll('/v1/logins', 'logins', key());
    const { user } = await ask('POST', '/v1/users', key(), {});
    for (const id of ['', '0', 'ö']) await add(stack.table('UserCustodyKeyringsTable'), { id: text(`user/${id}`) });
    expect((await readAll('/v1/users', 'users', key())).map((one) => one.user)).toContain(user);
  });

  test('of values, also with a name after all reserved ones', async () => {
    await ask('PUT', '/v1/vault/values/last', key(), { value: 'v' });
    for (const name of ['channels/~', 'channels/~~', 'channels/!', '~']) {
      await add(stack.table('ValuesTable'), { name: text(name) });
    }
    expect((await readAll('/v1/vault/values', 'values', key())).map(({ name }) => name)).toContain('last');
  });

  test('of the audit', async () => {
    const { records } = await ask('GET', '/v1/audit?limit=1', key());
    await add(stack.table('AuditTable'), { id: text(`${records[0].id}!`) });
    const before = new Date(Date.now() - 1).toISOString();
    expect((await readAll(`/v1/audit?to=${before}`, 'records', key())).length).toBeGreaterThan(0);
  });

  test('of the memory of a user', async () => {
    const created = await ask('POST', '/v1/users', key(), {});
    await ask('POST', '/v1/memory/records', created.key, { id: 'tea', data: 1 });
    for (const id of ['', '!'])
      await add(stack.table('UserCustodyRecordsTable'), { id: text(`${created.user}/memory/${id}`) });
    expect((await readAll('/v1/memory/records', 'records', created.key)).map(({ id }) => id)).toEqual(['tea']);
  });
});

test('a blob whose record names an upload that S3 refuses can be deleted', async () => {
  const key = stack.vault.agentKey;
  const { id } = await ask('POST', '/v1/blobs', key, { size: 100 });
  const table = stack.table('BlobRecordsTable');
  const item = await stack.getItem(table, { org: stack.vault.org, id });
  await stack.putItem(table, { ...item, uploadId: text('x'.repeat(100_000)), size: text('x') });
  expect(await ask('DELETE', `/v1/blobs/${id}`, key)).toMatchObject({ deleted: true });
});

test('a login whose salt is too short for Argon2id, or whose locator names no user, is refused like any other', async () => {
  const { org, adminKey } = stack.vault;
  const { user, key } = await ask('POST', '/v1/users', adminKey, {});
  const login = `login.${user}`;
  await ask('PUT', '/v1/account/password', key, { login, password: 'correct horse battery' });
  const table = stack.table('UserCustodyKeyringsTable');
  const item = await stack.getItem(table, { org, id: `user/${user}` });
  const slots = Object.entries(item.slots?.M ?? {}).map(([id, slot]) => [
    id,
    slot.M?.kind?.S === 'password' ? { M: { ...slot.M, salt: text('AAAA') } } : slot,
  ]);
  await stack.putItem(table, { ...item, slots: { M: Object.fromEntries(slots) } });
  const logIn = () => stack.http('POST', '/v1/sessions', { body: { org, login, password: 'correct horse battery' } });
  await expectProblem(await logIn(), 'login_refused');
  const locators = (await stack.allItems(table)).filter(
    (one) => one.user?.S === user && one.id?.S?.startsWith('locator/'),
  );
  expect(locators).toHaveLength(1);
  for (const locator of locators) await stack.putItem(table, { ...locator, user: text(long) });
  await expectProblem(await logIn(), 'decryption_failed');
});

describe('of a device vault', () => {
  let vault: ServedVault;
  let admin: DeviceKeys;
  const rosters = () => stack.table('DeviceCustodyRostersTable');
  const send = (rest: string, body?: object) =>
    stack.http(body === undefined ? 'GET' : 'PUT', vault.path + rest, { key: vault.user.key, body });
  const message = (of: string) => ({ message: toBase64(Buffer.from(of)) });
  beforeAll(async () => {
    vault = new ServedVault(stack, await createUser(stack));
    admin = await vault.begin();
  });

  test('a damaged pairing hides no other one, and a message of another type can be replaced', async () => {
    const { org, user, vault: id } = vault.scope;
    const [damaged, whole] = [randomId(), randomId()];
    for (const pairing of [damaged, whole]) await expectOk(await send(`/pairings/${pairing}/new/1`, message('commit')));
    const alter = async (pairing: string, more: Item) => {
      const key = { org, id: `${user}/pairing/${id}/${pairing}` };
      await stack.putItem(rosters(), { ...(await stack.getItem(rosters(), key)), ...more });
    };
    await alter(damaged, { expiresAt: { L: [] } });
    const { pairings } = await okJson<Json>(vault.send(admin, 'GET', '/pairings'));
    expect(pairings.map((one: Json) => one.pairing)).toEqual([whole]);
    await alter(whole, { new2: text('x') });
    await expectOk(await send(`/pairings/${whole}/new/2`, message('reveal')));
    expect(await okJson<Json>(send(`/pairings/${whole}`))).toMatchObject({
      new: [message('commit').message, message('reveal').message],
    });
  });

  test('an entry without bytes does not hide those before it', async () => {
    const { org, user, vault: id } = vault.scope;
    await vault.put(admin, 'a', 'text');
    const { entries } = await vault.read(admin);
    const planted = { org: text(org), id: text(`${user}/${id}/${String(entries.length + 1).padStart(12, '0')}`) };
    await stack.putItem(stack.table('DeviceCustodyLogsTable'), { ...planted, bytes: text('x') });
    const read = await vault.read(admin);
    expect(read.entries.slice(0, entries.length)).toEqual(entries);
    await stack.deleteItem(stack.table('DeviceCustodyLogsTable'), { org, id: planted.id.S });
  });

  test('a length of the log to which nothing can be added is damage, and no server error', async () => {
    const { org, user, vault: id } = vault.scope;
    const key = { org, id: `${user}/vault/${id}` };
    const roster = await stack.getItem(rosters(), key);
    await vault.simulator.put(admin, 'a', 'another text');
    for (const logBytes of [{ N: '-9007199254740991' }, { N: '9007199254740991' }, { N: '1e100' }, text('x')]) {
      await stack.putItem(rosters(), { ...roster, logBytes });
      await expectProblem(await vault.pushLast(admin), 'decryption_failed');
    }
    await stack.putItem(rosters(), roster);
    await expectOk(await vault.pushLast(admin));
  });
});

test('a count of messages that is no number is begun anew', async () => {
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoClient(serviceOptions(endpoints.dynamodb, operator.region, credentials));
  const org = randomId();
  const counter = new DynamoMessageCounter(() => client, stack.table('RotationsTable'));
  expect([await counter.add(org, 1, 5), await counter.add(org, 1, 2)]).toEqual([5, 7]);
  for (const messages of [text('x'), { L: [] }, { NULL: true } as const]) {
    await stack.putItem(stack.table('RotationsTable'), { org: text(org), messages, messagesVersion: { N: '1' } });
    expect(await counter.add(org, 1, 5)).toBe(5);
  }
});

describe('of devices of the directory', () => {
  let served: ServedDirectory;
  let phone: TestDevice;
  let bobs: TestDevice;
  let conversation: string;
  const directory = () => stack.table('SessionCustodyDirectoriesTable');
  const mailboxes = () => stack.table('SessionCustodyMailboxesTable');
  const put = (table: string, id: string, more: Item = {}) =>
    stack.putItem(table, { org: text(served.org), id: text(id), ...more });
  beforeAll(async () => {
    served = await ServedDirectory.begin(stack);
    phone = served.first;
    bobs = served.simulator.admit(bob, 'owner');
    await served.push();
    conversation = await served.open(ann, [phone], [ann, bob]);
  });

  test('a damaged conversation, and pointers to none, hide no other one', async () => {
    const damaged = await served.open(ann, [phone], [ann, bob]);
    const item = await stack.getItem(directory(), { org: served.org, id: `conversation/${damaged}` });
    await stack.putItem(directory(), { ...item, version: text('x') });
    for (const id of ['', '!', 'a/b', `x/${conversation}`]) await put(directory(), `participant/${ann}/${id}`);
    const { statements } = await okJson<Json>(served.send(phone, 'GET', '/conversations'));
    expect(statements).toHaveLength(1);
  });

  test('a damaged invite hides no other one, and others can be made', async () => {
    const invite = async () => {
      const id = randomId();
      const body = { invite: id, person: bob, role: 'owner', stored: toBase64(randomBytes(32)) };
      await ask('POST', '/v1/session/invites', served.adminKey, body);
      return id;
    };
    const damaged = await invite();
    const item = await stack.getItem(directory(), { org: served.org, id: `invite/${damaged}` });
    await stack.putItem(directory(), { ...item, stored: text('x') });
    const whole = await invite();
    const { invites } = await ask('GET', '/v1/session/invites', served.adminKey);
    expect(invites.map((one: Json) => one.invite)).toEqual([whole]);
  });

  test('a damaged message hides no other one; all can be acknowledged', async () => {
    const messages = [1, 2, 3].map((n) => served.messageFor(phone, bobs.id, conversation, `message ${n}`));
    await served.sendAll(phone, messages);
    const { messages: names } = await served.mailbox(bobs);
    const [first, second, third] = names.map(({ name }) => name);
    const ids = [1, 2, 3].map((n) => `m/${bobs.id}/${phone.id}/${String(n).padStart(16, '0')}`);
    const rows = await Promise.all(ids.map((id) => stack.getItem(mailboxes(), { org: served.org, id })));
    await stack.putItem(mailboxes(), { ...rows[0], hash: text('x') } as Item);
    await stack.putItem(mailboxes(), { ...rows[1], bytes: { N: '1.5' }, ttl: text('x') } as Item);
    for (const id of ['a', `${phone.id}/ffffffffffffffff`, `${phone.id}/x`])
      await put(mailboxes(), `m/${bobs.id}/${id}`, {
        ...rows[2],
        org: text(served.org),
        id: text(`m/${bobs.id}/${id}`),
      });
    expect((await served.mailbox(bobs, '?limit=1')).next).toBe(second);
    expect((await served.mailbox(bobs)).messages.map(({ name }) => name)).toEqual([second, third]);
    await served.acknowledge(bobs, [first, second, third].map(String));
    expect((await served.mailbox(bobs)).messages).toEqual([]);
  });

  test('a damaged count of a sender stops no sender, and no acknowledgement', async () => {
    const id = `n/${bobs.id}/${phone.id}`;
    const send = () => served.sendAll(phone, [served.messageFor(phone, bobs.id, conversation, 'hello')]);
    await send();
    const counts: Item[] = [
      { highest: text('x') },
      { messages: text('x') },
      { bytes: { L: [] } },
      { highest: { N: '1e100' } },
      { highest: { N: '-5' } },
      { messages: { N: '1.5' } },
    ];
    for (const damage of counts) {
      const item = await stack.getItem(mailboxes(), { org: served.org, id });
      await stack.putItem(mailboxes(), { ...item, ...damage });
      expect(await send(), JSON.stringify(damage)).toMatchObject([{ outcome: 'stored' }]);
      await stack.putItem(mailboxes(), { ...(await stack.getItem(mailboxes(), { org: served.org, id })), ...damage });
      const { messages } = await served.mailbox(bobs);
      await served.acknowledge(
        bobs,
        messages.map(({ name }) => name),
      );
    }
  });

  test('a damaged prekey is no reason to refuse a bundle', async () => {
    await okJson(served.putBundle(bobs, served.bundleOf(bobs, 1), served.prekeysOf(bobs, 1, 2)));
    await put(directory(), `prekey/${bobs.id}/00000001`, { bytes: text('x') });
    expect(await okJson<Json>(served.claim(phone, bobs.id, conversation))).toHaveProperty('oneTimePrekey');
  });

  test('an entry without bytes is one that does not follow', async () => {
    const next = `entry/${String(served.state.head.seq + 1).padStart(12, '0')}`;
    await put(directory(), next, { bytes: text('x') });
    await served.mailbox(bobs);
    expect((await ask('GET', '/v1/session/directory', served.adminKey)).head).toBe(served.state.head.seq);
    await stack.deleteItem(directory(), { org: served.org, id: next });
  });

  test('what was written about the last purge does not stop the next one', async () => {
    for (const seq of [text('x'), { N: '1.5' }, { N: '9007199254740990' }]) {
      await put(directory(), 'purged', { seq });
      const device = newDevice(served.org);
      const added = served.simulator.add(phone, ann, 'owner');
      expect(device.id).not.toBe(added.id);
      served.simulator.setStatus('revoke', added.id);
      await served.push();
      expect((await stack.getItem(directory(), { org: served.org, id: 'purged' })).seq).toEqual({
        N: String(served.state.head.seq),
      });
    }
  });
});
