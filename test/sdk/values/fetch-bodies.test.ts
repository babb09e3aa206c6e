/** What `vault.fetch` sends of headers and bodies. */
import { expect, test } from 'vitest';
import { clientOf, fakeFetch, json } from '../fake-fetch.ts';

test('pairs, Headers and URLSearchParams are sent with all of their entries', async () => {
  const answer = () => json({ status: 200, statusText: 'OK', headers: {}, body: '' });
  const { fetch, seen } = fakeFetch(answer(), answer());
  const { vault } = clientOf(fetch);
  const use = '{{anima://a/b}}';
  const headers = new Headers({ authorization: use });
  await vault.fetch('https://host.example/x', {
    method: 'POST',
    headers,
    body: new URLSearchParams({ a: '1', b: use }),
  });
  await vault.fetch('https://host.example/x', { method: 'POST', headers: [['x-key', use]], body: [['a', '1']] });
  expect(seen.map(({ body }) => body)).toMatchObject([
    { headers: { authorization: use }, form: { a: '1', b: use } },
    { headers: { 'x-key': use }, form: { a: '1' } },
  ]);
});
