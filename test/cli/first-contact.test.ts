/** What a person meets first: help, an old Node.js, a mistyped name, an empty folder, a vault that is not there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleCli } from '../../cli/bundle.ts';
import cliManifest from '../../cli/package.json' with { type: 'json' };
import { requiredNode, supportsNode } from '../../cli/shell/version.ts';
import rootManifest from '../../package.json' with { type: 'json' };
import sdkManifest from '../../sdk/package.json' with { type: 'json' };
import { apiKey, serve } from '../sdk/fake-fetch.ts';
import { projectFolder } from '../shared/vault-process.ts';
import { runAnima, temporaryHome } from './in-process-cli.ts';

const { env: bare } = temporaryHome();
const folder = mkdtempSync(join(tmpdir(), 'anima-first-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const noVault = { ...bare, ANIMA_KEY: apiKey, ANIMA_URL: 'http://127.0.0.1:1' };

describe('a bad name is refused before anything is typed or sent', () => {
  test.each([
    ['set', 'a//b'],
    ['set', '/a'],
    ['set', 'a b'],
    ['set', '../a'],
    ['set', ''],
    ['set', 'x'.repeat(257)],
    ['delete', 'a//b'],
    ['destroy', 'a//b'],
    ['edit', 'a//b'],
    ['generate', 'a//b'],
  ])('%s %j', async (command, name) => {
    const ran = await runAnima([command, name], { env: noVault, typed: ['hunter2\r'] });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('The name is not allowed: ');
    expect(ran.stderr).not.toMatch(/Value|Type the name|not shown/);
  });
});

describe('a failure of a command that only reads', () => {
  test.each([
    ['get', 'a'],
    ['list'],
    ['versions', 'a'],
    ['info', 'a'],
    ['read', 'anima://a'],
    ['export'],
    ['keys', 'list'],
    ['audit', 'query'],
    ['search', 'x'],
    ['diff', 'a'],
    ['totp', 'a'],
  ])(
    '%s does not speak of writes',
    async (...args) => {
      const { code, stderr } = await runAnima(
        args.filter((arg) => typeof arg === 'string'),
        { env: noVault },
      );
      expect(code).toBe(6);
      expect(stderr).toMatch(/^anima: The vault could not be reached/);
      expect(stderr).not.toMatch(/write|stored|taken effect/i);
    },
    60_000,
  );

  test('one that writes does', async () => {
    const { code, stderr } = await runAnima(['delete', 'a'], { env: noVault });
    expect([code, stderr]).toEqual([6, expect.stringMatching(/A write may or may not have taken effect/)]);
  });
});

describe('help', () => {
  test('anima help COMMAND is anima COMMAND --help, for subcommands too', async () => {
    for (const words of [['run'], ['keys', 'create'], []]) {
      const asked = await runAnima(['help', ...words]);
      expect(asked).toEqual(await runAnima([...words, '--help']));
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: anima') });
    }
    expect(await runAnima(['--quiet', 'help', 'run'])).toMatchObject({ code: 0 });
  });
  test('of an unknown command is an error', async () => {
    expect(await runAnima(['help', 'rnu'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Unknown command'),
    });
  });
});

describe('Node.js', () => {
  let main: string;
  beforeAll(async () => {
    await bundleCli(true, join(folder, 'dist'));
    main = join(folder, 'dist', 'main.js');
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  });
  const said =
    /^anima: This is Node\.js (\S+); anima needs 22\.18 or later\. Nothing was done\.\nInstall a newer Node\.js/;

  test('that is too old is named, with the version that is needed', () => {
    const older = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.11.1" })';
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', older, main, 'get', 'a'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(said.exec(stderr)?.[1]).toBe('20.11.1');
  });

  const installed = ['/usr/bin/node', '/usr/local/bin/node'].filter((path) => existsSync(path));
  const old = installed.find(
    (path) => !supportsNode(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.slice(1)),
  );
  test.skipIf(old === undefined)('that is installed here and too old says so instead of a syntax error', () => {
    for (const args of [['--version'], ['run', '--', 'true'], []]) {
      const { status, stderr } = spawnSync(old ?? '', [main, ...args], { encoding: 'utf8' });
      expect([status, stderr]).toEqual([1, expect.stringMatching(said)]);
    }
  });

  test('of the lowest version and above is accepted', () => {
    expect(['22.18.0', '22.20.1', '23.0.0', '24.1.0', '100.0.0'].every(supportsNode)).toBe(true);
    expect(['22.17.9', '20.19.0', '18.0.0', '4.0.0', ''].some(supportsNode)).toBe(false);
    for (const { engines } of [cliManifest, rootManifest]) expect(engines.node).toBe(`>=${requiredNode}`);
  });
});

describe('a source without values', () => {
  const listing = async () => {
    const { url, server } = await serve((_request, response) =>
      response.setHeader('content-type', 'application/json').end('{"values":[]}'),
    );
    return { env: { ...bare, PATH: process.env.PATH ?? '', ANIMA_KEY: apiKey, ANIMA_URL: url }, server };
  };

  test('is an error of run and export, unless it is allowed', async () => {
    const { env, server } = await listing();
    const mark = join(folder, 'mark');
    const out = join(folder, 'out.env');
    const empty = join(folder, 'empty.env');
    writeFileSync(empty, '# nothing\n');
    for (const prefix of [
      ['--prefix', 'prdo/'],
      ['--prefix', ''],
      ['--prefix', 'a', '--prefix', 'b'],
    ]) {
      const ran = await runAnima(['run', ...prefix, '--', 'touch', mark], { env });
      expect(ran).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/There are no values below .*was not started[\s\S]*--allow-empty/),
      });
      expect(await runAnima(['export', ...prefix, '-o', out], { env })).toMatchObject({ code: 3 });
    }
    expect(await runAnima(['run', '--dotenv', empty, '--', 'touch', mark], { env })).toMatchObject({ code: 3 });
    expect(await runAnima(['import', empty], { env })).toMatchObject({ code: 2 });
    expect([existsSync(mark), existsSync(out)]).toEqual([false, false]);
    expect(await runAnima(['run', '--prefix', 'prdo/', '--allow-empty', '--', 'touch', mark], { env })).toMatchObject({
      code: 0,
    });
    expect(await runAnima(['export', '--prefix', 'prdo/', '--allow-empty', '-o', out], { env })).toMatchObject({
      code: 0,
    });
    expect([existsSync(mark), existsSync(out)]).toEqual([true, true]);
    server.close();
  });

  test.each([
    'Anima://prod/db',
    ' anima://prod/db',
    '"anima://prod/db"',
    'anima:/prod/db',
    'x{{Anima://prod/db}}',
    '{{ anima:prod/db }}',
    '{{ anima://prod/db | upper }}',
  ])('and a text that only resembles a reference: %j', async (text) => {
    const mark = join(folder, 'resembling');
    const ran = await runAnima(['run', '--', 'touch', mark], {
      env: { ...noVault, PATH: process.env.PATH ?? '', DB: text },
    });
    expect(ran).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The reference of DB in the environment is invalid'),
    });
    expect(existsSync(mark)).toBe(false);
  });
});

describe('names of packages', () => {
  const entries = Object.keys(sdkManifest.exports).map((entry) => `@anima/sdk${entry.slice(1)}`);
  const known = new Set([...entries, sdkManifest.name, cliManifest.name]);
  const pages = readdirSync(projectFolder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.md') && !file.parentPath.includes('node_modules'))
    .map((file) => join(file.parentPath, file.name));

  test('of this project are spelled in the documents and help texts as they are published', () => {
    const code = ['cli', 'sdk/src'].flatMap((root) =>
      readdirSync(join(projectFolder, root), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
        .map((file) => join(projectFolder, root, file)),
    );
    const found = [...pages, ...code].flatMap((file) =>
      [
        ...readFileSync(file, 'utf8').matchAll(
          /@an[a-z]*\/[a-z]+(?:\/[a-z]+(?:-[a-z]+)*)*|\banima-(?:sdk|cli)\b(?!-\d|\/)/g,
        ),
      ].map(([name]) => [file, name] as const),
    );
    expect(found.length).toBeGreaterThan(30);
    expect(found.filter(([, name]) => !known.has(name) && name !== 'anima-cli')).toEqual([]);
  });

  test('that the documents tell to install are dependencies or packages of this project', () => {
    const root = { ...rootManifest.dependencies, ...rootManifest.devDependencies };
    const others = { ...cliManifest.dependencies, ...cliManifest.optionalDependencies };
    const all = new Set([...known, ...Object.keys(root), ...Object.keys(others)]);
    const told = pages.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/npm (?:install|i|add)(?: -\S+)* (@?[a-z][\w./@-]*)/g)].map(
        ([, name = '']) => name,
      ),
    );
    expect(told.length).toBeGreaterThan(1);
    expect(told.filter((name) => !all.has(name) && !name.startsWith('./'))).toEqual([]);
  });
});

test('the file that runs first holds nothing that an old Node.js cannot parse', () => {
  const source = readFileSync(fileURLToPath(new URL('../../cli/main.ts', import.meta.url)), 'utf8');
  expect(source.match(/^import .*/gm)).toEqual(["import { supportsNode, version } from './shell/version.ts';"]);
});
