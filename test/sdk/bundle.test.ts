import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { type BuildResult, build, type OutputFile } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { version } from '../../sdk/src/index.ts';
import { apiKey, fakeFetch, info, json } from './fakes.ts';

const manifest: Record<string, unknown> = JSON.parse(readFileSync('sdk/package.json', 'utf8'));

describe('the bundle for browsers and workers', () => {
  let result: BuildResult<{ write: false; metafile: true; entryPoints: string[] }>;
  let bundle: OutputFile;

  beforeAll(async () => {
    result = await build({
      entryPoints: ['sdk/src/index.ts'],
      bundle: true,
      minify: true,
      platform: 'browser',
      target: 'es2022',
      format: 'iife',
      globalName: 'sdk',
      metafile: true,
      write: false,
    });
    const [file] = result.outputFiles;
    if (file === undefined) throw new Error('esbuild wrote nothing');
    bundle = file;
  });

  test('is under 15 KB gzipped', () => {
    expect(gzipSync(bundle.contents).length).toBeLessThan(15_000);
  });

  test('holds only sdk, contract and core: no package, no schemas, nothing of Node', () => {
    const inputs = Object.keys(result.metafile.inputs);
    expect(inputs.length).toBeGreaterThan(10);
    for (const input of inputs) expect(input).toMatch(/^(?:sdk\/src|contract|core)\/[\w-]+\.ts$/);
    expect(inputs).not.toContain('contract/schemas.ts');
    expect(bundle.text).not.toMatch(/node:|@aws-sdk|\bBuffer\b|\brequire\(/);
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
});

describe('the package', () => {
  test('says its version once for people and once for code, and they agree', () => {
    expect(manifest.version).toBe(version);
  });

  test('depends on nothing', () => {
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies'])
      expect(manifest).not.toHaveProperty(kind);
  });
});
