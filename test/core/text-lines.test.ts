/** Lines end where the formats of the vault end them, and nowhere else. */
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { pipedInput } from '../../cli/sessions/chat/chat-input.ts';
import type { Shell } from '../../cli/shell/shell.ts';
import { textLines } from '../../core/encoding/text-lines.ts';

const separators = '\u2028\u2029\u0085\v\f\u001e';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a line', () => {
  test.each([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\rc\r\n\r\n', ['a', 'b\rc', '']],
    [`{"name":"${separators}"}\n{}`, [`{"name":"${separators}"}`, '{}']],
    ['ü€😀\n😀', ['ü€😀', '😀']],
  ])('ends with a line feed only: %j', async (text, lines) => {
    const bytes = Buffer.from(text);
    for (const size of [1, 2, 3, 7, 1000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await all(textLines(Readable.from(pieces, { objectMode: true })))).toEqual(lines);
    }
    expect(await all(textLines(Readable.from([text])))).toEqual(lines);
  });
});

describe('what is piped into a chat', () => {
  const shellWith = (stdin: Readable) => ({ stdin }) as unknown as Shell;

  test('is one message per line, whatever separators of Unicode it has', async () => {
    const stdin = Readable.from([Buffer.from(`one${separators}message\n\n  \nanother\r\n`)]);
    const messages = await all(pipedInput(shellWith(stdin), false, new AbortController().signal));
    expect(messages.map((one) => Reflect.get(one, 'text'))).toEqual([`one${separators}message`, 'another']);
  });

  test('ends without an error when the chat ends', async () => {
    const stdin = new PassThrough();
    const ended = new AbortController();
    stdin.write('one\n');
    const input = pipedInput(shellWith(stdin), false, ended.signal);
    expect(await input.next()).toMatchObject({ value: { text: 'one' } });
    const next = input.next();
    ended.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});
