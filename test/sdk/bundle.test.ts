import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type BuildResult, build, type OutputFile } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { deriveFernetKey, sealFernet } from '../../core/memory/fernet.ts';
import { version } from '../../sdk/src/index.ts';
import { apiKey, fakeFetch, info, json, userKey } from './fake-fetch.ts';
import { FakeMemoryService } from './memory/fake-memory-service.ts';

const manifest: Record<string, unknown> = JSON.parse(readFileSync('sdk/package.json', 'utf8'));

describe('the bundle for browsers and workers', () => {
  const common = {
    entryPoints: ['sdk/src/index.ts'],
    bundle: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  } as const;
  let whole: BuildResult<{ write: false; metafile: true; entryPoints: string[] }>;
  let bundle: OutputFile;
  /**
   * The files loaded at start, and those added at the first use of blobs, of memory, and of the other parts.
   */
  const atOnce: OutputFile[] = [];
  const blobs: OutputFile[] = [];
  const memory: OutputFile[] = [];
  const later: OutputFile[] = [];
  /** The files added at the first login with an identity of another system. */
  const logins: OutputFile[] = [];

  beforeAll(async () => {
    const entryPoints = [...common.entryPoints];
    whole = await build({ ...common, entryPoints, format: 'iife', globalName: 'sdk' });
    const [file] = whole.outputFiles;
    if (file === undefined) throw new Error('esbuild wrote nothing');
    bundle = file;
    const split = await build({ ...common, entryPoints, format: 'esm', splitting: true, outdir: 'dist' });
    const { outputs } = split.metafile;
    const needs = (name: string) => (outputs[name]?.imports ?? []).filter(({ kind }) => kind === 'import-statement');
    /** The files that an entry needs, except those that are already loaded. */
    const reached = (of: RegExp, there: readonly OutputFile[] = []) => {
      const names = new Set(Object.keys(outputs).filter((name) => of.test(outputs[name]?.entryPoint ?? '')));
      for (const name of names) for (const { path } of needs(name)) names.add(path);
      return split.outputFiles.filter((one) => names.has(relative('.', one.path)) && !there.includes(one));
    };
    atOnce.push(...reached(/index\.ts$/));
    blobs.push(...reached(/\/src\/blobs\//, atOnce));
    memory.push(...reached(/\/memory-modules\.ts$/, atOnce));
    later.push(...reached(/\/lazy-modules\.ts$/, atOnce));
    logins.push(...reached(/\/login-modules\.ts$/, atOnce));
    expect(new Set([...atOnce, ...blobs, ...memory, ...later, ...logins]).size).toBe(split.outputFiles.length);
  });

  test('is under 15 KiB gzipped, what blobs add to it when they are first used is under 17 KB, memory under 8 KiB, the rest under 9 KiB, and logins under 6 KB', () => {
    const size = (files: OutputFile[]) => files.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
    expect(size(atOnce)).toBeLessThan(15_360);
    expect(size(blobs)).toBeGreaterThan(1_000);
    expect(size(blobs)).toBeLessThan(17_000);
    expect(size(memory)).toBeGreaterThan(1_000);
    expect(size(memory)).toBeLessThan(8_192);
    expect(size(later)).toBeGreaterThan(1_000);
    expect(size(later)).toBeLessThan(9_216);
    expect(size(logins)).toBeGreaterThan(1_000);
    expect(size(logins)).toBeLessThan(6_000);
  });

  test('holds only sdk, contract and core: no package, no schemas, nothing of Node', () => {
    const inputs = Object.keys(whole.metafile.inputs);
    expect(inputs.length).toBeGreaterThan(10);
    for (const input of inputs) expect(input).toMatch(/^(?:sdk\/src|contract|core)\/(?:[\w-]+\/)?[\w-]+\.ts$/);
    for (const input of inputs) expect(input).not.toMatch(/schema/);
    for (const { text } of [...atOnce, ...memory, ...later])
      expect(text).not.toMatch(/node:|@aws-sdk|\bBuffer\b|\brequire\(/);
    // The module is requested from the running process and not imported. Browsers use WebCrypto.
    const lazy = blobs.map(({ text }) => text).join('\n');
    expect(lazy.match(/node:\w+/g)).toEqual(['node:crypto']);
    expect(lazy).not.toMatch(/from"node|import\("node|@aws-sdk|\bBuffer\b|\brequire\(/);
  });

  test('holds nothing of device vaults, whose entry holds nothing of Node', async () => {
    const device = /^sdk\/src\/device\/|^core\/devices\/|^contract\/devices\//;
    const main = Object.values(whole.metafile.outputs).flatMap((output) => Object.entries(output.inputs));
    const held = main.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([input]) => input);
    expect(held.length).toBeGreaterThan(10);
    expect(held.filter((input) => device.test(input))).toEqual([]);
    const { outputFiles, metafile } = await build({
      ...common,
      entryPoints: ['sdk/src/device/index.ts'],
      format: 'esm',
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((input) => device.test(input)).length).toBeGreaterThan(30);
    for (const input of inputs) expect(input).toMatch(/^(?:sdk\/src|contract|core)\/(?:[\w-]+\/)*[\w-]+\.ts$/);
    for (const input of inputs) expect(input).not.toMatch(/schema|node-storage|\/node\.ts$/);
    const text = outputFiles[0]?.text ?? '';
    // The module is requested from the running process and not imported. Browsers use WebCrypto.
    expect([...new Set(text.match(/node:[\w/]+/g))]).toEqual(['node:crypto']);
    expect(text).not.toMatch(/from"node|import\("node|@aws-sdk|\bBuffer\b|\brequire\(/);
    expect(gzipSync(text).length).toBeLessThan(54_000);
  });

  test('holds nothing of sessions, whose entry holds no package but noble and hpke, and nothing of Node', async () => {
    const session = /^sdk\/src\/session\/|^core\/(sessions|directory)\/|^contract\/sessions\/(?!routes)/;
    const main = Object.values(whole.metafile.outputs).flatMap((output) => Object.entries(output.inputs));
    const held = main.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([input]) => input);
    expect(held.filter((input) => session.test(input))).toEqual([]);
    const { outputFiles, metafile } = await build({
      ...common,
      entryPoints: ['sdk/src/session/index.ts'],
      format: 'esm',
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((input) => session.test(input)).length).toBeGreaterThan(50);
    for (const input of inputs)
      expect(input).toMatch(
        /^(?:(?:sdk\/src|contract|core)\/(?:[\w-]+\/)*[\w-]+\.ts|node_modules\/(?:@noble|hpke)\/.*\.js)$/,
      );
    for (const input of inputs) expect(input).not.toMatch(/schema|node-storage|\/node\.ts$/);
    const text = outputFiles[0]?.text ?? '';
    expect([...new Set(text.match(/node:[\w/]+/g))]).toEqual(['node:crypto']);
    expect(text).not.toMatch(/from"node|import\("node|@aws-sdk|\bBuffer\b|\brequire\(/);
  });

  test('runs where there is no process, Buffer or window, only what every worker has', async () => {
    const { fetch, seen } = fakeFetch(json(info('a')), json({ ...info('a'), value: 'v' }));
    const worker = { fetch, URL, URLSearchParams, TextEncoder, AbortController, crypto, setTimeout, clearTimeout };
    const context = createContext({ ...worker, key: apiKey });
    const value: unknown = await runInContext(
      `${bundle.text}
      (async () => {
        const client = new sdk.Anima({ apiKey: key, baseURL: 'https://vault.test' });
        await client.vault.set('a', 'v');
        return client.vault.get('a');
      })()`,
      context,
    );
    expect(value).toBe('v');
    expect(seen.map(({ headers }) => headers['x-anima-client'])).toEqual([
      `anima-sdk/${version}`,
      `anima-sdk/${version}`,
    ]);
    expect(seen[0]?.headers).not.toHaveProperty('user-agent');
  });

  test('keeps a memory there too, and opens Fernet tokens', async () => {
    const vault = new FakeMemoryService();
    const token = await sealFernet(
      await deriveFernetKey('old', 'user-1'),
      new TextEncoder().encode('{"likes":"tea"}'),
      1e9,
    );
    const worker = { fetch: vault.fetch, URL, URLSearchParams, TextEncoder, TextDecoder, AbortController, crypto };
    const context = createContext({ ...worker, setTimeout, clearTimeout, key: userKey, token });
    const told: unknown = await runInContext(
      `${bundle.text}
      (async () => {
        const { memory } = new sdk.Anima({ apiKey: key, baseURL: 'https://vault.test' });
        await memory.addMany([{ id: 'a', data: ['b'] }]);
        await memory.importFernet(token, { apiKey: 'old', userId: 'user-1' });
        return JSON.stringify((await memory.list().toArray()).map(({ data }) => data));
      })()`,
      context,
    );
    expect(told).toBe('[{"likes":"tea"},["b"]]');
  });
});

describe('the package', () => {
  test('says its version once for people and once for code, and they agree', () => {
    expect(manifest.version).toBe(version);
  });

  test('depends on nothing but the primitives of noble and HPKE, in exact versions, for its entry of sessions', () => {
    expect(manifest).not.toHaveProperty('optionalDependencies');
    const { dependencies } = manifest;
    const noble = ['ciphers', 'curves', 'hashes', 'post-quantum'].map((name) => `@noble/${name}`);
    expect(Object.keys(Object(dependencies))).toEqual([...noble, 'hpke']);
    for (const version of Object.values(Object(dependencies))) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('installs no package of a framework: each is an optional peer of its adapter', () => {
    const { peerDependencies, peerDependenciesMeta } = manifest;
    const optional = Object.keys(Object(peerDependencies)).map((name) => [name, { optional: true }]);
    expect(optional.length).toBeGreaterThan(0);
    expect(peerDependenciesMeta).toEqual(Object.fromEntries(optional));
  });
});
