/** The commands for files and their links: `share`, `open`, `blobs`. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { toLocalFileName } from '../../cli/blobs/download-file.ts';
import { mediaTypeOf } from '../../cli/blobs/media-types.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { startProcess } from './command-runner.ts';
import { type CliSurroundings, runAnima, temporaryHome } from './in-process-cli.ts';

const stack = useLocalStack();
const { env: bare, folder } = temporaryHome();
const state = join(folder, 'state');
const uploads = join(state, 'anima', 'uploads');
/** A person who has a link but no account. */
const recipient = { ...bare, HOME: folder };
let env: Record<string, string>;
let admin: Record<string, string>;
/** A separate folder for each test. */
let here: string;

beforeAll(() => {
  env = { ...bare, XDG_STATE_HOME: state, ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.agentKey };
  admin = { ...env, ANIMA_KEY: stack.vault.adminKey };
});
beforeEach(() => {
  here = mkdtempSync(join(folder, 'test-'));
});
afterEach(() => {
  stack.vault.setHooks();
  // No test may leave incomplete files.
  expect(readdirSync(here).filter((name) => name.endsWith('.part'))).toEqual([]);
});

const ran = async (args: readonly string[], world: CliSurroundings = {}) => await runAnima(args, { env, ...world });

function file(name: string, content: string | Uint8Array): string {
  const path = join(here, name);
  writeFileSync(path, content);
  return path;
}

/** Shares a file and returns the link from standard output. */
async function shared(path: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await ran(['share', path, ...options]);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/b\/[0-9a-z]{58}#[\w-]{43}\n$/),
  ]);
  expect(stderr).not.toContain(stdout.slice(-44, -1));
  return stdout.trim();
}

/** Opens a link as another person, who passes it through standard input. */
const opened = async (link: string, ...options: string[]) =>
  await runAnima(['open', ...options], { env: recipient, input: `${link}\n` });

const idOf = (link: string): string => /\/b\/[0-9a-z]{16}([0-9a-z]{26})/.exec(link)?.[1] ?? expect.fail('no link');

const noise = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0, x = length | 1; i + 4 <= length; i += 4) {
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes.writeInt32LE(x | 0, i);
  }
  return bytes;
};

describe('share and open', () => {
  test('the link alone on standard output; who has it gets bytes, name and type, without a key, mode 0600', async () => {
    const content = noise(200_001);
    const link = await shared(file('Report 1.pdf', content));
    const ended = await opened(link, '-o', here, '--json', '-f');
    const got = join(here, 'Report 1.pdf');
    expect(JSON.parse(ended.stdout)).toEqual({
      file: got,
      name: 'Report 1.pdf',
      type: 'application/pdf',
      size: content.length,
      burned: false,
    });
    expect(readFileSync(got).equals(content)).toBe(true);
    expect(statSync(got).mode & 0o777).toBe(0o600);
    expect(ended.stderr).not.toContain(link.slice(-43));
    // The upload is complete, so no file with its link is kept.
    expect(readdirSync(uploads)).toEqual([]);
  });

  test('goes from pipe to pipe', async () => {
    const text = 'lines\n'.repeat(70_000);
    const { stdout } = await ran(['share', '-', '--name', 'logs.txt', '--json'], { input: text });
    const { url, size, id, ...rest } = JSON.parse(stdout);
    expect([size, id, Object.keys(rest)]).toEqual([text.length, idOf(url), ['link']]);
    expect(await opened(url, '-o', '-', '--quiet')).toEqual({ code: 0, stdout: text, stderr: '' });
  });

  test('to a pipe goes exactly; on a terminal its control characters are shown as escapes', async () => {
    const text = 'a\tb\n\u001b[2J\u202e\u{e0041}é\n';
    const link = await shared(file('hostile.txt', text));
    expect((await opened(link, '-o', '-')).stdout).toBe(text);
    const world = { env: recipient, input: `${link}\n`, terminal: true };
    const shown = (await runAnima(['open', '-o', '-'], world)).stdout;
    expect(shown).toBe('a\tb\n\\u001b[2J\\u202e\\u{e0041}é\n');
  });

  test('an empty file is one too', async () => {
    const link = await shared(file('empty', ''));
    expect((await opened(link, '-o', join(here, 'got'))).code).toBe(0);
    expect(readFileSync(join(here, 'got'), 'utf8')).toBe('');
  });

  test('--burn: destroyed when it was read; --keep leaves it, and it was still its one opening', async () => {
    const link = await shared(file('once.txt', 'read me once'), '--burn');
    const first = await opened(link, '-o', '-');
    expect(first).toMatchObject({ code: 0, stdout: 'read me once', stderr: expect.stringContaining('is destroyed') });
    expect(await opened(link, '-o', '-')).toMatchObject({ code: 3, stdout: '' });
    const other = await shared(file('kept.txt', 'kept'), '--burn');
    expect((await opened(other, '--keep', '-o', '-')).stderr).not.toContain('destroyed');
    expect((await opened(other, '-o', '-')).code).toBe(3);
    const states = await Promise.all([link, other].map((one) => stack.client.blobs.info(idOf(one))));
    expect(states.map((info) => info.state)).toEqual(['burned', 'spent']);
  });

  test('--max-opens and --expires-in are the vault’s to keep; what is no number or duration is refused unsent', async () => {
    const path = file('a.txt', 'a');
    const link = await shared(path, '--max-opens', '2', '--expires-in', '7d');
    const info = await stack.client.blobs.info(idOf(link));
    expect(info).toMatchObject({ maxOpens: 2, openings: 0, burn: false });
    expect(Date.parse(info.expiresAt ?? '') - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    for (const code of [0, 0, 3]) expect((await opened(link, '-o', '-')).code).toBe(code);
    stack.vault.calls.reset();
    for (const wrong of [
      ['--max-opens', '0'],
      ['--expires-in', '7'],
      ['--resume', '--burn'],
    ])
      expect(await ran(['share', path, ...wrong])).toMatchObject({ code: 2, stdout: '' });
    for (const none of [join(here, 'missing'), here]) expect((await ran(['share', none])).code).toBeGreaterThan(1);
    expect(stack.vault.calls.count()).toBe(0);
  });

  test('a link as an argument works, with a remark on who may have seen it', async () => {
    const link = await shared(file('a.txt', 'text'));
    const ended = await runAnima(['open', link, '-o', '-'], { env: recipient });
    expect(ended).toMatchObject({ code: 0, stdout: 'text', stderr: expect.stringContaining('history') });
  });

  test('of a wrong link one learns what is wrong, and it is never repeated', async () => {
    const link = await shared(file('a.txt', 'text'), '--max-opens', '1');
    const [path = '', key = ''] = link.split('#');
    const otherKey = `${path}#${key.startsWith('A') ? 'B' : 'A'}${key.slice(1)}`;
    for (const [wrong, code] of [
      [otherKey, 4],
      [path, 2],
      ['anm_secret', 2],
      [link.replace('http://127.0.0.1', 'http://example.com'), 2],
    ] as const) {
      const ended = await opened(wrong, '-o', join(here, 'got'));
      expect([ended.code, ended.stdout]).toEqual([code, '']);
      expect(ended.stderr).not.toMatch(new RegExp(`${key.slice(1)}|anm_secret`));
    }
    // None of these commands counted as an opening.
    expect((await opened(link, '-o', '-')).stdout).toBe('text');
  });
});

describe('several files in one link', () => {
  test('come back in a folder, new or given, under their names; a preview is left out', async () => {
    const [first, second] = [noise(100_001), noise(50)];
    const paths = [file('a.bin', first), file('b.bin', second)];
    const { code, stdout, stderr } = await ran(['share', ...paths, '--name', 'Both']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('2 files')]);
    const link = stdout.trim();
    const folders = [join(here, 'new'), here];
    for (const folder of folders) expect((await opened(link, '-o', folder)).code).toBe(0);
    expect(readdirSync(join(here, 'new')).sort()).toEqual(['a.bin', 'b.bin']);
    expect(readFileSync(join(here, 'new', 'a.bin')).equals(first)).toBe(true);
    expect(readdirSync(here).sort()).toEqual(['a-1.bin', 'a.bin', 'b-1.bin', 'b.bin', 'new']);
    const json = JSON.parse((await opened(link, '-o', join(here, 'new'), '--json')).stdout);
    expect(json).toMatchObject({ name: 'Both', size: 100_051, files: [{ name: 'a.bin' }, { name: 'b.bin' }] });
    const film = (
      await ran(['share', paths[0] ?? '', '--preview', paths[1] ?? '', '--name', 'film.mp4'])
    ).stdout.trim();
    expect((await opened(film, '-o', join(here, 'film'))).code).toBe(0);
    expect(readdirSync(join(here, 'film'))).toEqual(['film.mp4']);
    expect(readdirSync(uploads)).toEqual([]);
  });

  test('do not fit standard output or a file, and stay where they are', async () => {
    const paths = [file('a', 'a'), file('b', 'b')];
    const link = (await ran(['share', ...paths, '--burn'])).stdout.trim();
    expect(await opened(link, '-o', '-')).toMatchObject({ code: 2, stdout: '' });
    expect((await stack.client.blobs.info(idOf(link))).state).toBe('spent');
    const other = (await ran(['share', ...paths, '--burn'])).stdout.trim();
    expect((await opened(other, '-o', join(here, 'got'))).stderr).toContain('is destroyed');
    expect((await stack.client.blobs.info(idOf(other))).state).toBe('burned');
    const third = (await ran(['share', ...paths])).stdout.trim();
    expect(await opened(third, '-f', '-o', join(here, 'a'))).toMatchObject({ code: 5, stdout: '' });
    expect(readFileSync(join(here, 'a'), 'utf8')).toBe('a');
  });

  test.for<string[][]>([
    [['-', 'a']],
    [['a', 'b', '--preview', 'a']],
    [['a', 'b', '--type', 'x/y']],
    [['-', '--preview', 'a']],
  ])('are refused unsent: %j', async ([given = []]) => {
    for (const name of ['a', 'b']) file(name, name);
    const args = given.map((one) => (/^[ab]$/.test(one) ? join(here, one) : one));
    expect(await ran(['share', ...args], { input: 'x' })).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('where an opened file goes', () => {
  test('a told name that is taken is refused before the link is opened; --force replaces', async () => {
    const link = await shared(file('new.txt', 'new'), '--max-opens', '1');
    const taken = file('taken.txt', 'mine');
    expect(await opened(link, '-o', taken)).toMatchObject({ code: 5, stdout: '' });
    expect(await opened(link, '-o', join(here, 'no', 'folder'))).toMatchObject({ code: 1, stdout: '' });
    expect(readFileSync(taken, 'utf8')).toBe('mine');
    expect((await opened(link, '-o', taken, '-f')).code).toBe(0);
    expect([readFileSync(taken, 'utf8'), statSync(taken).mode & 0o777]).toEqual(['new', 0o600]);
  });

  test('a name that its sender chose gives way to one that is there', async () => {
    const link = await shared(file('a.txt', 'theirs'));
    const inbox = join(here, 'inbox');
    mkdirSync(inbox);
    writeFileSync(join(inbox, 'a.txt'), 'mine');
    const names: string[] = [];
    for (let i = 0; i < 2; i++) names.push(basename((await opened(link, '-o', inbox)).stdout.trim()));
    expect(names).toEqual(['a-1.txt', 'a-2.txt']);
    expect(readFileSync(join(inbox, 'a.txt'), 'utf8')).toBe('mine');
  });

  test('a name that would lead elsewhere does not', async () => {
    const evil = `../../${'up/'.repeat(3)}.bashrc`;
    const link = await shared(file('a', 'x'), '--name', evil);
    const ended = await opened(link, '-o', here);
    expect(ended.stdout).toBe(`${join(here, '.bashrc')}\n`);
  });

  test.each([
    ['C:\\Windows\\evil.exe', 'evil.exe'],
    ['', 'file'],
    ['.gitignore', '.gitignore'],
    ['-rf', '_rf'],
    ['a\u001b[2Jb\nc.txt', 'a_[2Jb c.txt'],
    ['gpj.\u202eexe.txt', 'gpj.[U+202E]exe.txt'],
    ['می\u200cخواهم.pdf', 'می\u200cخواهم.pdf'],
    [' name . ', 'name'],
  ])('%j is stored as %j', (given, safe) => {
    expect(toLocalFileName(given, here)).toBe(safe);
  });

  test('in the home directory, a name with a leading dot gets another beginning: shells run such files', () => {
    expect(toLocalFileName('.zshenv', homedir())).toBe('_.zshenv');
    expect(toLocalFileName('.zshenv', join(homedir(), 'x', '..'))).toBe('_.zshenv');
    expect(toLocalFileName('.zshenv', here)).toBe('.zshenv');
  });

  test('media types go by the extension', () => {
    expect(['a.PDF', 'b.tar.gz', 'c', 'd.constructor', 'e.svg'].map(mediaTypeOf)).toEqual([
      'application/pdf',
      'application/gzip',
      'application/octet-stream',
      'application/octet-stream',
      'image/svg+xml',
    ]);
  });
});

describe('what arrives damaged', () => {
  const content = noise(3 * 2 ** 20 + 5);

  /** Replaces the object behind a link. */
  async function tamper(link: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
    const { endpoints, credentials, operator, resources } = stack.vault;
    const client = new S3Client({ endpoint: endpoints.s3, credentials, region: operator.region, forcePathStyle: true });
    const Bucket = Object.entries(resources).find(([id]) => id.startsWith('BlobObjects'))?.[1] ?? expect.fail();
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    const Key = Contents.find((one) => one.Key?.includes(idOf(link)))?.Key ?? expect.fail('no object');
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
    await client.send(new PutObjectCommand({ Bucket, Key, Body: change(bytes) }));
    client.destroy();
  }

  test.each<[string, (bytes: Buffer) => Uint8Array]>([
    ['a bit near its end flipped', (bytes) => bytes.fill((bytes.at(-9) ?? 0) ^ 1, bytes.length - 9, bytes.length - 8)],
    ['its header of another', (bytes) => bytes.fill((bytes[40] ?? 0) ^ 1, 40, 41)],
  ])('%s: no file of any name is left, and a pipe got authentic bytes only', async (_, change) => {
    const link = await shared(file('big.bin', content));
    await tamper(link, change);
    const inbox = join(here, 'inbox');
    mkdirSync(inbox);
    const ended = await opened(link, '-o', inbox);
    expect([ended.code, ended.stdout, readdirSync(inbox)]).toEqual([7, '', []]);
    const { child, ended: piped } = startProcess(['open', '-', '-o', '-'], { env: recipient, input: link });
    const bytes: Buffer[] = [];
    child.stdout?.setEncoding('latin1').on('data', (text: string) => bytes.push(Buffer.from(text, 'latin1')));
    expect((await piped).code).toBe(7);
    const got = Buffer.concat(bytes);
    expect(got.length).toBeLessThan(content.length);
    expect(content.subarray(0, got.length).equals(got)).toBe(true);
  });

  test('a burning link whose file arrives damaged burns nothing', async () => {
    const link = await shared(file('once.bin', content), '--burn');
    await tamper(link, (bytes) => bytes.fill((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1));
    expect((await opened(link, '-o', join(here, 'got'))).code).toBe(7);
    expect((await stack.client.blobs.info(idOf(link))).state).toBe('ready');
  });
});

describe('what broke off', () => {
  const content = noise(26 * 2 ** 20);
  const kept = (): string[] => (existsSync(uploads) ? readdirSync(uploads) : []);
  const partsSent = (): number => stack.vault.calls.count({ service: 's3', action: 'UploadPart' });

  /** Lets the given number of parts through and holds further parts until the hooks are removed. */
  function holdParts(after: number): { held: Promise<void> } {
    let passed = 0;
    let tell = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      tell = resolve;
    });
    stack.vault.setHooks({
      before: ({ service, action }) => {
        if (service !== 's3' || action !== 'UploadPart' || ++passed <= after) return undefined;
        tell();
        return { delayMs: 2_000 };
      },
    });
    return { held };
  }

  test('Ctrl-C leaves what it takes to go on, mode 0600; --resume sends what is missing, and removes it', async () => {
    const path = file('video.mp4', content);
    // Two parts are sent concurrently, so one has arrived when the third is sent.
    const { held } = holdParts(2);
    const { child, ended } = startProcess(['share', path], { env });
    await held;
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('--resume') });
    expect(kept()).toHaveLength(1);
    const [name = ''] = kept();
    expect([statSync(join(uploads, name)).mode, statSync(uploads).mode].map((mode) => mode & 0o777)).toEqual([
      0o600, 0o700,
    ]);
    stack.vault.setHooks();
    // Another file now has this name. None of it is sent, and the upload can still be resumed.
    writeFileSync(path, Buffer.from(content).fill(0, 5, 6));
    stack.vault.calls.reset();
    expect(await ran(['share', '--resume'])).toMatchObject({ code: 5, stdout: '' });
    expect([partsSent(), kept().length]).toEqual([0, 1]);
    writeFileSync(path, content);
    const other = await stack.newOrg();
    expect((await ran(['share', '--resume'], { env: { ...env, ANIMA_KEY: other.agentKey } })).code).toBe(3);
    expect((await ran(['share', '--resume', join(here, 'other')])).code).toBe(3);
    const resumed = await ran(['share', '--resume']);
    expect([resumed.code, kept()]).toEqual([0, []]);
    expect(partsSent()).toBeLessThanOrEqual(3);
    const got = join(here, 'got.mp4');
    expect((await opened(resumed.stdout.trim(), '-o', got)).code).toBe(0);
    expect(readFileSync(got).equals(content)).toBe(true);
    expect((await ran(['share', '--resume'])).code).toBe(3);
  });

  test('a connection that breaks for good does too; two files, and one must say which', async () => {
    stack.vault.setHooks({ before: ({ action }) => (action === 'PostObject' ? 'drop-before' : undefined) });
    const [a, b] = [file('a.txt', 'first'), file('b.txt', 'second')];
    const broken = await Promise.all([a, b].map(async (path) => await ran(['share', path])));
    for (const { code, stdout, stderr } of broken) {
      expect([code, stdout]).toEqual([6, '']);
      expect(stderr).toContain('anima share --resume');
      expect(stderr).not.toMatch(/#[\w-]{43}/);
    }
    stack.vault.setHooks();
    expect(await ran(['share', '--resume'])).toMatchObject({ code: 2, stderr: expect.stringContaining(a) });
    const link = (await ran(['share', '--resume', b])).stdout.trim();
    expect((await opened(link, '-o', '-')).stdout).toBe('second');
    // A state file that other users can write is ignored.
    const [name = ''] = kept();
    chmodSync(join(uploads, name), 0o666);
    expect((await ran(['share', '--resume'])).code).toBe(3);
    chmodSync(join(uploads, name), 0o600);
    // A state that is too old is also ignored. It is deleted, like the temporary file of a killed process.
    const left = join(uploads, '.half-written.json.0123');
    writeFileSync(left, 'the link');
    utimesSync(left, 0, 0);
    const text = readFileSync(join(uploads, name), 'utf8');
    writeFileSync(join(uploads, name), text.replace(/"begunAt":"\d{4}/, '"begunAt":"2020'));
    expect((await ran(['share', '--resume'])).code).toBe(3);
    expect(kept()).toEqual([]);
  });

  test('what was refused for good leaves nothing behind', async () => {
    const { keys } = stack.clientOf(stack.vault.adminKey);
    const { id, key } = await keys.create({ role: 'agent' });
    stack.vault.setHooks({
      before: async ({ action }) => {
        if (action === 'PostObject') await keys.revoke(id);
      },
    });
    const refused = await ran(['share', file('a.txt', 'first')], { env: { ...env, ANIMA_KEY: key } });
    expect([refused.code, refused.stdout, kept()]).toEqual([4, '', []]);
  });

  test('Ctrl-C while a file comes leaves nothing of it', async () => {
    const link = await shared(file('video.mp4', content));
    const inbox = join(here, 'inbox');
    mkdirSync(inbox);
    stack.vault.setHooks({ before: ({ action }) => (action === 'GetObject' ? { cutAfter: 9 * 2 ** 20 } : undefined) });
    const { child, ended } = startProcess(['open', '-', '-o', inbox], { env: recipient, input: link });
    await expect
      .poll(() => readdirSync(inbox).map((name) => statSync(join(inbox, name)).size > 2 ** 20))
      .toEqual([true]);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 6, stdout: '' });
    expect(readdirSync(inbox)).toEqual([]);
  });
});

describe('blobs', () => {
  test('are listed and told of without names and links, and deleted', async () => {
    const link = await shared(file('secret-name.txt', 'text'), '--max-opens', '5');
    const id = idOf(link);
    const list = await runAnima(['blobs', 'list'], { env: admin });
    expect(list.stdout).toMatch(new RegExp(`^${id}  ready  .*  0 of 5$`, 'm'));
    expect(list.stdout).not.toMatch(/secret-name|\/b\//);
    expect((await runAnima(['blobs', 'list'], { env: admin, terminal: true })).stdout).toMatch(/ID +STATE/);
    expect(JSON.parse((await ran(['blobs', 'info', id, '--json'])).stdout)).toMatchObject({ id, state: 'ready' });
    const pasted = await ran(['blobs', 'info', link]);
    expect(pasted.code).toBe(2);
    expect(pasted.stderr).not.toContain(link.slice(-43));
    const wrong = await ran(['blobs', 'delete', id], { typed: ['something\r'] });
    expect(wrong.code).toBe(1);
    expect((await ran(['blobs', 'delete', id, '--yes'])).code).toBe(0);
    expect((await ran(['blobs', 'delete', id])).code).toBe(3);
    expect((await opened(link, '-o', '-')).code).toBe(3);
  });

  test('get another link, with the old one’s key when that is given', async () => {
    const link = await shared(file('a.txt', 'text'));
    const bareLink = await ran(['blobs', 'relink', idOf(link)]);
    expect(bareLink.stdout).not.toContain('#');
    const key = link.slice(link.indexOf('#'));
    expect((await opened(link, '-o', '-')).code).toBe(3);
    expect((await opened(bareLink.stdout.trim() + key, '-o', '-')).stdout).toBe('text');
    const again = await ran(['blobs', 'relink', idOf(link), '-'], { input: bareLink.stdout.trim() + key });
    expect((await opened(again.stdout.trim(), '-o', '-')).stdout).toBe('text');
    const other = await shared(file('b.txt', 'other'));
    expect(await ran(['blobs', 'relink', idOf(link), '-'], { input: other })).toMatchObject({ code: 2, stdout: '' });
  });
});

test('errors of `run` are JSON for its own --json alone, not for that of the command it runs', async () => {
  const own = await ran(['--json', 'run', '--', 'no-such-command-here'], { env: { ...env, X: 'anima://missing' } });
  expect(JSON.parse(own.stderr).error.exit).toBe(3);
  const theirs = await ran(['run', '--', 'no-such-command-here', '--json'], { env: { ...env, X: 'anima://missing' } });
  expect([theirs.code, theirs.stderr.startsWith('anima: ')]).toEqual([3, true]);
});
