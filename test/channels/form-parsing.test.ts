/** Form parsing: unambiguous, in linear time, and only if the signature can still be valid. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelName, WebhookRequest } from '../../lambdas/channels/channel-ports.ts';
import {
  type FormFields,
  parseMultipartForm,
  parseUrlEncodedForm,
} from '../../lambdas/channels/providers/form-parser.ts';
import {
  boundary,
  formType,
  headerText,
  mailPairs,
  messagesOf,
  multipartType,
  now,
  providerAccount,
  samples,
  sendgridFields,
  sendgridRequest,
  multipart as written,
} from './signed-provider-requests.ts';

const posted = (type: string, body: string | Uint8Array): WebhookRequest => ({
  method: 'POST',
  url: '',
  query: {},
  headers: { 'content-type': type },
  body: Buffer.from(body),
});
const entries = (form: FormFields | undefined) => [...(form ?? [])];
const part = (name: string, value: string, rest = '') =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n${value}\r\n`;
const end = `--${boundary}--`;

describe('a form in the encoding of addresses', () => {
  const grouped = (pairs: Iterable<[string, string]>) => {
    const form = new Map<string, string[]>();
    for (const [name, value] of pairs) form.set(name, [...(form.get(name) ?? []), value]);
    return [...form];
  };

  test('says what the URL Standard says', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '=',
      '&',
      '+',
      '%',
      '%41',
      '%c3%a9',
      '%C3',
      '%EF%BB%BF',
      '%zz',
      '%4',
      ' ',
      ';',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const body = pieces.join('');
        expect(entries(parseUrlEncodedForm(posted(formType, body)))).toEqual(grouped(new URLSearchParams(body)));
      }),
      { numRuns: 500 },
    );
    // Unencoded bytes. The platform's parser would treat them as code points.
    expect(entries(parseUrlEncodedForm(posted(formType, 'é%C3%A9=🗝%F0%9F%97%9D')))).toEqual([['éé', ['🗝🗝']]]);
  });

  test('has a thousand fields at most', () => {
    expect(parseUrlEncodedForm(posted(formType, 'a&'.repeat(999)))?.get('a')).toHaveLength(999);
    expect(parseUrlEncodedForm(posted(formType, 'a&'.repeat(1_000)))).toBeUndefined();
  });
});

describe('a form in parts', () => {
  const read = (body: string, type = multipartType) => parseMultipartForm(posted(type, body));

  test('is read whole: fields in their order, bytes as they are, files counted', () => {
    const body = written([
      ['a', '1'],
      ['b', 'line\r\n\r\n--xYzZ\r\n-- \n'],
      ['a', Buffer.from([0xc3, 0xa9])],
      ['', ''],
    ]).toString('latin1');
    const file = part('f', 'x', '; filename="a;b.txt"\r\nContent-Type: text/plain');
    const read = parseMultipartForm(posted(multipartType, Buffer.from(file + body, 'latin1')));
    expect(entries(read?.form)).toEqual([
      ['a', ['1', 'é']],
      ['b', ['line\r\n\r\n--xYzZ\r\n-- \n']],
      ['', ['']],
    ]);
    expect(read?.files.length).toBe(1);
    expect(parseMultipartForm(posted(multipartType, Buffer.from(body, 'latin1')), true)?.form.get('a')).toEqual([
      '1',
      'Ã©',
    ]);
    for (const type of [
      `Multipart/Form-Data; charset=utf-8; Boundary="${boundary}"`,
      `multipart/form-data;boundary=${boundary}`,
    ])
      expect(parseMultipartForm(posted(type, part('a', '1') + end))?.form.get('a'), type).toEqual(['1']);
  });

  test('has nothing before its first boundary or behind its last, no other boundary, and no odd head', () => {
    const one = part('a', '1');
    expect(read(one + end)?.form.get('a')).toEqual(['1']);
    expect(read(`${one}${end}\r\n`)?.form.get('a')).toEqual(['1']);
    const bodies: Readonly<Record<string, string>> = {
      nothing: '',
      'no end': one,
      'a cut end': `${one}${end.slice(0, -1)}`,
      'parts behind the end': `${one}${end}\r\n${part('b', '2')}${end}\r\n`,
      'the end twice': `${one}${end}\r\n${end}\r\n`,
      'text behind the end': `${one}${end}x`,
      'two line ends behind the end': `${one}${end}\r\n\r\n`,
      'a line feed behind the end': `${one}${end}\n`,
      'text before the first boundary': `x\r\n${one}${end}`,
      'a line end before the first boundary': `\r\n${one}${end}`,
      'a boundary within a line': part('a', `1--${boundary}`) + end,
      'a boundary that begins a line and goes on': part('a', `1\r\n--${boundary}x`) + end,
      'a boundary with a space':
        part('a', `1\r\n--${boundary} \r\nContent-Disposition: form-data; name="b"\r\n\r\n2`) + end,
      'a boundary behind a line feed alone':
        part('a', `1\n--${boundary}\r\nContent-Disposition: form-data; name="b"\r\n\r\n2`) + end,
      'a boundary before a line feed alone':
        part('a', `1\r\n--${boundary}\nContent-Disposition: form-data; name="b"\r\n\r\n2`) + end,
      'a boundary in a name': part(`a--${boundary}`, '1') + end,
      'a part without a head': `--${boundary}\r\n\r\n1\r\n${end}`,
      'a part that is nothing': `--${boundary}\r\n${end}`,
      'a part without a name': `--${boundary}\r\nContent-Disposition: form-data\r\n\r\n1\r\n${end}`,
      'a name without quotes': `--${boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n${end}`,
      'two names': part('a', '1', '; name="b"') + end,
      'two dispositions': part('a', '1', '\r\nContent-Disposition: form-data; name="b"') + end,
      'a header of a mail in the head': part('a', '1', '\r\nTo: x') + end,
      'a line feed in the head': part('a', '1', '\nTo: x') + end,
      'a line feed in a name': part('a\nb', '1') + end,
    };
    const taken = Object.entries(bodies).filter(([, body]) => read(body) !== undefined);
    expect(taken.map(([title]) => title)).toEqual([]);
  });

  test('has the one boundary that its type tells', () => {
    const body = part('a', '1') + end;
    for (const type of [
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=""',
      'multipart/form-data; boundary=xYzZ',
      'multipart/form-data; boundary=xyzzy',
      `multipart/form-data; boundary="${boundary}`,
      `multipart/form-data; boundary=${boundary}; boundary=other`,
      `multipart/form-data; boundary=${'x'.repeat(71)}`,
      `multipart/mixed; boundary=${boundary}`,
    ])
      expect(read(body, type), type).toBeUndefined();
  });

  test('has a thousand parts at most', () => {
    expect(read(part('a', '').repeat(1_000) + end)?.form.get('a')).toHaveLength(1_000);
    expect(read(part('a', '').repeat(1_001) + end)).toBeUndefined();
  });
});

describe('what a sender writes into his own field of SendGrid’s form', () => {
  const refused = expect.objectContaining({ kind: 'nothing', reason: 'sender_unverified' });
  type Fields = Readonly<Record<string, unknown>>;
  const body = (fields: Fields) =>
    written(Object.entries(fields).map(([name, value]): [string, string] => [name, String(value)]));
  const receive = (fields: Fields) => providerAccount('sendgrid').verifyAndParse(sendgridRequest(body(fields)), now);
  const head = (name: string, rest = '') =>
    `\r\n--${boundary}\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n`;

  test('is no field of the provider’s, even if it ends the form before those', async () => {
    // Eve's email. SendGrid reports the signature of her domain, or none.
    const forged = sendgridFields();
    const close = `\r\n--${boundary}--\r\n`;
    const all = Object.entries(forged)
      .map(([name, value]) => head(name) + value)
      .join('');
    const eves = {
      subject: `Hi${all}${close}`,
      headers: headerText(mailPairs({ From: 'Eve <eve@evil.example>' })),
      from: 'Eve <eve@evil.example>',
      to: forged.to,
      dkim: 'none',
      text: 'Hello',
      charsets: forged.charsets,
    };
    for (const first of ['subject', 'headers', 'from', 'text'] as const)
      for (const injected of [all, all + close, `${all}${close}--${boundary}--`, `${all}${close}${head('x')}`]) {
        const fields = {
          [first]: `Hi${injected}`,
          ...Object.fromEntries(Object.entries(eves).filter(([name]) => name !== first)),
        };
        expect(messagesOf(await receive(fields)), first).toEqual([]);
      }
    expect(await receive(eves)).toEqual(refused);
  });

  test('makes no text of a mail that has none, and hides none of its headers', async () => {
    const { text: _, ...rest } = sendgridFields({
      fields: { attachments: '0', charsets: '{"to":"UTF-8","html":"UTF-8"}', html: '<p>' },
    });
    expect(messagesOf(await receive(rest))[0]?.text).toBe('');
    const signed = headerText(mailPairs());
    expect(await receive({ ...rest, headers: `${signed}X-Last: ${head('text')}forged` })).toEqual(refused);
    // An email to another recipient, forwarded with an additional To header before the original one. The text after the
    // cut goes into a field, a file or a header that the sender controls.
    const fields = sendgridFields({ fields: { attachments: '0' } });
    const usual = Object.fromEntries(mailPairs());
    const others = headerText(mailPairs({ To: 'Eve <eve@evil.example>' }));
    expect(await receive({ ...fields, headers: headerText(mailPairs()) })).toMatchObject({ kind: 'messages' });
    const first = headerText([
      ['DKIM-Signature', usual['DKIM-Signature'] ?? ''],
      ['From', usual.From ?? ''],
      ['To', usual.To ?? ''],
    ]);
    for (const cut of [
      head('x'),
      head('spam_report'),
      `${head('content-ids')}{}`,
      head('html'),
      head('text'),
      head('attachment1', '; filename="a"'),
      head('attachment1', '; filename="a"\r\nContent-Type: text/plain'),
      head('x') + head('y'),
      `${head('attachments')}1${head('attachment1', '; filename="a"')}`,
      `${head('charsets')}{"x":"utf-8"}${head('x')}`,
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="x"`,
      `\r\n--${boundary}\r\nContent-Disposition: form-data; name="x"\r\nX-Head: `,
      `\r\n--${boundary}--\r\n`,
    ])
      expect(await receive({ ...fields, headers: `${first}X-Cut: ${cut}\n${others}X-Last: \r\n\r\n` }), cut).toEqual(
        refused,
      );
  });
});

describe('before a signature can hold', () => {
  const headerOf: Partial<Record<ChannelName, string>> = {
    twilio: 'x-twilio-signature',
    slack: 'x-slack-signature',
    whatsapp: 'x-hub-signature-256',
    sendgrid: 'x-twilio-email-event-webhook-signature',
  };
  /** A body that reveals only its length and records every other access. */
  const sealed = (length: number) => {
    const asked: string[] = [];
    const body = new Proxy(new Uint8Array(0), {
      get(_, key) {
        if (key === 'length') return length;
        asked.push(String(key));
        return undefined;
      },
    });
    return { asked, body };
  };

  test.each(['twilio', 'slack', 'whatsapp', 'sendgrid', 'mailgun'] as const)(
    'nothing of the body is read: %s',
    async (name) => {
      const request = await samples[name].request();
      const header = headerOf[name];
      const signature = header === undefined ? '' : (request.headers[header] ?? '');
      for (const odd of [
        '',
        'x',
        signature.slice(0, -1),
        `${signature}0`,
        ` ${signature}`,
        `${signature},${signature}`,
      ]) {
        const { asked, body } = sealed(100);
        const changed =
          header === undefined ? { pathSecret: `A${odd}` } : { headers: { ...request.headers, [header]: odd } };
        expect(await providerAccount(name).verifyAndParse({ ...request, ...changed, body }, now)).toBeUndefined();
        expect(asked, odd).toEqual([]);
      }
    },
  );

  test.each([
    ['twilio', 65_536],
    ['slack', 1_048_576],
    ['whatsapp', 3_145_728],
  ] as const)('no more is read than %s can have sent, %i bytes', async (name, largest) => {
    const request = await samples[name].request();
    const { asked, body } = sealed(largest + 1);
    expect(await providerAccount(name).verifyAndParse({ ...request, body }, now)).toBeUndefined();
    expect(asked).toEqual([]);
    const most = sealed(largest);
    await Promise.resolve(providerAccount(name).verifyAndParse({ ...request, body: most.body }, now)).catch(
      () => undefined,
    );
    expect(most.asked).not.toEqual([]);
  });

  test('a form takes a time that grows with its length, whatever is in it', () => {
    const fastest = (body: Buffer, read: (request: WebhookRequest) => unknown, type: string) => {
      const times = Array.from({ length: 5 }, () => {
        const begun = performance.now();
        read(posted(type, body));
        return performance.now() - begun;
      });
      return Math.max(Math.min(...times), 0.2);
    };
    const parse = [parseUrlEncodedForm, (request: WebhookRequest) => parseMultipartForm(request)] as const;
    for (const [index, type] of [formType, multipartType].entries())
      for (const unit of ['a&', '&', 'a', '+', '%41', '%', '=', 'a=b&', part('a', ''), '--xYzZY\r\n', '\r\n', '-']) {
        const read = parse[index] ?? parseUrlEncodedForm;
        const [short, long] = [32_768, 32 * 32_768].map((length) => Buffer.from(unit.repeat(length / unit.length)));
        if (short === undefined || long === undefined) throw new Error('two lengths');
        // For 32 times the length, a quadratic algorithm takes 1,024 times as long.
        expect(fastest(long, read, type) / fastest(short, read, type), `${type} ${unit}`).toBeLessThan(32 * 16);
      }
  });
});
