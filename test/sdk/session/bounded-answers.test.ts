/** What a hostile service can make a client of sessions hold in memory. */
import { expect, test } from 'vitest';
import { maxAnswerBytes } from '../../../sdk/src/http/bounded-transport.ts';
import { DirectoryAdmin } from '../../../sdk/src/session/index.ts';
import { apiKey, baseURL } from '../fake-fetch.ts';

test('an answer without an end is not held in memory: the connection is closed', async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(0x20);
  let sent = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    sent += chunk.length;
    controller.enqueue(chunk);
  };
  const fetch = async () => new Response(new ReadableStream({ pull }));
  const authority = new Uint8Array(32).fill(1);
  const options = { apiKey, baseURL, fetch, maxRetries: 0, org: '0123456789abcdef', authority };
  await expect(new DirectoryAdmin(options).sync()).rejects.toMatchObject({
    code: 'connection_failed',
    detail: expect.stringContaining('ANSWER_TOO_LARGE'),
  });
  expect(sent).toBeLessThanOrEqual(maxAnswerBytes + 2 * chunk.length);
});
