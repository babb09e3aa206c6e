/** The streams and signals of a command under `anima run`: pipes, pseudo-terminals, Ctrl-C. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { startProcess } from './command-runner.ts';
import { openPty } from './pty-terminal.ts';

const stack = useLocalStack();
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'anima-streams-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const secret = 'correct-horse-battery';
beforeAll(async () => void (await stack.client.vault.set('app/password', secret)));

const environment = () => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  ANIMA_KEY: stack.vault.agentKey,
  ANIMA_URL: stack.vault.url,
  P: 'anima://app/password',
});
const anima = [process.execPath, '--disable-warning=ExperimentalWarning', main] as const;
const quoted = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
/** Counts interrupts, prints a mark, and ends with their number half a second after the last one. */
const counter = (signal = 'SIGINT') =>
  `let n = 0, t; process.on('${signal}', () => { n++; clearTimeout(t); t = setTimeout(() => { console.log('count=' + n); process.exit(40 + n) }, 500) }); setInterval(() => 0, 1000); console.log('ready');`;
const nodeScript = (script: string) => ['--', process.execPath, '-e', script];

describe('redirected output goes through real pipes', () => {
  test.each([
    ['/dev/stdout', 'echo "out $P" > /dev/stdout', `out ${concealedMarker}\n`, ''],
    ['/dev/stderr', 'echo "err $P" > /dev/stderr', '', `err ${concealedMarker}\n`],
    ['/dev/fd/2', 'echo "err $P" > /dev/fd/2', '', `err ${concealedMarker}\n`],
    ['/proc/self/fd/1', 'echo "out $P" > /proc/self/fd/1', `out ${concealedMarker}\n`, ''],
    ['tee', 'echo "both $P" | tee /dev/stderr', `both ${concealedMarker}\n`, `both ${concealedMarker}\n`],
    ['the kind', 'test -p /dev/fd/1 && test -p /dev/fd/2 && echo pipes', 'pipes\n', ''],
  ])('%s', async (_name, script, stdout, stderr) => {
    const ended = await startProcess(['run', '--', 'sh', '-c', script], { env: environment() }).ended;
    expect(ended).toEqual({ code: 0, stdout, stderr });
  });

  test('of which none is left over, and a large output arrives whole', async () => {
    const script = 'process.stdout.write("x".repeat(5e6) + process.env.P + "\\n")';
    const env = { ...environment(), TMPDIR: folder };
    const { code, stdout } = await startProcess(['run', ...nodeScript(script)], { env }).ended;
    expect([code, stdout.length]).toEqual([0, 5_000_000 + concealedMarker.length + 1]);
    expect(readdirSync(folder).filter((name) => name.startsWith('anima-pipes'))).toEqual([]);
  });
});

describe('at a terminal', () => {
  test('the command has one too: colours, width, prompts and answers, with values masked', async () => {
    const script = [
      'const { stdin, stdout, stderr } = process;',
      'console.log([stdin.isTTY, stdout.isTTY, stderr.isTTY, stdout.columns, stdout.getColorDepth() > 1].join());',
      'console.log("\\u001b[31mred\\u001b[0m", process.env.P);',
      'stdout.on("resize", () => console.log("width=" + stdout.columns));',
      'require("readline").createInterface({ input: stdin, output: stdout }).question("Name? ", (name) => { console.log("hello " + name); process.exit(7) });',
    ].join(' ');
    const session = openPty(anima[0], [...anima.slice(1), 'run', ...nodeScript(script)], environment());
    await session.until('Name? ');
    expect(session.shown()).toContain('true,true,true,100,true');
    expect(session.shown()).toContain(`\u001b[31mred\u001b[0m ${concealedMarker}`);
    session.resize(60, 20);
    await session.until('width=60');
    session.type('Ada\r');
    await session.until('hello Ada');
    expect(await session.ended).toMatchObject({ code: 7 });
    expect(session.shown()).not.toContain(secret);
  });

  test('without the optional package it goes on with pipes, and says so', async () => {
    const hook =
      'import { registerHooks } from "node:module"; registerHooks({ resolve(name, context, next) { if (name.startsWith("@lydell/")) throw new Error("missing"); return next(name, context); } });';
    const args = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, ...anima.slice(1), 'run'];
    const session = openPty(anima[0], [...args, '--', 'sh', '-c', 'test -p /dev/fd/1; echo "pipe=$?"'], environment());
    expect(await session.ended).toMatchObject({ code: 0 });
    expect(session.shown()).toContain('pipe=0');
    expect(session.shown()).toContain('@lydell/node-pty is not installed');
  });

  test.each([
    ['not found', 'no-such-command-here', 127],
    ['not executable', '/etc/passwd', 126],
  ])('a command that is %s ends with the code that shells give', async (_name, command, code) => {
    const session = openPty(anima[0], [...anima.slice(1), 'run', '--', command], environment());
    expect(await session.ended).toMatchObject({ code });
    expect(session.shown()).toContain('anima: The command');
  });
});

describe('Ctrl-C', () => {
  const redirections = [
    ['nothing redirected', ''],
    ['output in a file', '> OUT'],
    ['errors in a file', '2> ERR'],
    ['every stream redirected', '< /dev/null > OUT 2> ERR'],
    ['no masking', ''],
  ] as const;
  test.each(redirections)('is counted once with %s', async (name, redirection) => {
    const [out, err] = [join(folder, 'out'), join(folder, 'err')];
    writeFileSync(out, '');
    const masking = name === 'no masking' ? ['--no-masking'] : [];
    const line = `${quoted([...anima, 'run', ...masking, ...nodeScript(counter())])} ${redirection.replace('OUT', out).replace('ERR', err)}; echo "code=$?"`;
    const session = openPty('bash', ['--norc', '-c', `trap : INT; ${line}`], environment());
    if (redirection.includes('OUT')) await expect.poll(() => readFileSync(out, 'utf8')).toContain('ready');
    else await session.until('ready');
    session.type('\u0003');
    await session.until('code=41');
  });

  test('that ends the command ends a loop in a script too', async () => {
    for (const redirection of ['', `> ${join(folder, 'loop')}`]) {
      const line = `${quoted([...anima, 'run', '--', 'sh', '-c', 'echo started >&2; exec sleep 600'])} ${redirection}`;
      const session = openPty('bash', ['--norc', '-c', `for i in 1 2; do ${line}; echo looped; done`], environment());
      await session.until('started');
      session.type('\u0003');
      expect(await session.ended).toMatchObject({ signal: 2 });
      expect(session.shown()).not.toContain('looped');
    }
  });

  test('that the command handles lets a script go on', async () => {
    const script = "process.on('SIGINT', () => process.exit(0)); setInterval(() => 0, 1000); console.log('ready')";
    const line = quoted([...anima, 'run', ...nodeScript(script)]);
    const session = openPty('bash', ['--norc', '-c', `${line}; echo went on`], environment());
    await session.until('ready');
    session.type('\u0003');
    await session.until('went on');
  });
});

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const)(
    '%s of the whole process group is counted once',
    async (signal) => {
      const child = spawn(anima[0], [...anima.slice(1), 'run', ...nodeScript(counter(signal))], {
        env: environment(),
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let output = '';
      child.stdout.on('data', (text) => (output += text));
      await expect.poll(() => output).toContain('ready');
      process.kill(-(child.pid ?? 0), signal);
      const [code] = await once(child, 'close');
      expect([code, output]).toEqual([41, 'ready\ncount=1\n']);
    },
  );

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s of anima alone at a terminal is not swallowed',
    async (signal) => {
      for (const masking of [[], ['--no-masking']]) {
        const args = [...anima.slice(1), 'run', ...masking, ...nodeScript(counter(signal))];
        const session = openPty(anima[0], args, environment());
        await session.until('ready');
        process.kill(session.pid, signal);
        expect(await session.ended).toMatchObject({ code: 41 });
      }
    },
  );
});
