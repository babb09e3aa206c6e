/** Requests that depend on the records of API keys, on keyrings and on rotations. */
import { addFact, addMembers } from './facts.ts';
import type { Probe } from './probe-context.ts';
import { idOf } from './targets.ts';
import { unchangedValue } from './world.ts';

export const probeApiKeys: Probe = async ({ world, asker }, facts) => {
  const { mine } = world;
  const secrets = { ...mine.keys, admin: undefined, agent: undefined };
  const all = { ...secrets, admin: { id: idOf(mine.adminKey), key: mine.adminKey } };
  const withAgent = { ...all, agent: { id: idOf(mine.agentKey), key: mine.agentKey } };
  const useOf = async ({ id, key }: { id: string; key: string }) => {
    const read = await asker.ask('POST', '/v1/vault/batch-get', { key, body: { names: ['prod/a', 'other/b'] } });
    for (const { ok, name } of read?.results ?? []) if (ok) addFact(facts, id, 'the key reads more values', name);
    const may = {
      'lists API keys': ['GET', '/v1/keys'],
      'deletes values': ['DELETE', '/v1/vault/values/none'],
    } as const;
    for (const [right, [method, path]] of Object.entries(may)) {
      if ((await asker.ask(method, path, { key })) !== undefined) addFact(facts, id, `the key ${right}`, true);
    }
  };
  await Promise.all(Object.values(withAgent).map(useOf));
  const { keys = [] } = (await asker.ask('GET', '/v1/keys', { key: mine.watcher, isList: true })) ?? {};
  for (const { id, ...rest } of keys) {
    // Its absence is a fact too: without these attributes, the key looks usable.
    const { revokedAt = null, overlapEndsAt = null, expiresAt = null, lastUsedAt = null, ...others } = rest;
    // The vault itself may store the current hour at any time.
    const used = Date.now() - Date.parse(lastUsedAt) < 7_200_000 ? 'recently' : lastUsedAt;
    const times = { revokedAt, overlapEndsAt, expiresAt, lastUsedAt: used };
    addMembers(facts, id, 'the list of keys shows what the writer chose', { ...others, ...times });
  }
  const path = `/v1/explain?ref=value:${unchangedValue}`;
  const explained = await asker.ask('GET', path, { key: mine.watcher, isList: true });
  for (const { id, how } of explained?.canOpen ?? []) {
    if (id !== undefined) addFact(facts, id, '`explain` says that the key can read', how);
  }
};
export const probeKeyrings: Probe = async ({ world, asker }, facts) => {
  const { mine, locked, shredded } = world;
  const requests = [
    { ...mine, name: 'prod/a', adminKey: mine.watcher },
    { ...locked, name: 'secret' },
    { ...shredded, name: 'secret' },
  ].map(async ({ org, name, agentKey, adminKey }) => {
    const fact = async (effect: string, method: string, path: string, key: string | undefined, body?: unknown) => {
      const json = await asker.ask(method, path, { key, body });
      if (json !== undefined) addFact(facts, org, effect, body === undefined ? json : true);
    };
    await fact('values open', 'GET', `/v1/vault/values/${name}`, agentKey);
    await fact('values are listed', 'GET', '/v1/vault/values', agentKey);
    await fact('values are written', 'PUT', '/v1/vault/values/written', agentKey, { value: 'v' });
    await fact('the state of the organization is reported differently', 'GET', '/v1/org', adminKey);
    await fact('the state of the shredding is reported differently', 'GET', '/v1/org/shred', adminKey);
  });
  const { ready } = mine.blobs;
  const { user } = mine.accounts;
  const others = async () => {
    if ((await asker.ask('GET', `/v1/links/${ready?.link}`, {})) !== undefined)
      addFact(facts, mine.org, 'links open', true);
    const account = await asker.ask('GET', '/v1/account', { key: user?.key });
    if (account !== undefined) addFact(facts, mine.org, 'user data opens', true);
  };
  await Promise.all([...requests, others()]);
};

export const probeRotations: Probe = async ({ world, asker }, facts) => {
  const { org, watcher } = world.mine;
  const answer = await asker.ask('GET', '/v1/org/rotation', { key: watcher, isList: true });
  addMembers(facts, org, 'the state of the rotation shows what the writer chose', answer?.rotation ?? {});
};
