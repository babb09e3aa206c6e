/**
 * The files and commands of docs/guide-recipes.md, as the tools read them. guides.e2e.test.ts runs its `sh` blocks. A tool that
 * is not installed here is checked by its documented rules only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const page = readFileSync(join(projectFolder, 'docs', 'guide-recipes.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].map(([, kind = '', code = '']) => ({ kind, code }));
/** The block that begins with a comment that names a file. */
function fileBlock(name: string): string {
  const found = blocks.find(({ code }) => code.startsWith(`# ${name}\n`));
  return found?.code ?? expect.fail(`no block has the file ${name}`);
}
const linesOf = (kind: string) =>
  blocks.filter((block) => block.kind === kind).flatMap(({ code }) => code.trim().split('\n'));
const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program. Not spawnSync: the vault runs in this process. */
async function run(
  file: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<Ended> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const status = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  return { status: await status, stdout, stderr };
}

const stack = useLocalStack();
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'anima-recipes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const values = { DB_PASSWORD: `p@ss 'w"$x\`y\\z# ü`, LOG_LEVEL: 'info', SESSION_KEY: 'a=b=#c' };
let env: Record<string, string>;

beforeAll(async () => {
  const entries = Object.entries(values).map(([name, value]) => [`recipe/${name}`, value]);
  await stack.client.vault.setMany(Object.fromEntries(entries));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${main}" "$@"\n`;
  writeFileSync(join(bin, 'anima'), script);
  chmodSync(join(bin, 'anima'), 0o755);
  env = {
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    HOME: folder,
    ANIMA_KEY: stack.vault.agentKey,
    ANIMA_URL: stack.vault.url,
    ANIMA_KEYRING: 'off',
  };
});

describe.each(['sh', 'dash', 'bash', 'zsh'].filter(has))('%s', (shell) => {
  test('evaluates the values exactly and executes nothing of them', async () => {
    const code =
      'values="$(anima export --prefix recipe/ --format shell)" && eval "$values" && printf "%s\\0" "$DB_PASSWORD" "$LOG_LEVEL" "$SESSION_KEY"';
    const { stdout: out } = await run(shell, ['-c', code], { env });
    expect(out.split('\0').slice(0, 3)).toEqual(Object.values(values));
  });
});

describe.skipIf(!has('direnv'))('direnv', () => {
  test('exports the values, and reports a vault that is not there', async () => {
    const place = join(folder, 'direnv');
    mkdirSync(place);
    writeFileSync(join(place, '.envrc'), fileBlock('.envrc'));
    const direnv = async (more: Record<string, string>, ...args: string[]) =>
      await run('direnv', args, { cwd: place, env: { ...env, XDG_DATA_HOME: folder, ...more } });
    expect((await direnv({}, 'allow')).status).toBe(0);
    const print = 'process.stdout.write(JSON.stringify(process.env))';
    const { stdout } = await direnv({}, 'exec', place, process.execPath, '-e', print);
    expect(JSON.parse(stdout)).toMatchObject(values);
    const failed = await direnv({ ANIMA_URL: 'http://127.0.0.1:1' }, 'exec', place, 'true');
    expect([failed.status === 0, failed.stderr]).toEqual([false, expect.stringContaining('could not be reached')]);
  });
});

describe('Docker', () => {
  test('the commands name variables of the folder, and the format is that of --env-file', async () => {
    const commands = linesOf('sh-docker');
    expect(commands).toHaveLength(3);
    for (const [, name = ''] of commands.join('\n').matchAll(/ -e ([A-Z_]+)/g)) expect(values).toHaveProperty(name);
    const list = join(folder, 'recipe.list');
    await run('anima', ['export', '--prefix', 'recipe/', '--format', 'docker', '-o', list, '--force'], { env });
    // docker/cli, pkg/kvfile: everything after the first `=`; lines that begin with # are comments.
    const read = readFileSync(list, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    expect(Object.fromEntries(read)).toEqual(values);
  });

  test.skipIf(!has('docker'))('docker itself parses the file before it connects', () => {
    const list = join(folder, 'recipe.list');
    const docker = (file: string) =>
      spawnSync('docker', ['run', '--rm', '--env-file', file, 'IMAGE'], {
        encoding: 'utf8',
        env: { ...env, DOCKER_HOST: 'tcp://127.0.0.1:1' },
      });
    // Without a daemon the client gets as far as the connection, or the name of the image.
    expect(docker(list).stderr).not.toMatch(/env-file|variable|malformed|invalid environment/i);
    writeFileSync(join(folder, 'bad.list'), 'A B=1\n');
    expect(docker(join(folder, 'bad.list')).stderr).toMatch(/variable 'A B' contains whitespaces/);
  });

  test('the file of Compose takes its values from the environment of the command', () => {
    const { services, secrets } = parse(fileBlock('compose.yaml'));
    expect(services.app.environment).toEqual(['LOG_LEVEL']);
    // Compose Specification, secrets: `environment` names a variable of the host.
    expect(services.app.secrets.map((name: string) => secrets[name])).toEqual([{ environment: 'DB_PASSWORD' }]);
    for (const name of ['LOG_LEVEL', 'DB_PASSWORD']) expect(values).toHaveProperty(name);
  });
});

describe('systemd', () => {
  const unit = fileBlock('app.service');
  test.skipIf(!has('systemd-analyze'))('systemd-analyze finds nothing wrong with the unit', () => {
    const path = join(folder, 'app.service');
    writeFileSync(path, unit);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
      encoding: 'utf8',
      env: { PATH: env.PATH ?? '' },
    });
    expect(stderr.split('\n').filter((line) => line.includes('app.service'))).toEqual([]);
    expect(status).toBe(0);
    writeFileSync(path, unit.replace('LoadCredential=', 'LoadCredentials='));
    expect(spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' }).stderr).toContain(
      'LoadCredentials',
    );
  });

  test('the shell command of the unit starts the application with the values', async () => {
    const [, quoted = ''] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(unit) ?? [];
    // systemd.service(5): `$$` is a `$`.
    const command = quoted.replaceAll('$$', '$').replace('/opt/app/server.js', join(folder, 'server.cjs'));
    writeFileSync(
      join(folder, 'server.cjs'),
      'console.log(process.env.DB_PASSWORD, process.env.ANIMA_KEY ?? "no key", process.env.LOG_LEVEL)',
    );
    writeFileSync(join(folder, 'anima-key'), `${stack.vault.agentKey}\n`);
    const { ANIMA_KEY: _key, ...rest } = env;
    const { stdout: out } = await run('/bin/sh', ['-c', command], { env: { ...rest, CREDENTIALS_DIRECTORY: folder } });
    expect(out).toBe('<concealed by anima> no key info\n');
  });
});

describe.skipIf(!has('kubectl'))('Kubernetes', () => {
  test('kubectl creates the secret with exactly the values', async () => {
    const [command = ''] = linesOf('sh-kubectl');
    await run(
      'anima',
      ['export', '--prefix', 'recipe/', '--format', 'docker', '-o', join(folder, 'recipe.list'), '--force'],
      { env },
    );
    const { stdout: out } = await run('sh', ['-c', command], { cwd: folder, env });
    const { kind, data } = parse(out);
    const decoded = Object.entries(data).map(([name, text]) => [name, Buffer.from(String(text), 'base64').toString()]);
    expect([kind, Object.fromEntries(decoded)]).toEqual(['Secret', values]);
  });
});

describe('GitHub Actions', () => {
  const workflow = fileBlock('.github/workflows/deploy.yml');
  let parser: typeof import('@actions/workflow-parser');
  beforeAll(async () => {
    // The package imports its JSON files in a way that only bundlers understand.
    const outfile = join(folder, 'workflow-parser.mjs');
    const stdin = { contents: "export * from '@actions/workflow-parser';", resolveDir: projectFolder };
    await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
    parser = await import(outfile);
  });
  async function problemsOf(content: string): Promise<string[]> {
    const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = parser;
    const { context, value } = parseWorkflow({ name: 'deploy.yml', content }, new NoOperationTraceWriter());
    if (value !== undefined) await convertWorkflowTemplate(context, value);
    return context.errors.getErrors().map(({ message }) => message);
  }
  test('the parser of the service accepts the workflow and its expressions', async () => {
    expect(await problemsOf(workflow)).toEqual([]);
    expect(await problemsOf(workflow.replace('secrets.ANIMA_KEY', 'secret.ANIMA_KEY'))).not.toEqual([]);
    expect(await problemsOf(workflow.replace('runs-on', 'run-on'))).not.toEqual([]);
  });

  test('its commands do what the page says', async () => {
    const steps: { run?: string }[] = parse(workflow).jobs.deploy.steps;
    const runs = steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    expect(runs).toHaveLength(2);
    const place = join(folder, 'actions');
    mkdirSync(place);
    writeFileSync(join(place, 'deploy.sh'), '#!/bin/sh\necho "deploying with $DB_PASSWORD"\n', { mode: 0o755 });
    const github = { ...env, GITHUB_ACTIONS: 'true', GITHUB_ENV: join(place, 'github_env') };
    writeFileSync(github.GITHUB_ENV, '');
    const outputs: string[] = [];
    for (const line of runs) outputs.push((await run('bash', ['-e', '-c', line], { cwd: place, env: github })).stdout);
    expect(outputs[0]).toBe('deploying with <concealed by anima>\n');
    expect(outputs[1]).toContain(`::add-mask::${values.DB_PASSWORD}\n`);
    expect(readFileSync(github.GITHUB_ENV, 'utf8')).toMatch(/^DB_PASSWORD<<anima_[0-9a-f]{32}\n/);
  });
});
