import { inspect } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { timeOfTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { deriveFernetKey, openFernet, sealFernet } from '../../../core/memory/fernet.ts';
import type { ImportedLine, LineSource } from '../../../sdk/src/index.ts';
import { fakeFetch, problem, rejectionOf, userClientOf } from '../fake-fetch.ts';
import { FakeMemoryService } from './fake-memory-service.ts';

/** An API key of the earlier system, which must not be sent. */
const old = { apiKey: 'anm_OLD-KEY-that-stays-here', userId: 'user-1' };
const seconds = 1_700_000_000;
const bytes = (text: string) => new TextEncoder().encode(text);
const tokenOf = async (plaintext: string | Uint8Array, { apiKey, userId } = old, time = seconds) =>
  sealFernet(await deriveFernetKey(apiKey, userId), typeof plaintext === 'string' ? bytes(plaintext) : plaintext, time);

async function imported(lines: LineSource, vault = new FakeMemoryService()) {
  const told: ImportedLine[] = [];
  const options = { ...old, onLine: (line: ImportedLine) => told.push(line) };
  const result = await userClientOf(vault.fetch).memory.importFernet(lines, options);
  return { vault, told, result, data: [...vault.records.values()] };
}

let likes: string;
let text: string;
beforeAll(async () => {
  likes = await tokenOf('{ "likes": "tea" }');
  text = await tokenOf('no JSON: Grüße', old, seconds + 1);
});

describe('importFernet', () => {
  test('JSON stays JSON, other text becomes a string, and ids sort by the time of the tokens', async () => {
    const { told, data, result } = await imported([text, likes]);
    expect(data).toEqual(['no JSON: Grüße', { likes: 'tea' }]);
    expect(result).toEqual({ imported: 2, failed: 0, failures: [] });
    expect(told.map((line) => line.ok && [line.line, timeOfTimeId(line.id)])).toEqual([
      [1, (seconds + 1) * 1000],
      [2, seconds * 1000],
    ]);
  });

  test('a token is added once, however often and wherever it is imported', async () => {
    const vault = new FakeMemoryService();
    const first = await imported([likes, text, likes], vault);
    const second = await imported(`${text}\n${likes}`, vault);
    expect(vault.records.size).toBe(2);
    expect(first.result.imported + second.result.imported).toBe(5);
  });

  test('each line is reported, in order, with why it was not imported', async () => {
    const altered = `${likes.slice(0, -5)}${likes.at(-5) === 'A' ? 'B' : 'A'}${likes.slice(-4)}`;
    const lines = [
      likes,
      '',
      'not a token',
      `x${likes}`,
      await tokenOf('1', { ...old, apiKey: 'anm_other' }),
      await tokenOf('2', { ...old, userId: 'user-2' }),
      altered,
      likes.slice(0, -4),
      await tokenOf(Uint8Array.of(0xff, 0xfe)),
      await tokenOf('{"id":12345678901234567890}'),
      await tokenOf('[1e999]'),
      await tokenOf(JSON.stringify('x'.repeat(70_000))),
      await tokenOf('{"__proto__":1}'),
      'gAAAAA'.repeat(200_000),
      `  ${text}\r`,
      await tokenOf('{"id":"12345678901234567890","n":9007199254740991,"x":1.5e300}'),
    ];
    const { told, result, data } = await imported(lines);
    expect(told.map((line) => `${line.line} ${line.ok ? 'ok' : line.reason}`)).toEqual([
      '1 ok',
      '3 not_a_token',
      '4 not_a_token',
      '5 wrong_key',
      '6 wrong_key',
      '7 wrong_key',
      '8 wrong_key',
      '9 not_text',
      '10 inexact_number',
      '11 inexact_number',
      '12 record_too_large',
      '13 invalid_argument',
      '14 not_a_token',
      '15 ok',
      '16 ok',
    ]);
    expect(result).toMatchObject({ imported: 3, failed: 12 });
    expect(result.failures).toHaveLength(12);
    expect(data).toHaveLength(3);
  });

  test('a record that was replaced since is reported, and left as it is', async () => {
    const { vault, told } = await imported([likes]);
    const [id = ''] = told.map((line) => (line.ok ? line.id : ''));
    vault.records.set(id, { likes: 'coffee' });
    expect((await imported([likes], vault)).told).toEqual([{ line: 1, ok: false, reason: 'record_exists' }]);
    expect([...vault.records.values()]).toEqual([{ likes: 'coffee' }]);
  });

  const whole = () => `${likes}\r\n\n${text}`;
  const cut = (size: number, mark = '') => {
    const all = bytes(mark + whole());
    const count = Math.ceil(all.length / size);
    return Array.from({ length: count }, (_, i) => all.subarray(i * size, (i + 1) * size));
  };
  async function* streamed<T>(pieces: readonly T[]): AsyncGenerator<T> {
    yield* pieces;
  }
  test.each<[string, () => LineSource]>([
    ['a text', whole],
    ['an array of lines', () => [likes, '', text]],
    ['an async iterable of lines', () => streamed([likes, '', text])],
    ['an async iterable of whole lines with their ends', () => streamed([`${likes}\n\n`, `${text}\n`])],
    ['bytes cut after every byte', () => streamed(cut(1))],
    ['bytes with a byte order mark, cut within it', () => streamed(cut(1, '\ufeff'))],
    ['bytes cut after every 7', () => streamed(cut(7))],
    ['a stream', () => new Response(whole()).body as NonNullable<Response['body']>],
    ['a Blob', () => new Blob([whole()])],
  ])('takes %s', async (_title, source) => {
    const { told, data } = await imported(source());
    expect(told.map(({ line, ok }) => [line, ok])).toEqual([
      [1, true],
      [3, true],
    ]);
    expect(data).toEqual([{ likes: 'tea' }, 'no JSON: Grüße']);
  });

  test('takes no more of its source than one request carries', async () => {
    const vault = new FakeMemoryService();
    let ahead = 0;
    async function* source() {
      for (let taken = 0; taken < 450; taken++) {
        ahead = Math.max(ahead, taken - vault.records.size);
        yield await tokenOf(String(taken));
      }
    }
    expect((await imported(source(), vault)).result.imported).toBe(450);
    expect(ahead).toBeLessThanOrEqual(101);
  });

  test('neither the old key, nor the user id, nor a token leaves; and no error shows any of them, or what was in a token', async () => {
    const { vault } = await imported([likes, text]);
    expect(vault.seen).toHaveLength(1);
    for (const hidden of [old.apiKey, old.userId, likes, text])
      expect(inspect(vault.seen, { depth: 9 })).not.toContain(hidden);
    const { memory } = userClientOf(fakeFetch(problem('forbidden', { detail: 'anm_x' })).fetch);
    const errors = [
      await rejectionOf(memory.importFernet([likes], old)),
      await rejectionOf(memory.importFernet([likes], { ...old, userId: '' })),
      await rejectionOf(memory.importFernet({ likes } as unknown as LineSource, old)),
      await rejectionOf(memory.importFernet([7] as unknown as LineSource, old)),
    ];
    expect(errors.map((error) => Reflect.get(Object(error), 'code'))).toEqual([
      'forbidden',
      ...Array(3).fill('invalid_argument'),
    ]);
    for (const hidden of [old.apiKey, likes, 'tea'])
      expect(inspect(errors, { depth: 9, showHidden: true })).not.toContain(hidden);
  });
});

describe('exportFernet', () => {
  test('gives tokens that open by the published derivation, and import as the same data', async () => {
    const vault = new FakeMemoryService();
    const data = [
      { a: [1, null, 'é'] },
      'plain text',
      '',
      ' ',
      '"quoted"',
      '12',
      'true',
      'NaN',
      '\ud800',
      null,
      1.5,
      '\ufeffx',
    ];
    for (const [i, one] of data.entries()) vault.records.set(`r${String(i).padStart(2, '0')}`, one);
    const lines: string[] = [];
    for await (const line of userClientOf(vault.fetch).memory.exportFernet(old)) lines.push(line);
    const key = await deriveFernetKey(old.apiKey, old.userId);
    for (const line of lines) expect(line).toMatch(/^[\w-]+=*\n$/);
    const opened = await Promise.all(lines.map((line) => openFernet(key, line.trimEnd())));
    expect(opened.map(({ time }) => time)).toEqual(data.map(() => Date.parse('2026-11-21T03:00:00Z') / 1000));
    expect(new TextDecoder().decode(opened[0]?.plaintext)).toBe('{"a":[1,null,"é"]}');
    expect(new TextDecoder().decode(opened[1]?.plaintext)).toBe('plain text');
    expect((await imported(lines)).data).toEqual(data);
  });
});
