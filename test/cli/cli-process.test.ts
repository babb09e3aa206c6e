/** The command as a separate process: loaded files, pipes, signals, and completion in a real shell. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { apiKey, info, serve } from '../sdk/fake-fetch.ts';
import { runAnima, temporaryHome } from './in-process-cli.ts';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const { env: bare, folder } = temporaryHome();
const env = { ...bare, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

describe('a process', () => {
  test('--version loads nothing but the version', () => {
    const hook =
      'import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { if (url.startsWith("file:")) process._rawDebug(url); return next(url, context); } });';
    const args = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, '--version'];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    expect([status, stdout]).toEqual([0, '0.1.0\n']);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((url) => url.replace(/.*\/cli\//, '')),
    ).toEqual(['main.ts', 'shell/version.ts']);
  });

  test('ends quietly when who reads has seen enough', async () => {
    const values = Array.from({ length: 20_000 }, (_, i) => info(`name-${i}`));
    const { url, server } = await serve((_, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ values }));
    });
    const child = spawn('bash', ['-c', `set -o pipefail; "${process.execPath}" "${main}" list | head -1`], {
      env: { ...env, ANIMA_KEY: apiKey, ANIMA_URL: url },
      // With a socket as standard input, bash acts as a remote shell and reads its startup files.
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    server.close();
    expect([code, output]).toEqual([0, 'name-0\n']);
  });

  test('asks no host but the vault: without one nothing is looked up or connected', () => {
    const hook =
      'import net from "node:net"; import dns from "node:dns"; net.Socket.prototype.connect = dns.lookup = () => { process._rawDebug("CONNECTED"); process.exit(99); };';
    for (const args of [['--help'], ['completion', 'bash'], ['get', 'a'], ['list', '--help'], ['logout']]) {
      const { stderr, status } = spawnSync(
        process.execPath,
        ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, ...args],
        { encoding: 'utf8', env },
      );
      expect(stderr).not.toContain('CONNECTED');
      expect(status).not.toBe(99);
    }
  });
});

describe('completion', () => {
  /** The completions that bash offers for a line, with the script that the command prints. */
  async function offered(line: string, more: Record<string, string> = {}): Promise<string[]> {
    const script = join(folder, 'completion.bash');
    if (!existsSync(script)) writeFileSync(script, (await runAnima(['completion', 'bash'])).stdout);
    const words = line.split(' ');
    const bash = `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _anima; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const child = spawn('bash', ['-c', bash], { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    await once(child, 'close');
    return output.trim().split('\n');
  }

  test('offers commands, subcommands and options, from the script alone', async () => {
    expect(await offered('anima ro')).toEqual(['rollback', 'rotate']);
    expect(await offered('anima he')).toEqual(['help']);
    expect(await offered('anima keys ')).toEqual(
      expect.arrayContaining(['create', 'list', 'rotate', 'revoke', '--json']),
    );
    expect(await offered('anima keys create --ro')).toEqual(['--role']);
    expect(await offered('anima --profile prod shred c')).toEqual(['cancel']);
    expect(await offered('anima __')).toEqual(['']);
  });

  test('offers names of values only when asked to, and nothing that a shell would expand', async () => {
    const asked: string[] = [];
    const { url, server } = await serve((request, response) => {
      asked.push(request.url ?? '');
      const names = ['prod/a', 'prod/b', 'prod/$(touch x)', 'prod/`id`'];
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ values: names.map((name) => info(name)) }));
    });
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'anima'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
    const vault = { ANIMA_KEY: apiKey, ANIMA_URL: url, PATH: `${bin}${delimiter}${env.PATH}` };
    expect(await offered('anima get prod/', vault)).toEqual(['']);
    expect(asked).toEqual([]);
    const names = await offered('anima get prod/', { ...vault, ANIMA_COMPLETE_NAMES: '1' });
    expect(names).toEqual(['prod/a', 'prod/b']);
    expect(asked).toHaveLength(1);
    server.close();
  });

  test.each(['zsh', 'fish'])('a script for %s holds every command', async (name) => {
    const { code, stdout } = await runAnima(['completion', name]);
    expect(code).toBe(0);
    for (const word of ['receipt verify', 'keys create', '--expires-in', 'doctor']) expect(stdout).toContain(word);
  });
});

describe('dev', () => {
  test('says how to get a checkout where there is none', async () => {
    const ran = await runAnima(['dev'], { env: { ...bare, ANIMA_VAULT_HOME: folder } });
    expect(ran).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('Clone the Anima Vault repository'),
    });
  });

  test('starts the local vault, stores its profiles, and ends it cleanly when told to', async () => {
    const child = spawn(
      process.execPath,
      [main, 'dev', '--memory', '--port', '0', '--assembly', inject('assembly'), '--login', '--json'],
      { env },
    );
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stderr.on('data', (text) => (stderr += text));
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (text) => {
        stdout += text;
        if (stdout.endsWith('\n')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${stderr}`)));
    });
    const ready = JSON.parse(stdout);
    expect(ready).toMatchObject({ org: expect.any(String), dataDir: null });
    expect(stderr).not.toContain('anm_');
    const whoami = await runAnima(['whoami', '--json'], { env: bare });
    expect(JSON.parse(whoami.stdout)).toMatchObject({ profile: 'local', org: ready.org, url: ready.url });
    const admin = await runAnima(['whoami', '--json', '--profile', 'local-admin'], { env: bare });
    expect(JSON.parse(admin.stdout)).toMatchObject({ role: 'admin', org: ready.org });
    const vaults = childrenOf(child.pid ?? 0);
    expect(vaults).toHaveLength(1);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(vaults.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(await runAnima(['get', 'a'], { env: bare })).toMatchObject({ code: 6 });
  });
});

/** IDs of the child processes of a process. */
function childrenOf(pid: number): string[] {
  const listed = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout;
  return listed
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}
