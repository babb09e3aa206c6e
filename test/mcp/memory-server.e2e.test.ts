/** `anima mcp --memory`: the same calls get the same answers as from the server "memory" of the protocol's project. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../cli/command-runner.ts';
import { userFactory } from '../memory/adapters/memory-user.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-mcp-memory-'));
const reference = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-memory/package.json')),
  'dist/index.js',
);
const clients: Client[] = [];
let newUserKey: () => Promise<string>;

beforeAll(async () => {
  newUserKey = (await userFactory(stack)).key;
});
afterAll(async () => {
  await Promise.all(clients.map(async (client) => await client.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function connect(args: string[], env: Record<string, string>): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args,
    cwd: projectFolder,
    env,
    stderr: 'ignore',
  });
  await client.connect(transport);
  clients.push(client);
  return client;
}

const connectOurs = async (key: string, ...more: string[]) =>
  await connect(['cli/main.ts', 'mcp', '--memory', ...more], {
    ANIMA_URL: stack.vault.url,
    ANIMA_KEY: key,
    XDG_CONFIG_HOME: folder,
  });

let files = 0;
const connectReference = async () =>
  await connect([reference], { MEMORY_FILE_PATH: join(folder, `memory-${files++}.jsonl`) });

const ada = { name: 'Ada', entityType: 'person', observations: ['likes TEA', 'born 1815'] };
const bob = { name: 'Bob', entityType: 'person', observations: [] };
const engine = { name: 'Engine "2"', entityType: 'machine é', observations: ['has no tea'] };
const relations = [
  { from: 'Ada', to: 'Engine "2"', relationType: 'programs' },
  { from: 'Bob', to: 'Ada', relationType: 'knows' },
  { from: 'Bob', to: 'Nobody', relationType: 'knows' },
];

/** Calls in order, each with its arguments. */
const calls: readonly (readonly [string, Record<string, unknown>])[] = [
  ['read_graph', {}],
  ['create_entities', { entities: [ada, bob] }],
  ['create_entities', { entities: [{ ...ada, observations: ['other'] }, engine] }],
  ['create_relations', { relations }],
  ['create_relations', { relations: [...relations, { from: 'Ada', to: 'Ada', relationType: 'is' }] }],
  ['read_graph', {}],
  ['search_nodes', { query: 'tea' }],
  ['search_nodes', { query: 'MACHINE É' }],
  ['search_nodes', { query: 'bob' }],
  ['search_nodes', { query: '' }],
  ['search_nodes', { query: 'observations' }],
  ['search_nodes', { query: 'x'.repeat(300) }],
  ['open_nodes', { names: ['Engine "2"', 'Bob', 'Nobody', 'Bob'] }],
  ['open_nodes', { names: [] }],
  ['add_observations', { observations: [{ entityName: 'Ada', contents: ['likes TEA', 'wrote', 'wrote'] }] }],
  [
    'add_observations',
    {
      observations: [
        { entityName: 'Bob', contents: ['a'] },
        { entityName: 'Ada', contents: ['b'] },
        { entityName: 'Bob', contents: ['a', 'c'] },
      ],
    },
  ],
  [
    'add_observations',
    {
      observations: [
        { entityName: 'Bob', contents: ['never'] },
        { entityName: 'Nobody', contents: ['a'] },
      ],
    },
  ],
  ['delete_observations', { deletions: [{ entityName: 'Ada', observations: ['wrote', 'not there'] }] }],
  ['delete_observations', { deletions: [{ entityName: 'Nobody', observations: ['a'] }] }],
  ['read_graph', {}],
  ['delete_relations', { relations: [relations[1], { from: 'x', to: 'y', relationType: 'z' }] }],
  ['delete_entities', { entityNames: ['Engine "2"', 'Nobody'] }],
  ['read_graph', {}],
  ['create_entities', { entities: [engine] }],
  ['read_graph', {}],
  ['create_entities', { entities: [{ name: 'x' }] }],
  ['open_nodes', { names: 'Ada' }],
  ['no_such_tool', {}],
];

describe('anima mcp --memory', () => {
  test('offers the same tools and the same resource', async () => {
    const [ours, theirs] = await Promise.all([connectOurs(await newUserKey()), connectReference()]);
    const tools = async (client: Client) =>
      (await client.listTools()).tools.map(({ name, title, description, inputSchema, outputSchema, annotations }) => ({
        ...{ name, title, description, inputSchema, outputSchema, annotations },
      }));
    expect(await tools(ours)).toEqual(await tools(theirs));
    expect(await tools(ours)).toHaveLength(9);
    expect(await ours.listResources()).toEqual(await theirs.listResources());
  });

  test('answers a sequence of calls as the other server does', async () => {
    const [ours, theirs] = await Promise.all([connectOurs(await newUserKey()), connectReference()]);
    for (const [name, args] of calls) {
      const [got, wanted] = await Promise.all(
        [ours, theirs].map((client) => client.callTool({ name, arguments: args })),
      );
      expect(got, `${name} ${JSON.stringify(args)}`).toEqual(wanted);
    }
    const uri = 'memory://knowledge-graph';
    expect(await ours.readResource({ uri })).toEqual(await theirs.readResource({ uri }));
  });

  test('makes an entity once that is named twice in one call, unlike the other server', async () => {
    const ours = await connectOurs(await newUserKey());
    const entities = [ada, bob, { ...ada, entityType: 'other' }];
    const { structuredContent } = await ours.callTool({ name: 'create_entities', arguments: { entities } });
    expect(structuredContent).toEqual({ entities: [ada, bob] });
  });

  test('of several processes at one graph: no entity is made twice, and no observation is lost', async () => {
    const key = await newUserKey();
    const ours = await Promise.all([connectOurs(key), connectOurs(key)]);
    const made = await Promise.all(
      ours.map((client) => client.callTool({ name: 'create_entities', arguments: { entities: [ada] } })),
    );
    const created = made.map(({ structuredContent }) => (structuredContent as { entities: unknown[] }).entities.length);
    expect(created.sort()).toEqual([0, 1]);
    await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        ours[n % 2]?.callTool({
          name: 'add_observations',
          arguments: { observations: [{ entityName: 'Ada', contents: [`n${n}`] }] },
        }),
      ),
    );
    const { structuredContent } =
      (await ours[0]?.callTool({ name: 'open_nodes', arguments: { names: ['Ada'] } })) ?? {};
    const [{ observations }] = (structuredContent as { entities: [typeof ada] }).entities;
    expect(observations.toSorted()).toEqual(
      [...ada.observations, ...Array.from({ length: 10 }, (_, n) => `n${n}`)].toSorted(),
    );
  });

  test('keeps graphs of different namespaces apart, and nothing of them is in the table in clear', async () => {
    const key = await newUserKey();
    const [work, home] = await Promise.all([connectOurs(key, 'work/notes'), connectOurs(key)]);
    await work.callTool({ name: 'create_entities', arguments: { entities: [{ ...ada, name: 'Countess' }] } });
    await work.callTool({
      name: 'create_relations',
      arguments: { relations: [{ from: 'Countess', to: 'Countess', relationType: 'resembles' }] },
    });
    expect((await home.callTool({ name: 'read_graph', arguments: {} })).structuredContent).toEqual({
      entities: [],
      relations: [],
    });
    const items = JSON.stringify(await stack.allItems(stack.table('UserCustodyRecordsTable')));
    expect(items).not.toMatch(/Countess|resembles|person|1815/);
  });

  test('needs a user key, and excludes the options of secrets', async () => {
    const env = { ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.agentKey, XDG_CONFIG_HOME: folder };
    expect(await runInProcess(['mcp', '--memory'], { env })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('not the key of a user'),
    });
    for (const more of [['--prefix', 'a'], ['--timeout', '30'], ['--broker']])
      expect(await runInProcess(['mcp', '--memory', 'x', ...more], { env })).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--memory excludes'),
      });
    for (const name of ['a//b', 'a/b/c/d/e/f/g'])
      expect(await runInProcess(['mcp', '--memory', name], { env })).toMatchObject({ code: 2 });
  });
});
