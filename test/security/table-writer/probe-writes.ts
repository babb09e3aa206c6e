/** Requests that change a record, each of which must succeed or be refused with a documented error. */
import type { ProbeContext } from './probe-context.ts';
import type { World } from './world.ts';
import { password, type TestAccount } from './world-org.ts';

const valueNames = ['prod/a', 'prod/remade', 'prod/gone', 'prod/expiring'];

const accountsOf = ({ mine }: World) => ['user', 'limited', 'deleted'].flatMap((label) => mine.accounts[label] ?? []);

/** Names of values and IDs of users, API keys and blobs, whose records the requests below change. */
export function writtenRecords(world: World): string[] {
  const keys = ['reader', 'revoked', 'rotated', 'overlapping', 'expired'];
  const users = accountsOf(world).map(({ user }) => user);
  const blobs = ['ready', 'spent', 'unfinished'];
  return [
    ...valueNames,
    // Most loops of attempts are about users.
    ...users,
    ...users,
    ...keys.flatMap((label) => world.mine.keys[label]?.id ?? []),
    ...blobs.flatMap((label) => world.mine.blobs[label]?.id ?? []),
  ];
}

export async function writeTo(context: ProbeContext, record: string): Promise<void> {
  const { asker, world } = context;
  const { mine } = world;
  const account = accountsOf(world).find(({ user }) => user === record);
  const admin = (method: string, path: string, body?: unknown) => asker.ask(method, path, { key: mine.watcher, body });
  if (account !== undefined) return await writeToAccount(context, account);
  if (valueNames.includes(record)) {
    await admin('PUT', `/v1/vault/values/${record}`, { value: 'written' });
    await admin('DELETE', `/v1/vault/values/${record}`);
    await admin('PUT', `/v1/vault/values/${record}`, { value: 'written' });
    await admin('POST', `/v1/vault/destroy/${record}`, { confirm: record });
  } else if (Object.values(mine.keys).some(({ id }) => id === record)) {
    await admin('POST', `/v1/keys/${record}/rotation`, {});
    await admin('DELETE', `/v1/keys/${record}`);
  } else {
    await admin('POST', `/v1/blobs/${record}/link`);
    await admin('DELETE', `/v1/blobs/${record}`);
  }
}

async function writeToAccount({ asker, world }: ProbeContext, { user, key, login }: TestAccount): Promise<void> {
  const ask = (method: string, path: string, body?: unknown) => asker.ask(method, path, { key, body });
  await asker.ask('POST', '/v1/sessions', { body: { org: world.mine.org, login, password } });
  await ask('PUT', '/v1/account/password', { login, password });
  await ask('POST', '/v1/account/link', {});
  await ask('PUT', '/v1/memory/records/tea', { data: 'written' });
  await ask('DELETE', '/v1/memory/records/tea');
  for (const { scope } of world.mine.deviceVaults.filter((one) => one.scope.user === user))
    await ask('DELETE', `/v1/device-vaults/${scope.vault}`);
  await asker.ask('DELETE', `/v1/users/${user}`, { key: world.mine.watcher });
}
