import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ChannelName, WebhookRequest } from '../../lambdas/channels/channel-ports.ts';
import {
  later,
  messagesOf,
  now,
  type ProviderSample,
  providerAccount,
  samples,
  seconds,
  twilioFields,
} from './signed-provider-requests.ts';

const names: readonly ChannelName[] = ['twilio', 'whatsapp', 'slack', 'mailgun', 'sendgrid'];
const all: readonly [ChannelName, ProviderSample][] = names.map((name) => [name, samples[name]]);

/** Seconds before and after the current time in which a timestamp is accepted, as documented for each channel. */
const windows: Partial<Record<ChannelName, readonly [back: number, ahead: number]>> = {
  whatsapp: [604_800, 300],
  slack: [300, 300],
  mailgun: [32_400, 300],
  sendgrid: [262_800, 300],
};

const receive = (name: ChannelName, request: WebhookRequest, at = now) =>
  providerAccount(name).verifyAndParse(request, at);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each(all)('%s', (name, sample) => {
  test('takes what is rightly signed, as one message', async () => {
    const reading = await receive(name, await sample.request({ text: 'Bonjour, é 🗝' }));
    expect(messagesOf(reading)).toHaveLength(1);
    expect(messagesOf(reading)[0]?.text).toBe('Bonjour, é 🗝');
  });

  test('refuses signatures that are missing, empty, cut, longer, spelled otherwise, spaced or doubled', async () => {
    const request = await sample.request();
    const changes: Readonly<Record<string, (signature: string) => string | undefined>> = {
      missing: () => undefined,
      empty: () => '',
      cut: (signature) => signature.slice(0, -1),
      'cut in the middle': (signature) => signature.slice(0, signature.length / 2),
      longer: (signature) => `${signature}0`,
      'upper case': (signature) => signature.toUpperCase(),
      'the other case': (signature) =>
        signature.replace(/[a-z]/gi, (letter) =>
          letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
        ),
      'space before': (signature) => ` ${signature}`,
      'space after': (signature) => `${signature} `,
      'line feed after': (signature) => `${signature}\n`,
      'without its prefix': (signature) =>
        signature.includes('=') ? signature.slice(signature.indexOf('=') + 1) : undefined,
      'the header twice': (signature) => `${signature},${signature}`,
      'the header twice, spaced': (signature) => `${signature}, ${signature}`,
      'a wrong one and the right one': (signature) => `${'0'.repeat(signature.length)},${signature}`,
      'the right one and a wrong one': (signature) => `${signature},${'0'.repeat(signature.length)}`,
      'one digit changed': (signature) =>
        signature.startsWith('M')
          ? `N${signature.slice(1)}`
          : signature.replace(/[0-9a-f](?=[^0-9a-f]*$)/, (digit) => (digit === '0' ? '1' : '0')),
    };
    const taken: string[] = [];
    for (const [title, change] of Object.entries(changes))
      if ((await receive(name, sample.edit(request, change))) !== undefined) taken.push(title);
    expect(taken).toEqual([]);
  });

  test("refuses another message's signature, another org's secret, and every other provider's request", async () => {
    const [one, two] = [await sample.request({ text: 'one' }), await sample.request({ text: 'two', at: later(-1) })];
    let signature = '';
    sample.edit(one, (found) => {
      signature = found;
      return found;
    });
    expect(
      await receive(
        name,
        sample.edit(two, () => signature),
      ),
    ).toBeUndefined();
    expect(
      await providerAccount(name, { [sample.signing.field]: sample.signing.other }).verifyAndParse(one, now),
    ).toBeUndefined();
    for (const [other, { request }] of all.filter(([other]) => other !== name)) {
      const foreign = await request();
      expect(await receive(name, foreign), other).toBeUndefined();
      // A body of another channel in a request whose URL and headers are valid.
      const disguised = { ...one, headers: { ...one.headers, ...foreign.headers }, body: foreign.body };
      expect(await receive(name, disguised), other).toBeUndefined();
    }
  });

  test('refuses a GET, and the same bytes under another method', async () => {
    expect(await receive(name, { ...(await sample.request()), method: 'GET' })).toBeUndefined();
  });

  test('is not there with secrets that are missing, empty, incomplete, of another form or with fields unknown', async () => {
    const { channel, secrets, signing } = sample;
    const fetch = () => Promise.reject(new Error('unused'));
    const configured = (json: unknown) => channel.accountFor(json, { fetch, baseUrlOverride: undefined }) !== undefined;
    expect(configured(secrets)).toBe(true);
    for (const json of [
      undefined,
      null,
      '',
      'secret',
      1,
      [],
      {},
      [secrets],
      JSON.stringify(secrets),
      { ...secrets, other: 'x' },
    ])
      expect(configured(json)).toBe(false);
    for (const value of ['', undefined, null, 7, ' ', ' \t', {}, ['x']])
      expect(configured({ ...secrets, [signing.field]: value }), String(value)).toBe(false);
    for (const field of Object.keys(secrets)) {
      const { [field]: _, ...rest } = secrets;
      expect(configured(rest), field).toBe(field === 'appId');
    }
  });

  test('refuses a request signed too long ago or ahead, and the same bytes sent again after that', async () => {
    const window = windows[name];
    if (window === undefined) {
      // Twilio signs no timestamp. Replays are prevented by the message ID, which never changes.
      const request = await sample.request();
      const [first, again] = [await receive(name, request), await receive(name, request, later(10 * 365 * 86_400))];
      expect(again).toEqual(first);
      expect(sample.channel.replayableSeconds).toBeUndefined();
      return;
    }
    const [back, ahead] = window;
    const takenAt = async (at: Date) => (await receive(name, await sample.request({ at }))) !== undefined;
    expect(await takenAt(later(-back))).toBe(true);
    expect(await takenAt(later(-back - 1))).toBe(false);
    expect(await takenAt(later(ahead))).toBe(true);
    expect(await takenAt(later(ahead + 1))).toBe(false);
    const request = await sample.request();
    expect(await receive(name, request, later(back + 1))).toBeUndefined();
    expect(await receive(name, request, later(-ahead - 1))).toBeUndefined();
    // Delivery IDs must be kept at least as long as a request can be replayed.
    const { replayableSeconds = Number.POSITIVE_INFINITY } = sample.channel;
    expect(replayableSeconds).toBeGreaterThanOrEqual(name === 'slack' ? 86_400 : back + ahead);
  });

  test('names the same message alike whenever it comes, and another one otherwise', async () => {
    const fields = { twilio: { MessageSid: `SM${'cd'.repeat(16)}` }, whatsapp: { id: 'wamid.other' } };
    const idOf = async (request: WebhookRequest, at?: Date) =>
      messagesOf(await receive(name, request, at))[0]?.deliveryId;
    const request = await sample.request();
    const id = await idOf(request);
    expect(id).toMatch(/^[\x21-\x7e]{1,128}$/);
    expect(await idOf(await sample.request({ at: later(20) }), later(30))).toBe(id);
    if (name === 'twilio' || name === 'whatsapp')
      expect(await idOf(await sample.request({ fields: fields[name] }))).not.toBe(id);
  });

  test('is told the time, and never asks for it', async () => {
    const requests = [await sample.request(), sample.edit(await sample.request(), () => 'wrong')];
    class NoClock extends Date {
      constructor(...args: readonly number[]) {
        if (args.length === 0) throw new Error('the clock was read');
        super(args[0] ?? 0);
      }
      static override now(): number {
        throw new Error('the clock was read');
      }
    }
    vi.stubGlobal('Date', NoClock);
    vi.spyOn(performance, 'now').mockImplementation(() => {
      throw new Error('the clock was read');
    });
    try {
      const found = await Promise.all(requests.map((request) => receive(name, request)));
      expect(found.map((reading) => reading?.kind)).toEqual(['messages', undefined]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test('never throws, and takes nothing, whatever it is sent unsigned', async () => {
    const odd = providerAccount(name);
    const header = fc.constantFrom(
      'content-type',
      'x-twilio-signature',
      'x-hub-signature-256',
      'x-slack-signature',
      'x-slack-request-timestamp',
      'x-twilio-email-event-webhook-signature',
      'x-twilio-email-event-webhook-timestamp',
    );
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=xYzZY',
        'multipart/form-data',
        seconds(now),
        'v0=',
        'sha256=',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          method: fc.constantFrom('GET' as const, 'POST' as const),
          url: fc.oneof(fc.webUrl(), fc.string()),
          query: fc.dictionary(fc.constantFrom('hub.mode', 'hub.verify_token', 'hub.challenge'), fc.string()),
          headers: fc.dictionary(header, value),
          body: fc.uint8Array({ maxLength: 300 }),
          pathSecret: fc.option(fc.string(), { nil: undefined }),
        }),
        async (request) => (await odd.verifyAndParse(request, now)) === undefined,
      ),
      { numRuns: 150 },
    );
  });
});

describe('one byte changed', () => {
  const flip = (bytes: Uint8Array, at: number, by: number): Uint8Array => {
    const changed = Uint8Array.from(bytes);
    changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ by;
    return changed;
  };
  const place = fc.nat();
  const bits = fc.integer({ min: 1, max: 255 });

  test.each(['whatsapp', 'slack', 'sendgrid'] as const)('of the body: %s refuses', async (name) => {
    const request = await samples[name].request();
    const odd = providerAccount(name);
    await fc.assert(
      fc.asyncProperty(
        place,
        bits,
        async (at, by) =>
          (await odd.verifyAndParse({ ...request, body: flip(request.body, at, by) }, now)) === undefined,
      ),
      { numRuns: 300 },
    );
  });

  test('of the body of a Twilio request: refused, unless it still spells the very same parameters', async () => {
    const request = await samples.twilio.request();
    const original = await providerAccount('twilio').verifyAndParse(request, now);
    const sorted = (body: Uint8Array) => [...new URLSearchParams(Buffer.from(body).toString())].sort().join('\n');
    await fc.assert(
      fc.asyncProperty(place, bits, async (at, by) => {
        const body = flip(request.body, at, by);
        const reading = await providerAccount('twilio').verifyAndParse({ ...request, body }, now);
        expect(reading).toEqual(sorted(body) === sorted(request.body) ? original : undefined);
      }),
      { numRuns: 300 },
    );
  });

  test.each(Object.keys(twilioFields))('of the value or the name of %s: Twilio’s request is refused', async (field) => {
    const request = await samples.twilio.request();
    for (const rename of [false, true]) {
      const fields = new URLSearchParams(Buffer.from(request.body).toString());
      const value = fields.get(field) ?? '';
      fields.delete(field);
      fields.set(rename ? `${field}x` : field, rename ? value : `${value.slice(0, -1)}~`);
      expect(
        await providerAccount('twilio').verifyAndParse({ ...request, body: Buffer.from(fields.toString()) }, now),
      ).toBeUndefined();
    }
  });

  test('of the address that Twilio signs: refused', async () => {
    const request = await samples.twilio.request();
    for (let at = 0; at < request.url.length; at++) {
      const url = `${request.url.slice(0, at)}${request.url[at] === 'a' ? 'b' : 'a'}${request.url.slice(at + 1)}`;
      expect(await providerAccount('twilio').verifyAndParse({ ...request, url }, now), url).toBeUndefined();
    }
  });

  test('of the time and the token that Mailgun signs: refused', async () => {
    const request = await samples.mailgun.request();
    for (const field of ['timestamp', 'token']) {
      const value = new URLSearchParams(Buffer.from(request.body).toString()).get(field) ?? '';
      for (let at = 0; at < value.length; at++) {
        const fields = new URLSearchParams(Buffer.from(request.body).toString());
        fields.set(field, `${value.slice(0, at)}${value[at] === '1' ? '2' : '1'}${value.slice(at + 1)}`);
        expect(
          await providerAccount('mailgun').verifyAndParse({ ...request, body: Buffer.from(fields.toString()) }, now),
        ).toBeUndefined();
      }
    }
  });

  test('of the times that Slack and SendGrid sign: refused', async () => {
    for (const [name, header] of [
      ['slack', 'x-slack-request-timestamp'],
      ['sendgrid', 'x-twilio-email-event-webhook-timestamp'],
    ] as const) {
      const request = await samples[name].request();
      for (const time of [
        seconds(later(1)),
        seconds(later(-1)),
        `0${seconds(now)}`,
        `${seconds(now)}.0`,
        `${seconds(now)},${seconds(now)}`,
        '',
      ]) {
        const headers = { ...request.headers, [header]: time };
        expect(await providerAccount(name).verifyAndParse({ ...request, headers }, now), time).toBeUndefined();
      }
    }
  });
});

describe('the same content in another order', () => {
  test.each(['whatsapp', 'slack'] as const)('is not what %s signed', async (name) => {
    const request = await samples[name].request();
    const json: Record<string, unknown> = JSON.parse(Buffer.from(request.body).toString());
    const bodies = [Object.fromEntries(Object.entries(json).reverse())].map((turned) => JSON.stringify(turned));
    for (const body of [...bodies, JSON.stringify(json, null, 1), `${JSON.stringify(json)}\n`])
      expect(await providerAccount(name).verifyAndParse({ ...request, body: Buffer.from(body) }, now)).toBeUndefined();
  });

  test('is not what SendGrid signed', async () => {
    const request = await samples.sendgrid.request();
    const [first = '', second = '', ...rest] = Buffer.from(request.body).toString().split('--xYzZY\r\n').slice(1);
    const body = Buffer.from(['', second, first, ...rest].join('--xYzZY\r\n'));
    expect(body).toHaveLength(request.body.length);
    expect(await providerAccount('sendgrid').verifyAndParse({ ...request, body }, now)).toBeUndefined();
  });

  test('is the same mail of Mailgun, whose signature does not cover it: its token is good for one', async () => {
    const request = await samples.mailgun.request();
    const turned = new URLSearchParams([...new URLSearchParams(Buffer.from(request.body).toString())].reverse());
    const other = await samples.mailgun.request({ text: 'another text under the same token' });
    const [one, two, three] = await Promise.all(
      [request, { ...request, body: Buffer.from(turned.toString()) }, other].map((sent) =>
        providerAccount('mailgun').verifyAndParse(sent, now),
      ),
    );
    expect(two).toEqual(one);
    expect(messagesOf(three)[0]?.token).toBe(messagesOf(one)[0]?.token);
  });
});
