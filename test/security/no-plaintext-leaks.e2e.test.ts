/** Searches files, logs and error messages for every plaintext, key and token, in all usual encodings. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { openBlob } from '../../sdk/src/index.ts';
import { linkProof } from '../blobs/blob-requests.ts';
import { type LocalStack, startLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-secrecy-'));
const settings = parseEnv(readFileSync(join(projectFolder, 'test/shared/thirty.env'), 'utf8')) as Record<
  string,
  string
>;
const marker = 'PLAINTEXT-marker-4711 ü/+"';
const metadataMarker = 'metadata-marker-0815';
const bodyMarker = 'body-marker-2357';
const contentMarker = 'content of a file 1123';
const nameMarker = 'name-of-a-file-5813';
const typeMarker = 'x-type-of-a-file-2134';
/** Links with their keys, and the proofs for these links. */
const links: string[] = [];
const proofs: string[] = [];
let stack: LocalStack;
let answers = '';

beforeAll(async () => {
  stack = await startLocalStack({ dataDir: join(folder, 'data') });
  const { vault } = stack.client;
  await vault.setMany(settings);
  await vault.set('marked', marker, { metadata: { note: metadataMarker } });
  await vault.set('marked', `${marker} again`, { metadata: { note: metadataMarker } });
  await vault.get('marked');
  await vault.list().toArray();
  await vault.delete('EMPTY');
  // Requests that fail in every way, each with a secret in it.
  const key = stack.vault.agentKey;
  for (const [method, path, body] of [
    ['PUT', '/v1/vault/values/marked', `{"value":"${bodyMarker}`],
    ['PUT', '/v1/vault/values/marked', { value: bodyMarker, [bodyMarker]: bodyMarker }],
    ['PUT', '/v1/vault/values/marked', { value: bodyMarker, ifVersion: 9 }],
    ['PUT', '/v1/vault/values/marked', { value: 7, metadata: bodyMarker, writeId: bodyMarker }],
    [
      'POST',
      '/v1/vault/batch-set',
      {
        items: [
          { name: 'a b', value: bodyMarker },
          { name: 'c', value: bodyMarker.repeat(9000) },
        ],
      },
    ],
    ['GET', `/v1/vault/values?cursor=${bodyMarker}`, undefined],
    ['POST', '/v1/keys', { role: bodyMarker }],
  ] as const) {
    answers += await (await stack.http(method, path, { key, body })).text();
    answers += await (await stack.http(method, path, { key: `${key}${bodyMarker}`, body })).text();
  }
  stack.vault.setHooks({
    before: (call) =>
      call.action === 'PutItem' && JSON.stringify(call.input).includes(stack.table('ValuesTable'))
        ? { type: 'ValidationException', status: 400, message: bodyMarker }
        : undefined,
  });
  answers += await (await stack.http('PUT', '/v1/vault/values/marked', { key, body: { value: bodyMarker } })).text();
  stack.vault.setHooks();
  await blobs();
});

/** Uploads, opens, previews and refusals of blobs, in every way. */
async function blobs(): Promise<void> {
  const content = () => new TextEncoder().encode(`${contentMarker} `.repeat(20));
  const described = { name: `${nameMarker}.txt`, type: `text/${typeMarker}` };
  const { blobs } = stack.client;
  const pieces = async function* () {
    yield content();
  };
  const puts = [
    await blobs.put(content(), { ...described, maxOpens: 5, expiresIn: '1h' }),
    await blobs.put(pieces(), described),
    await blobs.put(content(), { ...described, burn: true }),
  ];
  const [first] = puts;
  if (first === undefined) return;
  puts.push({ ...first, url: (await blobs.relink(first.id, first.url)).url });
  for (const { url, link } of puts) {
    links.push(url);
    proofs.push(await linkProof(url, 'open'), await linkProof(url, 'burn'));
    // A browser requests the page without the fragment.
    expect((await fetch(url.replace(/#.*/, ''))).status).toBe(200);
    const visit = await fetch(`${stack.vault.pageUrl}/v1/links/${link}`);
    const odd = { body: { proof: proofs.at(-2), [bodyMarker]: bodyMarker } };
    answers += await visit.text();
    for (const end of ['opening', 'burning']) {
      answers += await (await stack.http('POST', `/v1/links/${link}/${end}`, odd)).text();
      const wrong = { body: { proof: Buffer.alloc(32, 7).toString('base64') } };
      answers += await (await stack.http('POST', `/v1/links/${link}/${end}`, wrong)).text();
    }
    await openBlob(url)
      .then((opened) => opened.bytes())
      .catch((error: unknown) => (answers += JSON.stringify(error)));
  }
  // Failures of AWS services whose messages contain a secret.
  stack.vault.setHooks({
    before: ({ action }) =>
      action === 'HeadObject' || action === 'UpdateItem'
        ? { type: 'ValidationException', status: 400, message: bodyMarker }
        : undefined,
  });
  const once = { maxRetries: 0 };
  await blobs.put(content(), { ...described, ...once }).catch((error: unknown) => (answers += String(error)));
  await blobs.get(puts[1]?.url ?? '', once).catch((error: unknown) => (answers += String(error)));
  stack.vault.setHooks();
}

afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

function* files(at: string): Generator<string> {
  for (const name of readdirSync(at)) {
    const path = join(at, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

/**
 * A text, or bytes, in all encodings in which it could be stored. Base64 at each of three offsets, without the border
 * characters.
 */
function spellings(secret: string | Buffer): Buffer[] {
  const bytes = Buffer.from(secret);
  const text = typeof secret === 'string' ? secret : secret.toString('base64');
  const base64 = [0, 1, 2].map((pad) =>
    Buffer.concat([Buffer.alloc(pad), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(4, -2),
  );
  const all = [
    text,
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    ...base64,
    ...base64.map((b) => b.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...[...new Set(all)].filter((s) => s.length >= 8).map((s) => Buffer.from(s)), bytes];
}

/** All texts that must not be found, with their kinds. */
function secrets(): [string, string | Buffer][] {
  const keys = [stack.vault.agentKey, stack.vault.adminKey];
  return [
    ...Object.entries(settings).filter(([, value]) => value.length >= 8),
    ['marker', marker],
    ['metadata', metadataMarker],
    ['body', bodyMarker],
    ['content of a file', contentMarker],
    ['name of a file', nameMarker],
    ['type of a file', typeMarker],
    ...links.map((url): [string, Buffer] => ['key of a link', Buffer.from(url.replace(/.*#/, ''), 'base64url')]),
    ...proofs.map((one): [string, Buffer] => ['proof of a key', Buffer.from(one, 'base64')]),
    ...keys.map((key): [string, string] => ['API key', key]),
    ...keys.map((key): [string, string] => ['secret of an API key', parseApiKey(key)?.secret ?? expect.fail()]),
  ];
}

function found(haystack: Buffer): string[] {
  return secrets().flatMap(([what, secret]) => (spellings(secret).some((s) => haystack.includes(s)) ? [what] : []));
}

const tables = ['KeyringsTable', 'ApiKeysTable', 'ValuesTable', 'AuditTable', 'BlobRecordsTable'] as const;

describe('no plaintext, key, token or body', () => {
  test('lies in any file of the data folder', async () => {
    let seen = 0;
    for (const path of files(join(folder, 'data'))) {
      // Bundles contain the program of the vault and were created before any secret.
      if (path.includes('/assembly/') || path.includes('/functions/code/')) continue;
      expect(found(readFileSync(path)), path).toEqual([]);
      seen++;
    }
    expect(seen).toBeGreaterThan(5);
  });

  test('is in what functions and gateway logged, which is there and names routes', () => {
    const logs = stack.vault.logs();
    expect(logs).toContain('setValue');
    expect(logs).toContain('ValidationException');
    expect(found(Buffer.from(logs))).toEqual([]);
    expect(logs).not.toMatch(/authorization|Bearer/i);
  });

  test('is in any item of any table, as its owner reads it', async () => {
    for (const start of tables) {
      const items = await stack.allItems(stack.table(start));
      expect(items.length, start).toBeGreaterThan(0);
      expect(found(Buffer.from(JSON.stringify(items))), start).toEqual([]);
    }
  });

  test('is in what the page and the gateway log of those who open links', () => {
    const visits = stack.vault.pageLog();
    const [, link = ''] = /\/b\/(\w+)/.exec(links[0] ?? '') ?? [];
    expect(visits.filter(({ path }) => path === `/b/${link}`)).toMatchObject([{ method: 'GET', status: 200 }]);
    expect(visits.filter(({ path }) => path.startsWith('/v1/links/')).length).toBeGreaterThan(3);
    expect(found(Buffer.from(JSON.stringify(visits)))).toEqual([]);
    for (const { path, referer } of visits) expect(`${path} ${referer}`).not.toContain('#');
    const logs = stack.vault.logs();
    expect(logs).toContain('openLink');
    for (const url of links) expect(logs).not.toContain(/\/b\/(\w+)/.exec(url)?.[1]);
  });

  test('is in an answer that tells of a failure', () => {
    expect(answers).toContain('urn:anima:error:');
    expect(answers).toContain('urn:anima:error:internal');
    expect(found(Buffer.from(answers))).toEqual([]);
  });

  test('would be overlooked: the search finds each secret once it is written down', () => {
    for (const [what, secret] of secrets()) {
      for (const spelling of [
        Buffer.from(secret),
        Buffer.concat([Buffer.from('x'), Buffer.from(secret)]).toString('base64'),
        ...(typeof secret === 'string' ? [] : [secret.toString('base64url')]),
        Buffer.from(secret).toString('hex'),
      ]) {
        const written = Buffer.concat([Buffer.from('before '), Buffer.from(spelling), Buffer.from(' after')]);
        expect(found(written), what).toContain(what);
      }
    }
  });
});

test('every value and its facts lie in the table as enc:v1 strings of one DEK', async () => {
  const starts = new Set<string>();
  const items = (await stack.allItems(stack.table('ValuesTable'))).filter(({ org }) => org?.S === stack.vault.org);
  const names = items.map(({ name }) => name?.S);
  for (const name of [...Object.keys(settings).filter((n) => n !== 'EMPTY'), 'marked']) expect(names).toContain(name);
  // Also the slots of earlier versions.
  for (const { hints: _, ttl: __, ...item } of items) {
    for (const sealed of [item.value?.S ?? '', item.info?.S ?? '']) {
      expect(sealed).toMatch(/^enc:v1:[A-Za-z0-9+/]+=*$/);
      starts.add(sealed.slice(0, 35));
    }
    expect(Object.keys(item).sort()).toEqual(['info', 'life', 'name', 'org', 'value', 'version', 'writeId']);
  }
  expect(starts.size).toBe(1);
});
