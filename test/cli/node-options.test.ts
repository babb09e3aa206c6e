/** Node.js reads some options of a script for itself. None of ours may be one of them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runAnima } from './in-process-cli.ts';
import { Terminal, writeInto } from './installed-packages.ts';

const terminal = new Terminal();
const at = (name: string): string => join(terminal.folder, name);
beforeAll(async () => await terminal.installCli());
afterAll(async () => await terminal.end());

/** Each process that obeys the NODE_OPTIONS of the file writes its arguments here. */
const mark = at('obeyed');
beforeEach(() => {
  rmSync(mark, { force: true });
  writeInto(
    terminal,
    'hook.cjs',
    `require('fs').appendFileSync(${JSON.stringify(mark)}, process.argv.join(' ') + '\\n')`,
  );
  writeInto(terminal, 'hook.env', `NODE_OPTIONS=--require=${at('hook.cjs')}\nA=1\n`);
  writeInto(terminal, 'plain.env', 'A=one\n');
});

/** The ways to start the command. */
const starts = [
  ['the installed command', 'anima'],
  ['npx', 'npx anima'],
  ['node with the script', 'node node_modules/@anima/cli/dist/main.js'],
];

const run = async (script: string) => await terminal.run(`unset NODE_OPTIONS\n${script}`);

describe.each(starts)('%s', (_, anima) => {
  test.each(['--dotenv hook.env', '--dotenv=hook.env'])(
    'run %s: NODE_OPTIONS does not reach its own process',
    async (option) => {
      const { code, output } = await run(`${anima} run ${option} -- node -e 0 || code=$?; exit $code`);
      expect(code).toBe(2);
      expect(output).toContain('NODE_OPTIONS (line 1 of hook.env). The command was not started');
      expect(existsSync(mark)).toBe(false);
    },
  );

  test('NODE_OPTIONS that the command line allows reaches the command alone', async () => {
    const { code } = await run(`${anima} run --dotenv hook.env --allow-variable NODE_OPTIONS -- node -e 0 child`);
    expect(code).toBe(0);
    expect(readFileSync(mark, 'utf8').trim().split('\n')).toEqual([expect.stringMatching(/node child$/)]);
  });

  test('reads process substitution and standard input', async () => {
    expect(await run(`${anima} run --dotenv <(echo A=substituted) -- sh -c 'echo "$A"'`)).toEqual({
      code: 0,
      output: 'substituted\n',
    });
    expect(await run(`echo A=piped | ${anima} run --dotenv - -- sh -c 'echo "$A"'`)).toEqual({
      code: 0,
      output: 'piped\n',
    });
  });

  test.each(['--dotenv missing.env', '--dotenv=missing.env'])(
    'run %s: the message about a missing file is ours',
    async (option) => {
      const { code, output } = await run(`${anima} run ${option} -- touch started || code=$?; exit $code`);
      expect(code).not.toBe(0);
      expect(output).toMatch(/^anima: .*missing\.env.*ENOENT/);
      expect(existsSync(at('started'))).toBe(false);
    },
  );

  test.each(['--env-file plain.env', '--env-file=plain.env', '--env-file-if-exists=plain.env'])(
    'run %s is rejected, with the option to use instead',
    async (option) => {
      const { code, output } = await run(`${anima} run ${option} -- touch started || code=$?; exit $code`);
      expect(code).toBe(2);
      expect(output).toMatch(/is an option of Node\.js.*Nothing was done\.\n.*--dotenv FILE/);
      expect(existsSync(at('started'))).toBe(false);
    },
  );
});

test('an option of that name behind -- belongs to the command', async () => {
  const { code, output } = await run(
    'anima run -- sh -c \'echo "$@"\' sh --env-file missing.env --env-file=missing.env',
  );
  expect({ code, output }).toEqual({ code: 0, output: '--env-file missing.env --env-file=missing.env\n' });
});

test('rejected before anything else is looked at', async () => {
  for (const args of [
    ['get', '--env-file', 'x'],
    ['--experimental-config-file=x', 'list'],
    ['nonsense', '--env-file=x'],
  ]) {
    const { code, stderr } = await runAnima(args);
    expect(code).toBe(2);
    expect(stderr).toContain('is an option of Node.js');
  }
});

test('Node.js takes no option of any command for itself', async () => {
  // The completion script has every option of every command.
  const { stdout: script } = await runAnima(['completion', 'bash']);
  const names = [...new Set(script.match(/(?<=[ '])--[a-z][a-z-]*/g)), '-f', '-i', '-n', '-o', '-V', '-h'];
  expect(names).toEqual(expect.arrayContaining(['--dotenv', '--override', '--receipt', '--cas', '--version']));
  const args = names.flatMap((name) => [`${name}=missing.env`, name, 'missing.env']);
  writeFileSync(at('print.mjs'), 'console.log(JSON.stringify([process.argv.slice(2), process.execArgv]))');
  const { stdout, stderr } = spawnSync(process.execPath, [at('print.mjs'), ...args], { env: {}, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([args, []]);
});
