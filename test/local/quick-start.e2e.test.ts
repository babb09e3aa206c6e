/** The main use case: the quick start of the README in an empty folder, and 30 settings that survive a hard kill. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBlob } from '../../sdk/src/index.ts';
import { equalBytes } from '../blobs/blob-requests.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { projectFolder, runCommand, startVaultProcess, type VaultProcess } from '../shared/vault-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-quick-start-'));
const agent = mkdtempSync(join(tmpdir(), 'anima-agent-'));
const readme = readFileSync(join(projectFolder, 'README.md'), 'utf8');
let vault: VaultProcess;

/** The README block after a marker. */
function block(marker: string): string {
  const [, code] = readme.match(new RegExp(`<!-- quick-start: ${marker} -->\n\`\`\`\\w+\n([\\s\\S]*?)\`\`\``)) ?? [];
  return code ?? expect.fail(`the README has no block ${marker}`);
}

const environment = () => ({ ANIMA_KEY: vault.ready.agentKey, ANIMA_URL: vault.ready.url });

beforeAll(async () => {
  vault = await startVaultProcess('--port', '0', '--data', join(folder, 'data'));
  await runCommand('bash', ['-euc', block('install')], projectFolder, { AGENT: agent });
});

afterAll(async () => {
  await vault.stop('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
  rmSync(agent, { recursive: true, force: true });
});

describe('the quick start of the README', () => {
  test('runs verbatim against npm start, with the packed SDK in an empty folder', async () => {
    writeFileSync(join(agent, 'agent.mjs'), block('agent.mjs'));
    expect(await runCommand('bash', ['-euc', block('run')], agent, environment())).toBe('it came back\n');
  });

  test('shares a picture by a link, which the page at its address opens', async () => {
    const picture = pseudoRandomBytes(30_000);
    writeFileSync(join(agent, 'picture.png'), picture);
    writeFileSync(join(agent, 'share.mjs'), block('share.mjs'));
    const [url = '', opened, openings] = (
      await runCommand('bash', ['-euc', block('share')], agent, environment())
    ).split('\n');
    expect(opened).toBe('picture.png of type image/png: 30000 bytes');
    expect(openings).toBe('1 of 3 openings');
    const page = await fetch(url.replace(/#.*/, ''));
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(equalBytes(await (await openBlob(url)).bytes(), picture)).toBe(true);
  });

  test('the packed SDK brings the primitives of noble, HPKE, and nothing else', () => {
    const manifest = JSON.parse(readFileSync(join(agent, 'node_modules/@anima/sdk/package.json'), 'utf8'));
    const packages = ['@noble/ciphers', '@noble/curves', '@noble/hashes', '@noble/post-quantum', 'hpke'];
    expect(Object.keys(manifest.dependencies)).toEqual(packages);
    const lock = JSON.parse(readFileSync(join(agent, 'package-lock.json'), 'utf8'));
    const installed = ['@anima/sdk', ...packages].map((name) => `node_modules/${name}`);
    expect(Object.keys(lock.packages).sort()).toEqual(['', ...installed]);
  });
});

const store = `
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { Anima } from '@anima/sdk';
const client = new Anima();
const settings = parseEnv(readFileSync('thirty.env', 'utf8'));
for (const [name, value] of Object.entries(settings)) await client.vault.set('prod/' + name, value);
`;
const check = `
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { Anima } from '@anima/sdk';
const client = new Anima();
const settings = parseEnv(readFileSync('thirty.env', 'utf8'));
let same = 0;
for (const [name, value] of Object.entries(settings)) {
  const got = await client.vault.get('prod/' + name);
  if (Buffer.from(got).equals(Buffer.from(value))) same++;
}
const names = [];
for await (const info of client.vault.list({ prefix: 'prod/' })) names.push(info.name);
const expected = Object.keys(settings).map((name) => 'prod/' + name).sort();
console.log(JSON.stringify({ same, listed: JSON.stringify(names) === JSON.stringify(expected) }));
`;

describe('a real .env file of 30 entries', () => {
  test('comes back byte for byte, is listed, and does so again after the vault was killed hard and started anew', async () => {
    copyFileSync(join(projectFolder, 'test/shared/thirty.env'), join(agent, 'thirty.env'));
    writeFileSync(join(agent, 'store.mjs'), store);
    writeFileSync(join(agent, 'check.mjs'), check);
    await runCommand('node', ['store.mjs'], agent, environment());
    const expected = { same: 30, listed: true };
    expect(JSON.parse(await runCommand('node', ['check.mjs'], agent, environment()))).toEqual(expected);

    const before = vault.ready;
    await vault.stop('SIGKILL');
    vault = await startVaultProcess('--port', '0', '--data', join(folder, 'data'));
    const { url: _, ...same } = vault.ready;
    expect(before).toMatchObject(same);
    expect(JSON.parse(await runCommand('node', ['check.mjs'], agent, environment()))).toEqual(expected);
  });
});

describe('npm start', () => {
  test('--json prints one line and nothing else, with exactly the documented fields', () => {
    expect(Object.keys(vault.ready)).toEqual(['url', 'org', 'adminKey', 'agentKey', 'dataDir']);
    expect(vault.stdout()).toBe(`${JSON.stringify(vault.ready)}\n`);
  });

  test('a second vault on the same folder, or on a port in use, is refused with what to do', async () => {
    await expect(startVaultProcess('--port', '0', '--data', join(folder, 'data'))).rejects.toThrow(/in use|--data/i);
    const { port } = new URL(vault.ready.url);
    await expect(startVaultProcess('--port', port, '--memory')).rejects.toThrow(/--port/);
    await expect(startVaultProcess('--port', 'x')).rejects.toThrow(/--port must be/);
  });

  test('ends cleanly on Ctrl-C, with --memory leaving nothing', async () => {
    const other = await startVaultProcess('--port', '0', '--memory');
    expect(other.ready.dataDir).toBeNull();
    expect(await other.stop('SIGINT')).toBe(0);
  });
});
