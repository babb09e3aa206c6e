/** The mixed load of the memory check: what six clients do with a vault, each in turns of its own. */
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
  /** Codes of what failed, with their counts. Conflicts of two clients at one name are no failures. */
  readonly failures: Map<string, number>;
}

type Action = () => Promise<unknown>;

const clients = 6;
/** Names that the clients share, so that the data is bounded whatever the machine's speed. */
const names = 200;
/** A faster machine must not have more data to keep: a check of memory needs the same work everywhere. */
const callsPerSecond = 40;
const expected: ReadonlySet<string> = new Set([
  'value_not_found',
  'version_conflict',
  'record_not_found',
  'blob_not_found',
]);

/** Mostly short, as secrets are; each eighth a large one. */
const someText = (): string =>
  randomBytes(randomInt(8) === 0 ? randomInt(8_000, 40_000) : randomInt(16, 1_500)).toString('base64url');
const someName = (): string => `bench/${randomInt(names)}`;

/** Runs the load until `signal` ends it. */
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

/** What a client does, each as often as it stands here. */
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

/** Drops the older half of a page, so that memories do not grow without an end. */
async function forgetMemory(user: Anima): Promise<void> {
  const { records } = await user.memory.list({ pageSize: 20 }).page();
  for (const { id } of records.slice(0, 4)) await user.memory.delete(id);
}

/** Puts a file, opens it by its link, and deletes it. */
async function shareBlob(agent: Anima): Promise<void> {
  const content = randomBytes(randomInt(1_000, 400_000));
  const { id, url } = await agent.blobs.put(content, { type: 'application/octet-stream', expiresIn: '1h' });
  const opened = await agent.blobs.get(url);
  const bytes = await opened.bytes();
  if (bytes.length !== content.length) throw new Error('a blob came back with another length');
  await agent.blobs.delete(id);
}
