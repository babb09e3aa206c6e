/** The SDK in a worker of workerd, with the deployed template on this machine. Skipped if `npm ci --prefix test/runtimes` did not run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

/** The part of miniflare that the test uses. The package is not a dependency of the project. */
interface Miniflare {
  dispatchFetch(url: string): Promise<Response>;
  dispose(): Promise<void>;
}
interface MiniflareModule {
  readonly Miniflare: new (options: object) => Miniflare;
}

const stack = useLocalStack();
const entry = join(projectFolder, 'test', 'runtimes', 'node_modules', 'miniflare', 'dist', 'src', 'index.js');
const isMissing = !existsSync(entry);
const hint = isMissing ? ' (not installed: npm ci --prefix test/runtimes)' : '';

const started: Miniflare[] = [];
afterAll(async () => await Promise.all(started.map(async (one) => await one.dispose())));

/** A worker has no environment variables: its settings are bindings. 20 MiB are uploaded in parts. */
const worker = `
import { Anima, openBlob } from './sdk/src/index.ts';

async function work({ apiKey, adminKey, baseURL }) {
  const client = new Anima({ apiKey, baseURL, maxRetries: 0 });
  await client.vault.set('worker', 'v', { metadata: { in: 'workerd' } });
  for (const bytes of [3, 1_000_000, 20 * 2 ** 20]) {
    const content = new Uint8Array(bytes).map((_, at) => at % 251);
    const { url } = await client.blobs.put(content, { name: 'file.bin' });
    const opened = await (await openBlob(url)).bytes();
    if (opened.length !== bytes || opened.some((byte, at) => byte !== at % 251)) throw new Error('other bytes');
  }
  const { key } = await new Anima({ apiKey: adminKey, baseURL }).users.create();
  const notes = new Anima({ apiKey: key, baseURL }).memory.namespace('notes');
  await notes.put('tea', { likes: 'tea' }, { index: ['likes'] });
  const [found] = await notes.find({ filter: { likes: 'tea' } }).toArray();
  const missing = await client.vault.get('never').catch(({ code }) => code);
  const node = [typeof process, typeof Buffer];
  return { value: await client.vault.get('worker'), found: found?.key, missing, node };
}

export default {
  async fetch(_, settings) {
    return await work(settings).then(Response.json, (error) => new Response(String(error?.stack), { status: 500 }));
  },
};
`;

/** Bundles a worker as its platform does, and starts it. @returns the answer to a request */
async function ask(source: Pick<BuildOptions, 'stdin' | 'entryPoints'>, bindings: object): Promise<unknown> {
  const { outputFiles } = await build({
    ...source,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker'],
    target: 'es2023',
    write: false,
  });
  const { Miniflare }: MiniflareModule = await import(pathToFileURL(entry).href);
  const running = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: outputFiles?.[0]?.text }],
    compatibilityDate: '2026-01-01',
    bindings,
  });
  started.push(running);
  const answer = await running.dispatchFetch('http://worker.test/');
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text);
}

describe('the SDK in a worker', () => {
  test.skipIf(isMissing)(`without Node keeps values, files of 20 MiB and memory${hint}`, async () => {
    const { url: baseURL, agentKey: apiKey, adminKey } = stack.vault;
    const stdin = { contents: worker, resolveDir: projectFolder, loader: 'js' } as const;
    expect(await ask({ stdin }, { apiKey, adminKey, baseURL })).toEqual({
      value: 'v',
      found: 'tea',
      missing: 'value_not_found',
      node: ['undefined', 'undefined'],
    });
  });

  test.skipIf(isMissing)(
    `without Node enrolls devices that write to each other, through a socket too${hint}`,
    async () => {
      const { org, adminKey: apiKey } = await stack.newOrg();
      const entryPoints = [join(projectFolder, 'test', 'runtimes', 'sessions-worker.ts')];
      expect(await ask({ entryPoints }, { org, apiKey, baseURL: stack.vault.url })).toEqual({
        bobGot: ['one', 'two', 'three'],
        annGot: ['an answer'],
        sent: ['sent'],
        frames: expect.arrayContaining(['ready', 'message']),
        node: ['undefined', 'undefined'],
      });
    },
  );
});
