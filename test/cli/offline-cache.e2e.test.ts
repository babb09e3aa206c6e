import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { OfflineCache } from '../../cli/secrets/offline-cache.ts';
import type { VaultAccess } from '../../cli/shell/shell.ts';
import { type ErrorCode, errors } from '../../contract/shared/error-codes.ts';
import { encodeKeySecret, formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import {
  type CacheEntry,
  cacheFileName,
  cacheFolderName,
  openCached,
  sealCached,
} from '../../core/offline-cache/cached-file.ts';
import type { Value } from '../../sdk/src/index.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { runInProcess } from './command-runner.ts';

const root = mkdtempSync(join(tmpdir(), 'anima-cache-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const keyOf = (byte: number, id = 'ghjkmnpqrstvwxyz') =>
  formatApiKey({ org: '0123456789abcdef', id, secret: encodeKeySecret(new Uint8Array(32).fill(byte)) });

const value: Value = {
  name: 'a',
  version: 3,
  createdAt: '2026-11-21T00:00:00.000Z',
  metadata: { m: 'x' },
  value: 'hunter2',
};

describe('a file of the cache', () => {
  const secret = 's'.repeat(43);
  const scope = { url: 'https://vault.example.com', org: '0123456789abcdef', key: 'ghjkmnpqrstvwxyz' };
  const entry: CacheEntry = { purpose: 'value', name: 'a/b', version: 0 };
  const file = sealCached(secret, scope, entry, Buffer.from('hunter2'));

  test('opens for the key and place it was made for, and no two are alike', () => {
    expect(openCached(secret, scope, entry, file).toString()).toBe('hunter2');
    expect(sealCached(secret, scope, entry, Buffer.from('hunter2')).equals(file)).toBe(false);
    expect(file.includes('hunter2')).toBe(false);
  });

  test.each([
    ['another secret', 't'.repeat(43), scope, entry],
    ['another address', secret, { ...scope, url: 'https://vault.example.org' }, entry],
    ['another org', secret, { ...scope, org: 'fedcba9876543210' }, entry],
    ['another key', secret, { ...scope, key: 'fedcba9876543210' }, entry],
    ['another name', secret, scope, { ...entry, name: 'a/c' }],
    ['another version', secret, scope, { ...entry, version: 1 }],
    ['another purpose', secret, scope, { ...entry, purpose: 'names' }],
  ] as const)('does not open for %s, and is named otherwise', (_, otherSecret, otherScope, otherEntry) => {
    expect(() => openCached(otherSecret, otherScope, otherEntry, file)).toThrow(DecryptionError);
    const nameOf = (...args: Parameters<typeof cacheFileName>) =>
      join(cacheFolderName(args[0], args[1]), cacheFileName(...args));
    expect(nameOf(otherSecret, otherScope, otherEntry)).not.toBe(nameOf(secret, scope, entry));
  });

  test('does not open when any bit is changed, or any part is missing', () => {
    for (let at = 0; at < file.length; at++) {
      const changed = Buffer.from(file);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(() => openCached(secret, scope, entry, changed)).toThrow(DecryptionError);
      expect(() => openCached(secret, scope, entry, file.subarray(0, at))).toThrow(DecryptionError);
    }
  });
});

describe('the cache', () => {
  const access: VaultAccess = { name: 'x', url: 'https://vault.example.com', apiKey: keyOf(1), keyFrom: 'file' };
  let now = Date.parse('2026-11-21T00:00:00.000Z');
  const cacheOf = (maxAge = 3_600_000, change: Partial<VaultAccess> = {}) =>
    new OfflineCache({ ...access, ...change }, root, maxAge, () => now);
  const files = () => readdirSync(root, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const pathOf = (reference: { name: string; version?: number }) => {
    const { org, id, secret } = parseApiKey(access.apiKey) ?? expect.fail();
    const scope = { url: access.url, org, key: id };
    return join(
      root,
      cacheFolderName(secret, scope),
      cacheFileName(secret, scope, { purpose: 'value', name: reference.name, version: reference.version ?? 0 }),
    );
  };

  test('gives back what was kept, with its age, from files that tell neither names nor values', async () => {
    const cache = cacheOf();
    await cache.keep({ name: 'secret-name' }, value);
    await cache.keepNames('prod/', ['prod/a', 'prod/b']);
    now += 60_000;
    expect(await cache.find({ name: 'secret-name' })).toEqual({ content: value, age: 60_000 });
    expect(await cache.findNames('prod/')).toEqual({ content: ['prod/a', 'prod/b'], age: 60_000 });
    expect(await cache.find({ name: 'secret-name', version: 3 })).toBeUndefined();
    expect(files()).toHaveLength(2);
    for (const file of files()) {
      const path = join(file.parentPath, file.name);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(file.parentPath).mode & 0o777).toBe(0o700);
      expect(path + readFileSync(path, 'latin1')).not.toMatch(
        /secret-name|hunter2|prod|vault\.example|0123456789abcdef/,
      );
    }
  });

  test('gives nothing to another key, address or organization, even when the file is moved there', async () => {
    const cache = cacheOf();
    await cache.keep({ name: 'a' }, value);
    for (const change of [
      { apiKey: keyOf(2) },
      { apiKey: keyOf(1, '0000000000000000') },
      { url: 'https://other.example.com' },
    ]) {
      expect(await cacheOf(3_600_000, change).find({ name: 'a' })).toBeUndefined();
    }
    copyFileSync(pathOf({ name: 'a' }), pathOf({ name: 'b' }));
    expect(await cache.find({ name: 'b' })).toBeUndefined();
    writeFileSync(pathOf({ name: 'a' }), Buffer.concat([readFileSync(pathOf({ name: 'a' })), Buffer.from('x')]));
    expect(await cache.find({ name: 'a' })).toBeUndefined();
  });

  test('gives nothing that is too old, that has expired, or that comes from the future', async () => {
    const cache = cacheOf();
    await cache.keep({ name: 'a' }, value);
    now += 3_600_000;
    expect(await cache.find({ name: 'a' })).toBeDefined();
    now += 1;
    expect(await cache.find({ name: 'a' })).toBeUndefined();
    expect(existsSync(pathOf({ name: 'a' }))).toBe(false);
    await cache.keep({ name: 'b' }, { ...value, expiresAt: new Date(now + 1000).toISOString() });
    expect(await cache.find({ name: 'b' })).toBeDefined();
    now += 1000;
    expect(await cache.find({ name: 'b' })).toBeUndefined();
    await cache.keep({ name: 'c' }, value);
    now -= 120_000;
    expect(await cache.find({ name: 'c' })).toBeUndefined();
  });
});

describe('commands with --cache-max-age', () => {
  const stack = useLocalStack();
  // A proxy between the command and the vault, which can fail independently of the vault.
  let mode: 'up' | 'down' | ErrorCode | 502 = 'up';
  let asked = 0;
  let front: Server;
  beforeAll(async () => {
    // The client waits a random time before a retry; here it does not wait.
    vi.spyOn(Math, 'random').mockReturnValue(0);
    await stack.client.vault.setMany({ 'app/password': 'hunter2-password', 'app/token': 'hunter2-token' });
    front = createServer((incoming, answer) => {
      asked++;
      if (mode === 'down') return void incoming.destroy();
      if (mode !== 'up') {
        const [code, status] = mode === 502 ? ['', 502] : [mode, errors[mode].status];
        answer.writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '0' });
        return void answer.end(
          mode === 502 ? '<html>' : JSON.stringify({ type: `urn:anima:error:${code}`, code, status }),
        );
      }
      const { method, url, headers } = incoming;
      incoming.pipe(
        request(stack.vault.url + url, { method, headers }, (reply) => {
          answer.writeHead(reply.statusCode ?? 500, reply.headers);
          reply.pipe(answer);
        }),
      );
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    vi.restoreAllMocks();
    front.closeAllConnections();
    front.close();
  });

  let home = '';
  const anima = async (args: readonly string[], cacheMaxAge = '1h') =>
    await runInProcess(args, {
      env: {
        PATH: process.env.PATH ?? '',
        ANIMA_KEY: stack.vault.agentKey,
        ANIMA_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
        ANIMA_CACHE_MAX_AGE: cacheMaxAge,
        XDG_CACHE_HOME: home,
        P: 'anima://app/password',
      },
    });
  /** A new cache folder, filled by these commands. */
  const primed = async (...commands: readonly (readonly string[])[]) => {
    home = mkdtempSync(join(root, 'home-'));
    mode = 'up';
    for (const command of commands) expect(await anima(command)).toMatchObject({ code: 0 });
  };
  const cached = () =>
    readdirSync(home, { recursive: true, withFileTypes: true }).filter((file) => file.isFile()).length;
  const sees = [
    '--',
    'sh',
    '-c',
    'test "$P" = hunter2-password && test "${PASSWORD-hunter2-password}" = hunter2-password',
  ];

  test.each(['down', 'unavailable', 502] as const)('survive an outage (%s), and say so', async (outage) => {
    await primed(['run', '--prefix', 'app', ...sees], ['read', 'anima://app/token']);
    mode = outage;
    const run = await anima(['run', '--prefix', 'app', ...sees]);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(
      /^The vault can’t be reached: 2 values are from the offline cache, read up to \d+ s ago\.\n$/,
    );
    expect(await anima(['read', 'anima://app/token'])).toMatchObject({ code: 0, stdout: 'hunter2-token' });
    expect(await anima(['get', 'app/token', '--quiet'])).toEqual({ code: 0, stdout: 'hunter2-token', stderr: '' });
    expect((await anima(['read', 'anima://app/never'])).code).toBe(6);
  });

  test('keep nothing and use nothing unless asked to', async () => {
    await primed();
    expect((await anima(['read', 'anima://app/token'], '')).code).toBe(0);
    expect(cached()).toBe(0);
    await primed(['read', 'anima://app/token']);
    mode = 'down';
    expect((await anima(['read', 'anima://app/token'], '')).code).toBe(6);
    expect((await anima(['read', 'anima://app/token', '--cache-max-age', '1x'])).code).toBe(2);
  });

  test.each(['audit_unavailable', 'key_unavailable', 'internal'] as const)(
    'use nothing when the vault answers %s: it was reached',
    async (code) => {
      await primed(['read', 'anima://app/token']);
      mode = code;
      expect(await anima(['read', 'anima://app/token'])).toMatchObject({ code: 6, stdout: '' });
    },
  );

  test.each([
    ['forbidden', 1],
    ['value_not_found', 1],
    ['value_expired', 1],
    ['api_key_revoked', 0],
    ['invalid_api_key', 0],
    ['org_shredded', 0],
    ['org_locked', 0],
  ] as const)('after a refusal (%s) use nothing, and forget: %i left', async (code, left) => {
    await primed(['read', 'anima://app/token'], ['run', ...sees]);
    expect(cached()).toBe(2);
    mode = code;
    const refused = await anima(['read', 'anima://app/token']);
    expect(refused).toMatchObject({ stdout: '' });
    expect(refused.code).toBeGreaterThan(0);
    expect(cached()).toBe(left);
    mode = 'down';
    expect((await anima(['read', 'anima://app/token'])).code).toBe(6);
  });

  test('a value that is gone from a batch is forgotten, the others are not', async () => {
    await stack.client.vault.set('app/passing', 'x');
    await primed(['run', '--prefix', 'app', '--', 'true']);
    expect(cached()).toBe(4);
    await stack.client.vault.delete('app/passing');
    expect((await anima(['inject', '-o', '-'])).code).toBe(0);
    expect((await anima(['run', '--', 'sh', '-c', 'true'])).code).toBe(0);
    expect((await anima(['read', 'anima://app/passing'])).code).toBe(3);
    expect(cached()).toBe(3);
  });

  test('ask a vault that is down once, not once for each thing they need', async () => {
    await primed(['run', '--prefix', 'app', ...sees]);
    mode = 'down';
    asked = 0;
    expect((await anima(['run', '--prefix', 'app', ...sees])).code).toBe(0);
    // One request with its three retries. Separate requests for names and values would be twice as many.
    expect(asked).toBe(4);
  });
});
