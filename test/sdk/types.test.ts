import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import type {
  Anima,
  AnimaErrorCode,
  AnimaOptions,
  BatchResult,
  ConflictError,
  MemoryRecord,
  RecordInfo,
  Value,
  ValueInfo,
} from '../../sdk/src/index.ts';

const tsc = (...args: string[]) => execFileSync(resolve('node_modules/.bin/tsc'), args, { encoding: 'utf8' });

/** Code that the author of an agent might write. Every line must compile with the strictest options. */
const program = `
import {
  Anima, AnimaError, type BlobUploadState, ConflictError, type ImportFernetResult, NotFoundError, openBlob, type OpenedBlob,
  type SetOptions,
} from '@anima/sdk';
KEY
const client = new Anima({ apiKey: key });
await client.vault.set('stripe_secret', 'sk_live_…');
const secret = await client.vault.get('stripe_secret');
const text: string = secret;
const options: SetOptions = { expiresIn: 60, metadata: { team: text } };
const { version } = await client.vault.set('a', 'b', options);
for await (const info of client.vault.list({ prefix: 'a/' })) info.name.toUpperCase();
for (const item of await client.vault.getMany(['a'])) item.ok ? item.value.trim() : item.error.code;
await client.vault.setMany({ a: '1' });
await client.vault.setMany([{ name: 'a', value: '1', ifVersion: version }]);
try {
  await client.vault.delete('a', { ifVersion: 1, timeout: 5 });
} catch (error) {
  if (error instanceof ConflictError) error.currentVersion?.toFixed();
  else if (error instanceof NotFoundError || (error instanceof AnimaError && error.code === 'unavailable')) error.retryable;
}
const { url } = await client.blobs.put(new Uint8Array(3), { expiresIn: '7d', maxOpens: 1, type: 'image/png' });
const opened = await client.blobs.get(url, { onProgress: ({ bytes, total }) => bytes / (total ?? bytes) });
const content: Uint8Array = await opened.bytes();
const recipient: OpenedBlob = await openBlob(url);
const state: BlobUploadState[] = [];
await client.blobs.put(content, { onState: (made) => state.push(made), resume: state[0] });
for await (const blob of client.blobs.list()) blob.state === 'ready' && blob.id.trim() + recipient.name;
const { id } = await client.memory.add({ likes: 'tea' }, { id: 'a' });
const { added, failures } = await client.memory.addMany((async function* () { yield { data: [1, null], id }; })(), {
  onResult: (one) => one.ok ? one.record.version : one.error.code,
});
for await (const { data, updatedAt } of client.memory.search('tea', { onProgress: ({ searched }) => searched / added })) {
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) updatedAt.concat(String(data.likes));
}
for await (const line of client.memory.export().lines()) JSON.parse(line);
const old = { apiKey: 'anm_x', userId: 'user-1' };
const report: ImportFernetResult = await client.memory.importFernet(['gAAAAA'], { ...old, onLine: ({ line }) => line + 1 });
for await (const token of client.memory.exportFernet(old)) token.startsWith('gAAAAA') && report.failures[0]?.reason;
for await (const { role, text } of client.memory.messages()) role === 'agent' && text.trim();
const key2: string = await client.account.changeKey({ keep: (newKey) => newKey.length });
const { canOpen } = await client.explain(\`memory:\${(await client.account.info()).user}/\${id}\`);
canOpen.map(({ who, how, until }) => who + how + (until ?? key2) + failures.length);
await client.users.delete((await client.users.create()).user);
new Anima({ session: true });
// @ts-expect-error a search is for a text
client.memory.search(/tea/);
// @ts-expect-error who deletes an account names it
await client.account.delete();
// @ts-expect-error it could be a path
await client.blobs.put('photo.png');
// @ts-expect-error there is no such unit
await client.blobs.put(content, { expiresIn: '1y' });
// @ts-expect-error a value is a string
await client.vault.set('a', 1);
// @ts-expect-error there is no such option
await client.vault.get('a', { versoin: 1 });
// @ts-expect-error there is no such code
new AnimaError('nonsense');
EXTRA
export {};
`;

const strictest = [
  '--ignoreConfig',
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--verbatimModuleSyntax',
  '--module',
  'nodenext',
  '--target',
  'es2022',
];

describe('the types of the built package', () => {
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'anima-sdk-types-'));
    const home = join(folder, 'node_modules/@anima/sdk');
    mkdirSync(home, { recursive: true });
    tsc('-p', 'sdk/tsconfig.build.json', '--outDir', join(home, 'dist'));
    cpSync('sdk/package.json', join(home, 'package.json'));
    mkdirSync(join(folder, 'node_modules/@types'));
    for (const name of ['@types/node', 'undici-types'])
      symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const signal =
    "await client.vault.get('a', { signal: AbortSignal.timeout(5) });\nnew Anima({ fetch: globalThis.fetch });\nnew Anima({ fetch: async (input, init) => fetch(input, init) });\nawait client.blobs.put(new Blob(['x']));\nawait client.blobs.put(opened.stream);\nawait new Response(opened.stream).text();\nURL.createObjectURL(await opened.blob());\nawait client.memory.importFernet(new Blob(['x']), old);\nawait client.memory.importFernet(opened.stream, old);";
  test.each([
    ['Node', ['--lib', 'es2022', '--types', 'node'], 'const key = process.env.ANIMA_KEY;', signal],
    ['a browser', ['--lib', 'es2022,dom', '--types', ''], "const key: string | undefined = 'x';", signal],
    ['neither', ['--lib', 'es2022', '--types', ''], "const key: string | undefined = 'x';", ''],
  ])(
    'are complete for a program compiled for %s, library files checked too',
    (title, options, key, extra) => {
      const file = join(folder, `${title.replace(' ', '-')}.ts`);
      writeFileSync(
        file,
        program.replace('KEY', () => key).replace('EXTRA', () => extra),
      );
      let output = '';
      try {
        output = tsc(...strictest, ...options, file);
      } catch (error) {
        output = String(Reflect.get(Object(error), 'stdout') || error);
      }
      expect(output).toBe('');
    },
    60_000,
  );
});

describe('the types of the source', () => {
  test('are those the README names', () => {
    type Vault = Anima['vault'];
    expectTypeOf<AnimaOptions['apiKey']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Vault['set']>().returns.resolves.toEqualTypeOf<ValueInfo>();
    expectTypeOf<Vault['get']>().returns.resolves.toEqualTypeOf<string>();
    expectTypeOf<Vault['getWithInfo']>().returns.resolves.toEqualTypeOf<Value>();
    expectTypeOf<Vault['delete']>().returns.resolves.toEqualTypeOf<boolean>();
    expectTypeOf<Vault['getMany']>().returns.resolves.toEqualTypeOf<BatchResult<Value>>();
    expectTypeOf<Anima['memory']['add']>().returns.resolves.toEqualTypeOf<RecordInfo>();
    expectTypeOf<Anima['memory']['get']>().returns.resolves.toEqualTypeOf<MemoryRecord>();
    expectTypeOf<ConflictError['code']>().toEqualTypeOf<AnimaErrorCode>();
    expectTypeOf<AnimaErrorCode>().not.toEqualTypeOf<string>();
  });
});
