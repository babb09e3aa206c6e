/** The mixed load of the memory check: six independent clients call a vault concurrently. */
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Anima, AnimaError } from '../sdk/src/index.ts';

export interface Vault {
  readonly url: string;
  readonly adminKey: string;
  readonly agentKey: string;
}

export interface Tally {
  requests: number;
  /** The number of failures by error code. Conflicts between clients that use the same name do not count. */
  readonly failures: Map<string, number>;
}

type Action = () => Promise<unknown>;

const clients = 6;
/** The number of names, which all clients share. This limits the data independently of the machine's speed. */
const names = 200;
/** The maximum rate per client, so that the amount of work and data does not depend on the machine's speed. */
const callsPerSecond = 40;
const expected: ReadonlySet<string> = new Set([
  'value_not_found',
  'version_conflict',
  'record_not_found',
  'blob_not_found',
]);

/** A random text. Most are short, like secrets; one in eight is large. */
const someText = (): string =>
  randomBytes(randomInt(8) === 0 ? randomInt(8_000, 40_000) : randomInt(16, 1_500)).toString('base64url');
const someName = (): string => `bench/${randomInt(names)}`;

/** Runs the load until `signal` aborts. */
export async function runLoad(vault: Vault, signal: AbortSignal): Promise<Tally> {
  const tally: Tally = { requests: 0, failures: new Map() };
  await Promise.all(Array.from({ length: clients }, () => runClient(vault, tally, signal)));
  return tally;
}

async function runClient(vault: Vault, tally: Tally, signal: AbortSignal): Promise<void> {
  const actions = await actionsOf(vault);
  while (!signal.aborted) {
    const next = sleep(1000 / callsPerSecond);
    const action = actions[randomInt(actions.length)];
    try {
      tally.requests += 1;
      await action?.();
    } catch (error) {
      if (signal.aborted) return;
      const code = error instanceof AnimaError ? error.code : String(error);
      if (!expected.has(code)) tally.failures.set(code, (tally.failures.get(code) ?? 0) + 1);
    }
    await next;
  }
}

/** The actions of a client. The number of entries determines how often an action runs. */
async function actionsOf({ url, adminKey, agentKey }: Vault): Promise<readonly Action[]> {
  const agent = new Anima({ baseURL: url, apiKey: agentKey, agent: 'bench', maxRetries: 0 });
  const admin = new Anima({ baseURL: url, apiKey: adminKey, agent: 'bench', maxRetries: 0 });
  const { key } = await admin.users.create();
  const user = new Anima({ baseURL: url, apiKey: key, maxRetries: 0 });
  const set: Action = () => agent.vault.set(someName(), someText());
  const get: Action = () => agent.vault.get(someName());
  const memory: Action = () => user.memory.add({ text: someText() }, { id: `r${Date.now()}-${randomInt(1e9)}` });
  return [
    ...Array<Action>(5).fill(set),
    ...Array<Action>(8).fill(get),
    () => agent.vault.list({ prefix: 'bench/', pageSize: 100 }).page(),
    () => agent.vault.list({ pageSize: 20 }).page(),
    () => agent.vault.delete(someName()),
    () => agent.vault.getMany(Array.from({ length: 10 }, someName)),
    () => agent.vault.setMany(Array.from({ length: 5 }, (_, i) => ({ name: `bench/many-${i}`, value: someText() }))),
    memory,
    memory,
    () => user.memory.list({ pageSize: 20 }).page(),
    () => forgetMemory(user),
    () => shareBlob(agent),
    () => admin.keys.list().page(),
    () => admin.audit.query({ pageSize: 20 }).page(),
    () => admin.org.get(),
  ];
}

/** Deletes the first four records of a page, so that the number of records stays limited. */
async function forgetMemory(user: Anima): Promise<void> {
  const { records } = await user.memory.list({ pageSize: 20 }).page();
  for (const { id } of records.slice(0, 4)) await user.memory.delete(id);
}

/** Stores a file, opens it with its link, and deletes it. */
async function shareBlob(agent: Anima): Promise<void> {
  const content = randomBytes(randomInt(1_000, 400_000));
  const { id, url } = await agent.blobs.put(content, { type: 'application/octet-stream', expiresIn: '1h' });
  const opened = await agent.blobs.get(url);
  const bytes = await opened.bytes();
  if (bytes.length !== content.length) throw new Error('The received blob has a different length.');
  await agent.blobs.delete(id);
}
