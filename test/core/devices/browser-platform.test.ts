/** The same code without node:crypto, as in a browser. */

import { globSync } from 'node:fs';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { initialState } from '../../../core/devices/chain-state.ts';
import { generateDeviceKeys } from '../../../core/devices/device-keys.ts';
import { keyWrapsHash, openKeyWraps } from '../../../core/devices/key-wraps.ts';
import { findNativeArgon2id } from '../../../core/devices/published-recovery-wrap.ts';
import { openChange } from '../../../core/devices/record-changes.ts';
import { findNodeCrypto } from '../../../core/hazmat/optional-node-crypto.ts';
import { accepted, fullVault, memberOf, scope, VaultSimulator } from './vault-simulator.ts';

const original = process.getBuiltinModule;
const withNode = async <T>(use: () => Promise<T>): Promise<T> => {
  process.getBuiltinModule = original;
  try {
    return await use();
  } finally {
    Reflect.set(process, 'getBuiltinModule', undefined);
  }
};
beforeAll(() => {
  Reflect.set(process, 'getBuiltinModule', undefined);
});
afterAll(() => {
  process.getBuiltinModule = original;
});

test('a chain of Node is verified by WebCrypto alone, and the other way round', async () => {
  expect(findNodeCrypto()).toBeUndefined();
  expect(findNativeArgon2id()).toBeUndefined();
  const verify = async ({ vault }: Awaited<ReturnType<typeof fullVault>>) => {
    let state = initialState(scope);
    for (const { signed } of vault.log) state = accepted(await applyEntry(state, signed)).state;
    expect(state.head).toEqual(vault.state.head);
  };
  await verify(await withNode(fullVault));
  const full = await fullVault();
  await withNode(() => verify(full));
});

test('what one platform seals and wraps, the other one opens', async () => {
  const roundTrip = async (
    write: <T>(use: () => Promise<T>) => Promise<T>,
    read: <T>(use: () => Promise<T>) => Promise<T>,
  ) => {
    const vault = new VaultSimulator();
    const device = await write(() => vault.begin());
    const member = await generateDeviceKeys(false);
    const pairing = { pairing: 'pa01pa01pa01pa01', transcript: new Uint8Array(32) };
    accepted(
      await write(() => vault.writeRoster(device, { kind: 'add', member: memberOf(member, 'data'), ...pairing })),
    );
    const wraps = vault.log.at(-1)?.wraps ?? expect.fail();
    const outcome = accepted(await write(() => vault.put(device, 'a', 'text')));
    await read(async () => {
      const { commitment, epoch } = vault.key;
      const expected = { epoch, commitment, hash: await keyWrapsHash(wraps) };
      const { key } = await openKeyWraps(scope, member, wraps, expected);
      const change = outcome.changes[0]?.change ?? expect.fail();
      expect(Buffer.from((await openChange(key, change, outcome.entry)).body).toString()).toBe('text');
    });
  };
  const inBrowser = async <T>(use: () => Promise<T>): Promise<T> => await use();
  await roundTrip(withNode, inBrowser);
  await roundTrip(inBrowser, withNode);
});

test('a bundle for browsers needs no module of Node and no Buffer', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: globSync('core/devices/*.ts')
        .map((file, n) => `export * as m${n} from './${file}';`)
        .join('\n'),
      resolveDir: process.cwd(),
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles[0]?.text ?? '';
  expect(code).toContain('anima:entry:v1');
  expect(code).not.toMatch(/\bBuffer\.|from ['"]node:|require\(/);
});
