/** HTTPS_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS, with a real proxy and a real TLS server. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { proxyFor } from '../../cli/shell/proxy-settings.ts';
import { selfSigned } from '../egress/self-signed-certificate.ts';
import { apiKey, serve } from '../sdk/fake-fetch.ts';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'anima-proxy-'));
const authority = join(folder, 'ca.pem');
const value = { name: 'a', version: 1, createdAt: '2026-11-21T03:00:00.000Z', metadata: {}, value: 'proxied-value' };

let vault: Server;
let proxy: Server;
let vaultPort: number;
let proxyAddress: string;
/** Targets of CONNECT requests, and their credentials. */
let tunnels: [target: string, authorization: string | undefined][];

beforeAll(async () => {
  const { key, cert } = selfSigned(['vault.test', 'localhost'], ['127.0.0.1']);
  writeFileSync(authority, cert);
  vault = createHttpsServer({ key, cert }, (request, response) => {
    const description = { openapi: '3.1.0', paths: { '/v1/org': {} } };
    const body = request.url === '/v1/openapi.json' ? description : value;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  proxy = createHttpServer((_request, response) => response.writeHead(400).end());
  proxy.on('connect', (request, socket) => {
    tunnels.push([request.url ?? '', request.headers['proxy-authorization']]);
    if (request.url?.startsWith('locked.test')) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const upstream = connect(vaultPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const side of [upstream, socket]) side.on('error', () => socket.destroy());
  });
  const portOf = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  vaultPort = await portOf(vault);
  proxyAddress = `127.0.0.1:${await portOf(proxy)}`;
});
afterAll(() => {
  vault.closeAllConnections();
  vault.close();
  proxy.close();
  rmSync(folder, { recursive: true, force: true });
});

async function anima(args: readonly string[], env: Readonly<Record<string, string>>) {
  tunnels = [];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: {
      PATH: process.env.PATH,
      XDG_CONFIG_HOME: folder,
      ANIMA_KEYRING: 'off',
      ANIMA_KEY: apiKey,
      ANIMA_URL: 'https://vault.test',
      NODE_EXTRA_CA_CERTS: authority,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

describe('a command', () => {
  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])(
    'connects through the proxy of %s',
    async (name) => {
      const ran = await anima(['get', 'a'], { [name]: `http://${proxyAddress}` });
      expect(ran).toEqual({ code: 0, stdout: 'proxied-value', stderr: '' });
      expect(tunnels).toEqual([['vault.test:443', undefined]]);
    },
  );

  test('sends the user name and password of the proxy’s address to the proxy, and shows them nowhere', async () => {
    const env = { HTTPS_PROXY: `http://ada:pass%40word@${proxyAddress}` };
    expect(await anima(['get', 'a'], env)).toMatchObject({ code: 0 });
    expect(tunnels).toEqual([['vault.test:443', `Basic ${Buffer.from('ada:pass@word').toString('base64')}`]]);
    const doctor = await anima(['doctor'], env);
    expect(doctor.stdout).toContain(`connections to the vault use ${proxyAddress} (HTTPS_PROXY)`);
    expect(doctor.stdout + doctor.stderr).not.toMatch(/ada|pass/);
  });

  test('verifies the certificate behind the proxy: without the authority it refuses', async () => {
    const ran = await anima(['get', 'a'], { HTTPS_PROXY: `http://${proxyAddress}`, NODE_EXTRA_CA_CERTS: '' });
    expect(ran).toMatchObject({ code: 6, stdout: '' });
    expect(ran.stderr).not.toContain('proxied-value');
  });

  test('never uses a proxy for this machine, so that no key is sent to it in plain text', async () => {
    const served = await serve((_request, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value)),
    );
    const env = { ANIMA_URL: served.url, HTTP_PROXY: `http://${proxyAddress}`, HTTPS_PROXY: `http://${proxyAddress}` };
    for (const more of [{}, { NODE_USE_ENV_PROXY: '1' }]) {
      expect(await anima(['get', 'a'], { ...env, ...more })).toMatchObject({ code: 0, stdout: 'proxied-value' });
      expect(tunnels).toEqual([]);
    }
    served.server.close();
  });

  test.each([
    ['socks5://127.0.0.1:1', 'HTTPS_PROXY is not the address of an HTTP proxy'],
    ['http://', 'HTTPS_PROXY is not the address of an HTTP proxy'],
  ])('refuses %s before it sends anything', async (address, told) => {
    const ran = await anima(['get', 'a'], { HTTPS_PROXY: address });
    expect(ran).toMatchObject({ stdout: '', stderr: expect.stringContaining(told) });
    expect(ran.code).not.toBe(0);
  });
});

describe('doctor', () => {
  test('says which proxy is used, and that the certificates are trusted', async () => {
    const { stdout } = await anima(['doctor'], { HTTPS_PROXY: `http://${proxyAddress}` });
    expect(stdout).toMatch(/ok {4}certificates {2}1 of .*ca\.pem are trusted too/);
    expect(stdout).toMatch(/ok {4}tls .*through the proxy/);
  });
  test.each([
    ['a file that is missing', '/nowhere/ca.pem', /fail {2}certificates .*ENOENT/],
    ['a file without certificates', main, /fail {2}certificates .*no certificate/],
  ])('reports %s, which Node.js only warns about', async (_name, path, told) => {
    const { code, stdout } = await anima(['doctor'], {
      HTTPS_PROXY: `http://${proxyAddress}`,
      NODE_EXTRA_CA_CERTS: path,
    });
    expect([code, stdout]).toEqual([1, expect.stringMatching(told)]);
  });
  test('names the proxy that refuses or cannot be reached', async () => {
    const refused = await anima(['doctor'], {
      ANIMA_URL: 'https://locked.test',
      HTTPS_PROXY: `http://${proxyAddress}`,
    });
    expect(refused.stdout).toContain('PROXY_AUTHENTICATION_REQUIRED');
    expect(refused.stdout).toContain('HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT');
    const gone = await anima(['doctor'], { HTTPS_PROXY: 'http://127.0.0.1:1' });
    expect(gone.stdout).toContain('through the proxy 127.0.0.1:1 of HTTPS_PROXY');
  });
  test('says why a proxy is not used', async () => {
    const { stdout } = await anima(['doctor'], {
      ANIMA_URL: `https://localhost:${vaultPort}`,
      HTTPS_PROXY: `http://${proxyAddress}`,
    });
    expect(stdout).toContain('not used: the vault is on this machine');
  });
});

describe('NO_PROXY', () => {
  const isProxied = (url: string, list: string, name = 'NO_PROXY') =>
    proxyFor(new URL(url), { HTTPS_PROXY: 'http://proxy.test:3128', [name]: list }) !== undefined;
  test.each([
    ['*', 'https://vault.test', false],
    ['vault.test', 'https://vault.test', false],
    ['VAULT.test', 'https://vault.TEST.', false],
    ['example.com, vault.test', 'https://vault.test', false],
    ['example.com vault.test', 'https://vault.test', false],
    ['test', 'https://vault.test', false],
    ['.vault.test', 'https://a.vault.test', false],
    ['*.vault.test', 'https://a.vault.test', false],
    ['vault.test:443', 'https://vault.test', false],
    ['vault.test:8443', 'https://vault.test', true],
    ['vault.test:8443', 'https://vault.test:8443', false],
    ['ault.test', 'https://vault.test', true],
    ['vault.test', 'https://vault.test.example.com', true],
    ['', 'https://vault.test', true],
    [',', 'https://vault.test', true],
    ['10.0.0.0/8', 'https://10.1.2.3', false],
    ['10.0.0.0/8', 'https://11.1.2.3', true],
    ['10.0.0.0/99', 'https://10.1.2.3', true],
    ['fd00::/8', 'https://[fd12::1]', false],
    ['fd12::1', 'https://[fd12::1]', false],
    ['[fd12::1]:443', 'https://[fd12::1]', false],
    ['192.0.2.1', 'https://192.0.2.1', false],
  ])('%j with %s', (list, url, proxied) => {
    expect(isProxied(url, list)).toBe(proxied);
    expect(isProxied(url, list, 'no_proxy')).toBe(proxied);
  });
});
