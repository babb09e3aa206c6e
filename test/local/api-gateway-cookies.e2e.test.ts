/**
 * Gateway features that webhooks and sessions need: unchanged bytes, repeated headers, and cookies in both directions.
 */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { createWorkspace, type Workspace } from './small-assembly.ts';

let space: Workspace;
let vault: LocalVault;

beforeAll(async () => {
  space = await createWorkspace();
  vault = await startLocalVault({ assembly: space.assembly(), port: 0, memory: true });
});
afterAll(async () => {
  await vault.close();
  space.remove();
});

const eventSchema = z.object({
  event: z.object({
    headers: z.record(z.string(), z.string()),
    cookies: z.array(z.string()).optional(),
    body: z.string().optional(),
    isBase64Encoded: z.boolean(),
  }),
});

/** The event of a request with these exact header lines. `fetch` would join repeated headers. */
const echo = (headers: readonly string[], body = Buffer.alloc(0)): Promise<z.infer<typeof eventSchema>['event']> =>
  new Promise((resolve, reject) => {
    const sent = [...headers, 'host', new URL(vault.url).host, 'content-length', String(body.length)];
    request(`${vault.url}/echo/x`, { method: 'POST', headers: sent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => resolve(eventSchema.parse(JSON.parse(text)).event));
    })
      .once('error', reject)
      .end(body);
  });

/** The response that a client receives for this result of a function. */
const answered = (answer: object) =>
  fetch(`${vault.url}/answer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(answer),
  });

describe('a request', () => {
  test('brings its cookies apart from its headers, from one line or several', async () => {
    const one = await echo(['cookie', '__Host-session=abc; theme=dark;x=1']);
    expect(one.cookies).toEqual(['__Host-session=abc', 'theme=dark', 'x=1']);
    const two = await echo(['cookie', '__Host-session=abc', 'Cookie', 'theme=dark; x=a,b']);
    expect(two.cookies).toEqual(['__Host-session=abc', 'theme=dark', 'x=a,b']);
    for (const event of [one, two]) expect(event.headers).not.toHaveProperty('cookie');
    expect(await echo([])).not.toHaveProperty('cookies');
  });

  test('brings a header that came twice as one, joined by a comma', async () => {
    const { headers } = await echo([
      'X-Twilio-Signature',
      'one',
      'x-twilio-signature',
      'two',
      'Content-Type',
      'text/a',
    ]);
    expect(headers['x-twilio-signature']).toBe('one,two');
    const types = await echo(['content-type', 'text/plain', 'content-type', 'text/html'], Buffer.from('x'));
    expect(types.headers['content-type']).toBe('text/plain,text/html');
  });

  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

  test.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=xyz',
    'application/octet-stream',
    'application/json',
    'text/plain; charset=utf-8',
  ])('of %s brings every byte as it was sent', async (type) => {
    for (const body of [everyByte, Buffer.from('a=1&b=%20+\r\n')]) {
      const event = await echo(['content-type', type], body);
      expect(Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')).toEqual(body);
    }
  });

  test('of a form is base64, as API Gateway gives it', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=xyz']) {
      expect(await echo(['content-type', type], Buffer.from('a=1'))).toMatchObject({
        body: Buffer.from('a=1').toString('base64'),
        isBase64Encoded: true,
      });
    }
  });
});

describe('an answer', () => {
  test('sets each of its cookies by a line of its own', async () => {
    const cookies = [
      '__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax',
      'a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    ];
    const response = await answered({ statusCode: 200, cookies, body: '{}' });
    expect(response.headers.getSetCookie()).toEqual(cookies);
  });

  test.each([
    ['text/plain', 'challenge-1234'],
    ['text/xml', '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'],
    ['application/json', '{"a":"ü"}'],
  ])('of %s goes out as it is', async (type, body) => {
    const response = await answered({ statusCode: 200, headers: { 'Content-Type': type }, body });
    expect(response.headers.get('content-type')).toBe(type);
    expect(await response.text()).toBe(body);
  });

  test('without a body is empty, with its status and headers', async () => {
    for (const answer of [
      { statusCode: 200 },
      { statusCode: 200, body: '' },
      { statusCode: 204, cookies: ['a=; Max-Age=0'] },
    ]) {
      const response = await answered({ ...answer, headers: { 'x-told': 'yes' } });
      expect(response.status).toBe(answer.statusCode);
      expect(response.headers.get('x-told')).toBe('yes');
      expect(await response.text()).toBe('');
    }
  });

  test('that is base64 goes out as its bytes', async () => {
    const bytes = Buffer.from([0, 255, 128, 10]);
    const response = await answered({ statusCode: 200, isBase64Encoded: true, body: bytes.toString('base64') });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  });
});
