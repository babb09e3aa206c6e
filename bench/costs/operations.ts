/** The operations of docs/costs.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { routes } from '../../contract/routes.ts';
import { formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import type { LocalVault } from '../../local/vault/local-vault.ts';
import { DeviceVaults, memoryStorage } from '../../sdk/src/device/index.ts';
import { Anima } from '../../sdk/src/index.ts';
import { beginApprovals } from './approval-operations.ts';
import { startHost } from './broker-operations.ts';
import { beginSessions } from './session-operations.ts';
import { countUsage, type Usage } from './usage.ts';

export interface CountedOperation {
  readonly name: string;
  readonly usage: Usage;
}

/** A stack on which operations can be counted. Cold functions would add calls, so none is ended while it is idle. */
export const countingOptions = {
  port: 0,
  memory: true,
  functionConcurrency: 1,
  timeScale: 0.01,
  environments: { maxEnvironments: 50, idleMs: 3600_000 },
} as const;

interface Org {
  readonly org: string;
  readonly adminKey: { readonly key: string };
}

async function createOrg(vault: LocalVault): Promise<Org> {
  const url = new URL(routes.createOrg.path, vault.url);
  const request = { method: 'POST', url, headers: { 'content-type': 'application/json' }, body: '{}' };
  const headers = await signRequest(request, 'execute-api', vault.operator);
  return await (await fetch(url, { method: 'POST', headers, body: '{}' })).json();
}

/** A well-formed key of the same organization, whose ID does not exist. */
function unknownKey(known: string): string {
  const key = parseApiKey(known);
  if (key === undefined) throw new Error('The key of the local vault is malformed. Nothing was counted.');
  return formatApiKey({ ...key, id: key.id.split('').toReversed().join('') });
}

/** Resolves when no engine was called for a while: workflows have ended or wait for days. */
async function untilQuiet(vault: LocalVault): Promise<void> {
  for (let quiet = 0; quiet < 8; ) {
    const before = vault.calls.count();
    await sleep(250);
    quiet = vault.calls.count() === before ? quiet + 1 : 0;
  }
}

const small = 'sk_live_0123456789abcdefghijklmnopq';
const file = new TextEncoder().encode('a small file');
const login = { login: 'ada@example.com', password: 'correct horse battery staple' };

/** Counts each operation once, in the order of the table. */
export async function countOperations(vault: LocalVault): Promise<CountedOperation[]> {
  const counted: CountedOperation[] = [];
  const count = async (name: string, run: () => Promise<unknown>, settle?: () => Promise<void>) =>
    void counted.push({ name, usage: await countUsage(vault, run, settle) });

  const agent = new Anima({ apiKey: vault.agentKey, baseURL: vault.url });
  const admin = new Anima({ apiKey: vault.adminKey, baseURL: vault.url });
  const many = Array.from({ length: 100 }, (_, n) => `many/${String(n).padStart(3, '0')}`);
  const entries = many.map((name) => ({ name, value: small }));
  const { key: userKey } = await admin.users.create();
  const user = new Anima({ apiKey: userKey, baseURL: vault.url });
  const session = new Anima({ session: true, baseURL: vault.url });

  // Each function gets its session, its keys and the hour of the key's last use.
  await agent.vault.setMany(entries);
  await agent.vault.set('prod/stripe/key', small);
  await agent.vault.get('prod/stripe/key');
  await agent.vault.delete('many/000');
  await agent.vault.set('many/000', small);
  const shared = await agent.blobs.put(file);
  await (await agent.blobs.get(shared.url)).text();
  await user.memory.add({ likes: 'green tea' });
  await user.account.setPassword(login);
  await session.account.logIn({ org: vault.org, ...login });
  await admin.audit.query({ pageSize: 10 }).page();
  await admin.org.get();

  await count('get of a value', () => agent.vault.get('prod/stripe/key'));
  await count('set of a new value', () => agent.vault.set('prod/other/key', small));
  // With a fixed write ID, no slot is read in order to recognize a repeated write.
  await count('set of an existing value', () =>
    agent.vault.set('prod/other/key', small, { writeId: 'fixed-write-id-2' }),
  );
  await count('get of an earlier version', () => agent.vault.get('prod/other/key', { version: 1 }));
  await count('get of 100 values in one request', () => agent.vault.getMany(many));
  await count('set of 100 existing values in one request', () => agent.vault.setMany(entries));
  await count('list of 100 values, one page', () => agent.vault.list({ prefix: 'many/', pageSize: 100 }).page());
  await count('delete of a value without earlier versions', async () => {
    await agent.vault.delete('prod/stripe/key');
  });
  await count('request with an unknown API key', () =>
    new Anima({ apiKey: unknownKey(vault.agentKey), baseURL: vault.url }).vault.get('a').catch(() => {}),
  );
  const host = await startHost();
  const headers = { authorization: 'Bearer {{anima://prod/api/key}}' };
  await agent.vault.set('prod/api/key', small, { metadata: { allowed_hosts: host.url } });
  // The first use of a value at a host is recorded.
  await agent.vault.fetch(host.url, { headers });
  await count('use of a value in a request to a host', () => agent.vault.fetch(host.url, { headers }));
  // The rotation below counts the values of the organization.
  await agent.vault.delete('prod/api/key');
  let url = '';
  await count('put of a small file: create and complete', async () => {
    ({ url } = await agent.blobs.put(file));
  });
  await count('open of a small file by its link', async () => await (await agent.blobs.get(url)).text());
  await count('login of a user with a password', () => session.account.logIn({ org: vault.org, ...login }));
  await count('add of a memory record', () => user.memory.add({ likes: 'black tea' }));
  await count('search of a few memory records', () => user.memory.search('tea').page());
  const device = await new DeviceVaults({ apiKey: userKey, baseURL: vault.url, storage: memoryStorage() }).create();
  const records = device.records('memory');
  // The function reads the state of the organization at its first request.
  await device.sync();
  await count('sync of a device vault with nothing new', () => device.sync());
  await count('put of a record into a device vault', () => records.put({ likes: 'green tea' }));
  for (let at = 0; at < 20; at++) await records.put({ likes: 'green tea', at }, { id: `record-${at % 10}` });
  await count('pruning of a device vault with 20 changes of 10 records', () => device.prune({ confirmed: true }));
  await device.close();
  const sessions = await beginSessions(vault);
  await sessions.send();
  await sessions.read();
  await count('send of a message between devices, 1 KB', () => sessions.send());
  await count('read of a mailbox with two messages', () => sessions.read());
  await count('ticket for a socket', () => sessions.ticket());
  await count('acknowledgement of a message', () => sessions.acknowledge());
  await count('query of 10 audit records', () => admin.audit.query({ pageSize: 10 }).page());
  await count(
    'rotation of 100 values',
    () => admin.org.rotate(),
    () => untilQuiet(vault),
  );
  const approvals = await beginApprovals(vault, await createOrg(vault), host.url);
  for (const step of ['ask', 'look', 'answer', 'use', 'listActivity'] as const) await approvals[step]();
  await untilQuiet(vault);
  await count(
    'question to a person with one device',
    () => approvals.ask(),
    () => untilQuiet(vault),
  );
  await count('look at the questions', () => approvals.look());
  await count('answer to a question', () => approvals.answer());
  await count('use of a value that was allowed', () => approvals.use());
  await count('list of what a person allowed, two uses', () => approvals.listActivity());
  await host.close();
  const { org, adminKey } = await createOrg(vault);
  const owner = new Anima({ apiKey: adminKey.key, baseURL: vault.url });
  await owner.vault.set('a', small);
  await count(
    'immediate shredding of an organization',
    () => owner.org.shred({ confirm: org }),
    () => untilQuiet(vault),
  );
  return counted;
}
