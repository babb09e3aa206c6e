/** What a person wrote in an email is kept, whoever relayed it; what no person wrote is not answered. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, textOfHtml, withoutQuotations } from '../../lambdas/channels/providers/email-text.ts';
import {
  dkim,
  headerText,
  mailgunMultipart,
  mailPairs,
  marked,
  messagesOf,
  multipart,
  now,
  type Pairs,
  providerAccount,
  samples,
  sendgridFields,
  sendgridRequest,
} from './signed-provider-requests.ts';

const byMailgun = async (fields: Record<string, unknown>, pairs: Pairs = marked(mailPairs())) =>
  await providerAccount('mailgun').verifyAndParse(
    await samples.mailgun.request({ fields: { 'message-headers': JSON.stringify(pairs), ...fields } }),
    now,
  );
const bySendgrid = async (fields: Record<string, unknown>, settings: object = {}) =>
  await providerAccount('sendgrid', settings).verifyAndParse(await samples.sendgrid.request({ fields }), now);
const headers = (changes: Parameters<typeof mailPairs>[0]) => ({ headers: headerText(mailPairs(changes)) });

const html =
  '<html><style>p{}</style><body><p>Hello <b>there</b> &amp; bye</p><a href="https://example.com/a">more</a></body></html>';
const quoted =
  'Yes, please.\n\n-- \nAda\n\nOn Mon, 23 Nov 2026 at 10:00, Vault <vault@in.example.net> wrote:\n> Tea?\n> Or not?\n';

describe('the text of an email', () => {
  test('is taken from HTML if there is no other', async () => {
    const expected = 'Hello there & bye\n\nmore <https://example.com/a>';
    expect(messagesOf(await byMailgun({ 'body-plain': '', 'stripped-text': '', 'body-html': html }))[0]?.text).toBe(
      expected,
    );
    const { text: _, ...rest } = sendgridFields({ fields: { html, charsets: '{"html":"utf-8"}' } });
    const body = multipart(Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]));
    const content = await providerAccount('sendgrid').verifyAndParse(sendgridRequest(body), now);
    expect(messagesOf(content)[0]?.text).toBe(expected);
  });

  test('is freed of the quoted thread and the signature; the whole is kept beside it', async () => {
    for (const message of [
      messagesOf(await byMailgun({ 'body-plain': quoted }))[0],
      messagesOf(await bySendgrid({ text: quoted }))[0],
    ])
      expect(message).toMatchObject({ text: 'Yes, please.', original: quoted.trim() });
  });

  test('keeps answers between quotations, and a forwarded email as a whole', () => {
    expect(withoutQuotations('> one?\n\nyes\n\n> two?\n\nno').text).toMatch(/yes\s+no/);
    const forwarded = '---------- Forwarded message ---------\nFrom: Bob <bob@example.com>\nSubject: Plan\n\nThe plan';
    expect(withoutQuotations(forwarded).text).toContain('The plan');
    const onlyQuotes = '> nothing else';
    expect(withoutQuotations(onlyQuotes)).toEqual({ text: onlyQuotes });
  });

  test('is kept whole if a sender made it to occupy the parser', () => {
    const slow = 'Am um schrieb <a@b>'.repeat(1_500);
    expect(withoutQuotations(slow).text).toBe(slow);
    expect(textOfHtml(`${'<div>'.repeat(50_000)}word`)).toContain('word');
  });

  test('loses no word of any text without quotations', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 40 }), (words) => {
        const text = words.join(' ');
        expect(withoutQuotations(text).text).toBe(text);
        expect(textOfHtml(`<p>${text}</p>`)).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['cp437', [0x82], 'é'],
    ['IBM850', [0x82], 'é'],
    ['koi8-r', [0xc1], 'а'],
    ['gb2312', [0xc4, 0xe3], '你'],
    ['shift_jis', [0x82, 0xa0], 'あ'],
    ['iso-2022-jp', [0x1b, 0x24, 0x42, 0x24, 0x22, 0x1b, 0x28, 0x42], 'あ'],
    ['utf-7', [0x2b, 0x41, 0x4f, 0x6b, 0x2d], 'é'],
    ['macintosh', [0x8e], 'é'],
    ['no-such-encoding', [0xc3, 0xa9], 'é'],
    ['no-such-encoding', [0xe9], 'é'],
    ['base64', [0x48, 0x69], 'Hi'],
    ['', [0x48, 0x69], 'Hi'],
  ])('in %s is read', async (charset, bytes, text) => {
    expect(decodeText(Buffer.from(bytes), charset)).toBe(text);
    const fields = sendgridFields({ fields: { charsets: JSON.stringify({ text: charset }) } });
    const body = multipart(
      Object.entries(fields).map(
        ([name, value]) => [name, name === 'text' ? Buffer.from(bytes) : String(value)] as const,
      ),
    );
    const content = await providerAccount('sendgrid').verifyAndParse(sendgridRequest(body), now);
    expect(messagesOf(content)[0]?.text).toBe(text);
  });

  test('may be a subject alone, and an encoding cannot hide who the sender is', async () => {
    const empty = messagesOf(await bySendgrid({ text: '', subject: 'Please call' }))[0];
    expect(empty).toMatchObject({ text: '', subject: 'Please call' });
    // In UTF-7, `+ADw-` would be `<`.
    const From = 'Ada +ADw-eve@example.com+AD4- <ada@example.com>';
    const fields = { ...headers({ From }), from: From, charsets: '{"from":"utf-7","headers":"utf-7","text":"utf-8"}' };
    expect(messagesOf(await bySendgrid(fields))[0]?.identity ?? 'nobody').not.toContain('eve');
  });
});

describe('files of an email', () => {
  const part = (name: string, filename: string, type: string, content: Buffer) =>
    Buffer.concat([
      Buffer.from(
        `--xYzZY\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n`,
      ),
      content,
      Buffer.from('\r\n'),
    ]);
  const bytes = Buffer.from([0xff, 0xd8, 0x00, 0x0d, 0x0a, 0x80]);

  test('are taken byte for byte, with their names and types', async () => {
    const { body } = await samples.sendgrid.request({ fields: { attachments: '2', text: '' } });
    const files = [
      part('attachment1', 'é.jpg', 'image/jpeg', bytes),
      part('attachment2', '', 'application/pdf', bytes),
    ];
    const content = await providerAccount('sendgrid').verifyAndParse(
      sendgridRequest(Buffer.concat([...files, body])),
      now,
    );
    expect(messagesOf(content)[0]?.media).toEqual([
      { kind: 'image', name: 'é.jpg', type: 'image/jpeg', content: { bytes } },
      { kind: 'file', type: 'application/pdf', content: { bytes } },
    ]);
    const request = await mailgunMultipart();
    const withFile = {
      ...request,
      body: Buffer.concat([part('attachment-1', 'a.png', 'image/png', bytes), request.body]),
    };
    const received = await providerAccount('mailgun').verifyAndParse(withFile, now);
    expect(messagesOf(received)[0]?.media).toEqual([
      { kind: 'image', name: 'a.png', type: 'image/png', content: { bytes } },
    ]);
  });

  test('do not make Mailgun’s results untrusted if those are above the first Received', async () => {
    const large = part('attachment-1', 'a.png', 'image/png', Buffer.alloc(300_000));
    const receive = async (pairs: Pairs) => {
      const request = await mailgunMultipart({ fields: { 'message-headers': JSON.stringify(pairs) } });
      return await providerAccount('mailgun').verifyAndParse(
        { ...request, body: Buffer.concat([large, request.body]) },
        now,
      );
    };
    const results: Pairs = [
      ['X-Mailgun-Sscore', '-0.7'],
      ['X-Mailgun-Dkim-Check-Result', 'Pass'],
    ];
    expect(messagesOf(await receive([...results, ...mailPairs()]))).toHaveLength(1);
    // At the end, a sender could have written them into an email that Mailgun did not check.
    expect(await receive([...mailPairs(), ...results])).toEqual({ kind: 'nothing', reason: 'sender_unverified' });
  });
});

describe('an address', () => {
  const accepted = async (changes: Parameters<typeof mailPairs>[0], fields: object = {}) =>
    messagesOf(await bySendgrid({ ...headers(changes), ...fields })).length === 1;

  test('may have a tag', async () => {
    const To = 'Vault <vault+orders@in.example.net>';
    expect(await accepted({ To }, { to: To })).toBe(true);
    expect(messagesOf(await byMailgun({}, marked(mailPairs({ To }))))).toHaveLength(1);
    for (const other of ['vaultx@in.example.net', 'x+vault@in.example.net', 'vault@x+in.example.net'])
      expect(await accepted({ To: other }, { to: other }), other).toBe(false);
  });

  test('may be in Cc, if the signature covers Cc', async () => {
    const To = 'bob@example.com';
    const Cc = 'Vault <vault@in.example.net>';
    const covers = 'from:to:cc:subject';
    const signed = { To, Cc, 'DKIM-Signature': dkim('example.com', { covers }) };
    expect(await accepted(signed, { to: To, cc: Cc })).toBe(true);
    expect(messagesOf(await byMailgun({}, marked(mailPairs(signed))))).toHaveLength(1);
    expect(await accepted({ To, Cc }, { to: To, cc: Cc })).toBe(false);
    expect(await accepted(signed, { to: To, cc: 'eve@evil.example' })).toBe(false);
    expect(await accepted({ ...signed, Cc: [Cc, Cc] }, { to: To, cc: Cc })).toBe(false);
  });
});

describe('two signatures', () => {
  const both = [dkim('example.com'), dkim('relay.example', { seed: 2 })];
  const receive = async (signatures: readonly string[], results: string) =>
    await bySendgrid({ ...headers({ 'DKIM-Signature': signatures }), dkim: results });

  test('are accepted if the aligned one passes, in both spellings of the results', async () => {
    for (const signatures of [both, both.toReversed()])
      for (const results of [
        '{@example.com : pass, @relay.example : pass}',
        '{@relay.example : fail, @example.com : pass}',
        '{@example.com : pass}, {@relay.example : temperror}',
      ])
        expect(messagesOf(await receive(signatures, results)), results).toHaveLength(1);
  });

  test('are refused if the aligned one does not pass, or cannot be told apart', async () => {
    const own = [dkim('example.com'), dkim('example.com', { seed: 2 })];
    for (const [signatures, results] of [
      [both, '{@example.com : fail, @relay.example : pass}'],
      [both, '{@example.com : pass}'],
      [both, '{@example.com : pass, @relay.example : pass, @x.example : pass}'],
      [both, '{@relay.example : pass, @relay.example : pass}'],
      [own, '{@example.com : pass, @example.com : fail}'],
      [
        [dkim('example.com'), dkim('relay.example', { extra: ' i=@example.com;' })],
        '{@example.com : fail, @example.com : pass}',
      ],
      [
        [dkim('example.com'), 'v=1; d=relay.example : pass, @example.com'],
        '{@example.com : pass, @relay.example : pass}',
      ],
    ] as const)
      expect(messagesOf(await receive(signatures, results)), results).toEqual([]);
  });

  test('by one domain share their delivery: it is known by each of them', async () => {
    const own = [dkim('example.com'), dkim('example.com', { seed: 2 })];
    const [message] = messagesOf(await receive(own, '{@example.com : pass, @example.com : pass}'));
    const idOf = async (signature: string) =>
      messagesOf(await receive([signature], '{@example.com : pass}'))[0]?.deliveryId;
    const ids = await Promise.all(own.map(idOf));
    expect([message?.deliveryId, ...(message?.furtherIds ?? [])].sort()).toEqual(ids.sort());
    const byOneResult = marked(mailPairs({ 'DKIM-Signature': own }));
    expect(messagesOf(await byMailgun({}, byOneResult))[0]?.furtherIds).toHaveLength(1);
  });

  test('one result for both counts only if any of them would be enough', async () => {
    const partial = [dkim('example.com'), dkim('example.com', { seed: 2, covers: 'from:subject' })];
    expect(messagesOf(await byMailgun({}, marked(mailPairs({ 'DKIM-Signature': partial }))))).toEqual([]);
  });
});

describe('email that no person wrote', () => {
  const suppressed = { kind: 'nothing', reason: 'automatic_message' };

  test.each([
    { 'Auto-Submitted': 'auto-replied' },
    { 'Auto-Submitted': 'auto-notified; owner-email="x"' },
    { Precedence: 'bulk' },
    { Precedence: 'auto_reply' },
    { 'X-Precedence': 'junk' },
    { 'List-Id': '<talk.example.com>' },
    { 'List-Unsubscribe': '<https://example.com/u>' },
    { 'List-Post': 'NO' },
    { 'Mailing-List': 'x' },
    { 'X-Auto-Response-Suppress': 'All' },
    { 'X-Auto-Response-Suppress': 'DR, OOF, AutoReply' },
    { 'X-Autoreply': 'yes' },
    { 'X-Autorespond': 'x' },
    { 'X-Loop': 'x' },
    { 'X-Failed-Recipients': 'x@example.com' },
    { 'Return-Path': '<>' },
    { 'Content-Type': 'multipart/report; report-type=delivery-status' },
    { From: 'MAILER-DAEMON@example.com' },
    { From: 'postmaster@example.com' },
    { From: 'No-Reply <no-reply@example.com>' },
    { From: 'noreply+x@example.com' },
    { From: 'do.not.reply@example.com' },
    { From: 'donotreply@example.com' },
    { From: 'bounce-123@example.com' },
  ])('is not answered: %j', async (changes) => {
    const from = changes.From === undefined ? {} : { from: changes.From };
    expect(await bySendgrid({ ...headers(changes), ...from })).toEqual(suppressed);
    expect(await byMailgun(from, marked(mailPairs(changes)))).toEqual(suppressed);
  });

  test('includes email of the channel itself, and bounces that only the envelope shows', async () => {
    for (const From of ['vault@in.example.net', 'vault+x@in.example.net']) {
      const changes = { From, 'DKIM-Signature': dkim('in.example.net') };
      expect(await bySendgrid({ ...headers(changes), from: From, dkim: '{@in.example.net : pass}' })).toEqual(
        suppressed,
      );
    }
    expect(await bySendgrid({ envelope: '{"to":["vault@in.example.net"],"from":""}' })).toEqual(suppressed);
    const bounce = marked(mailPairs()).map(
      ([name, value]) => [name, name === 'X-Envelope-From' ? '<>' : value] as const,
    );
    expect(await byMailgun({}, bounce)).toEqual(suppressed);
  });

  test('does not include what people write', async () => {
    for (const changes of [
      { 'Auto-Submitted': 'no' },
      { 'Auto-Submitted': 'no (really)' },
      { Precedence: 'first-class' },
      { 'X-Auto-Response-Suppress': 'None' },
      { 'Return-Path': '<ada@example.com>' },
      { 'Content-Type': 'multipart/mixed' },
    ])
      expect(messagesOf(await bySendgrid(headers(changes))), JSON.stringify(changes)).toHaveLength(1);
    for (const From of ['noreen@example.com', 'notary@example.com', 'reply@example.com', 'bouncer@example.com'])
      expect(messagesOf(await bySendgrid({ ...headers({ From }), from: From })), From).toHaveLength(1);
  });
});

describe('a sender who is not accepted', () => {
  const hint = { kind: 'sender-unverified', sender: 'mailto:ada@example.com', replyTo: { to: 'ada@example.com' } };

  test('gets a hint if SPF passed for the domain of the From address', async () => {
    expect(await bySendgrid({ dkim: 'none' })).toMatchObject({ reason: 'sender_unverified', notices: [hint] });
    expect(await byMailgun({}, marked(mailPairs(), 'Fail'))).toMatchObject({
      reason: 'sender_unverified',
      notices: [hint],
    });
  });

  test('gets none otherwise, because it would reach somebody who never wrote', async () => {
    for (const fields of [
      { SPF: 'fail' },
      { SPF: 'softfail' },
      { SPF: '' },
      { envelope: '{"from":"eve@evil.example"}' },
      { envelope: '{' },
      { envelope: '{"from":"ada@mail.example.com"}' },
    ])
      expect(await bySendgrid({ dkim: 'none', ...fields }), JSON.stringify(fields)).toEqual({
        kind: 'nothing',
        reason: 'sender_unverified',
        notices: [],
      });
    const forged = marked([...mailPairs(), ['X-Mailgun-Spf', 'Pass']], 'Fail');
    expect(await byMailgun({}, forged)).toEqual({ kind: 'nothing', reason: 'sender_unverified', notices: [] });
    expect(await byMailgun({ sender: 'eve@evil.example' }, marked(mailPairs(), 'Fail'))).toMatchObject({ notices: [] });
  });
});
