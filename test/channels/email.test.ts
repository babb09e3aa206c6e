/**
 * Whether the sender of an email is trusted. Both email providers use the same tables, because both report the DKIM
 * result.
 */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { WebhookContent } from '../../lambdas/channels/channel-ports.ts';
import {
  dkim,
  headerText,
  later,
  mailgunMultipart,
  mailgunRequest,
  mailgunSecrets,
  mailgunToken,
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
  sendgridSecrets,
} from './signed-provider-requests.ts';

/** Nothing is accepted. Whether the sender gets a hint depends on SPF. */
const refused: WebhookContent = expect.objectContaining({ kind: 'nothing', reason: 'sender_unverified' });
type Provider = 'mailgun' | 'sendgrid';
const providers: readonly Provider[] = ['mailgun', 'sendgrid'];

interface Found {
  /** The provider's result for the signature. */
  readonly result?: string;
  /** The domain that the provider reports with the result, if any. */
  readonly domain?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly settings?: object;
}

/** Receives an email with these headers from a provider that reports this result for its signature. */
async function receive(
  provider: Provider,
  pairs: Pairs,
  { result = 'pass', domain = 'example.com', fields = {}, settings = {} }: Found = {},
) {
  const first = (name: string) => pairs.find(([key]) => key === name)?.[1] ?? '';
  const made =
    provider === 'mailgun'
      ? { from: first('From'), 'message-headers': JSON.stringify(marked(pairs, result)), ...fields }
      : {
          from: first('From'),
          to: first('To'),
          headers: headerText(pairs),
          dkim: `{@${domain} : ${result}}`,
          ...fields,
        };
  return providerAccount(provider, settings).verifyAndParse(await samples[provider].request({ fields: made }), now);
}

describe.each(providers)('%s', (provider) => {
  test('a mail is its From’s, when the one signature is of that domain and was found to hold', async () => {
    expect(await receive(provider, mailPairs())).toEqual({
      kind: 'messages',
      messages: [
        {
          deliveryId: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
          ...(provider === 'mailgun' ? { token: mailgunToken } : {}),
          identity: 'mailto:ada@example.com',
          text: 'Hello',
          ...(provider === 'mailgun' ? { original: 'Hello\n\n> earlier' } : {}),
          subject: 'Question',
          shared: false,
          replyTo: { to: 'ada@example.com', subject: 'Re: Question', messageId: '<question-1@example.com>' },
        },
      ],
    });
  });

  test('a domain speaks for those below it', async () => {
    const pairs = mailPairs({ From: 'ada@mail.example.com' });
    expect(messagesOf(await receive(provider, pairs))[0]?.identity).toBe('mailto:ada@mail.example.com');
  });

  test.each(['fail', 'none', 'neutral', 'temperror', 'permerror', '', 'pass fail', 'fail pass', 'passed', 'pass; x'])(
    'a signature found to be %j is none',
    async (result) => {
      expect(await receive(provider, mailPairs(), { result })).toEqual(refused);
    },
  );

  test.each([
    'evil.example',
    'evilexample.com',
    'example.com.evil.org',
    'example.co',
    'com',
    'mail.example.com',
    'xexample.com',
    '.example.com',
    'example.com.',
    'exаmple.com',
    '',
    '*',
    'example.com;d=evil.example',
    'example.com example.com',
  ])('a signature by %j, found to hold, is not example.com’s', async (domain) => {
    const pairs = mailPairs({ 'DKIM-Signature': dkim(domain) });
    expect(await receive(provider, pairs, { domain })).toEqual(refused);
  });

  test('one result for several signatures of different domains is no proof, and neither is no signature', async () => {
    const both = [dkim('example.com'), dkim('evil.example')];
    for (const signatures of [[], both, both.toReversed()])
      expect(await receive(provider, mailPairs({ 'DKIM-Signature': signatures })), String(signatures)).toEqual(refused);
    for (const name of ['DKIM-Signature ', ' DKIM-Signature', 'DKIM-Signature\t', 'DKIM\u00a0Signature', '']) {
      const disguised: Pairs = [[name, dkim('evil.example')], ...mailPairs()];
      expect(messagesOf(await receive(provider, disguised)), name).toEqual([]);
    }
    const hidden: Pairs = [...mailPairs(), ['dkim-SIGNATURE', dkim('evil.example')]];
    expect(await receive(provider, hidden)).toEqual(refused);
  });

  test('a signature must cover From, To and the whole body, and have its parts once', async () => {
    const whole = dkim('example.com');
    for (const signature of [
      dkim('example.com', { covers: 'to:subject:date' }),
      dkim('example.com', { covers: 'from:subject:date' }),
      dkim('example.com', { covers: 'xfrom:xto' }),
      dkim('example.com', { extra: ' l=0;' }),
      dkim('example.com', { extra: ' l=100;' }),
      dkim('example.com', { extra: ' d=evil.example;' }),
      dkim('evil.example', { extra: ' d=example.com;' }),
      whole.replace('v=1', 'v=2'),
      whole.replace('v=1; ', ''),
      whole.replace('rsa-sha256', 'rsa-sha1'),
      whole.replace('s=mail;', ''),
      whole.replace(/bh=[^;]*;/, ''),
      whole.replace(/ b=.*$/s, ''),
      whole.replace(/ b=.*$/s, ' b=AAAA'),
      `${whole}*`,
      '',
      'v=1',
      `${' '.repeat(200_000)}x`,
    ])
      expect(await receive(provider, mailPairs({ 'DKIM-Signature': signature })), signature.slice(0, 80)).toEqual(
        refused,
      );
  });

  test('mail that its sender wrote to someone else is not taken, whoever sends it on', async () => {
    for (const To of [
      'eve@evil.example',
      '"vault@in.example.net" <eve@evil.example>',
      'undisclosed-recipients:;',
      'Vault: vault@in.example.net;',
      'vault@in.example.net.evil.example',
      'xvault@in.example.net',
      '"x <vault@in.example.net>',
      'eve evil.example, vault@in.example.net',
      'vault@in.example.net, Team: ada@example.com;',
      [],
      ['vault@in.example.net', 'eve@evil.example'],
    ])
      expect(await receive(provider, mailPairs({ To })), String(To)).toEqual(refused);
    for (const To of ['VAULT@in.example.net', 'Eve <eve@evil.example>, "Vault, the" <vault@in.example.net>'])
      expect((await receive(provider, mailPairs({ To })))?.kind, To).toBe('messages');
  });

  test('mail whose To its sender left unsigned is taken only where the org chose that', async () => {
    const pairs = mailPairs({ 'DKIM-Signature': dkim('example.com', { covers: 'From:Date:Subject:Message-ID' }) });
    expect(await receive(provider, pairs)).toEqual(refused);
    expect((await receive(provider, pairs, { settings: { unsignedTo: true } }))?.kind).toBe('messages');
    const elsewhere = mailPairs({ To: 'eve@evil.example' });
    expect(await receive(provider, elsewhere, { settings: { unsignedTo: true } })).toEqual(refused);
  });

  test('a From that is there twice, names several, or can be read in two ways is nobody', async () => {
    for (const From of [
      [],
      ['ada@example.com', 'ada@example.com'],
      ['eve@evil.example', 'ada@example.com'],
      'ada@example.com, eve@evil.example',
      'Ada <ada@example.com>, Eve <eve@evil.example>',
      'Team: ada@example.com;',
      'ada@example.com <eve@evil.example>',
      '<eve@evil.example> ada@example.com',
      '<eve@evil.example> <ada@example.com>',
      '<<ada@example.com>>',
      'ada@example.com (eve@evil.example)',
      '(ada@example.com) eve@example.com',
      '<@evil.example:ada@example.com>',
      '"ada" x"@example.com',
      'ada@example.com>',
      '<ada@example.com',
      'ada@@example.com',
      'ada@example.com\u0000',
      'Ada, Dr <ada@example.com>',
      '=?utf-8?q?ada=40example.com?=',
      '"Ada\u0007" <ada@example.com>',
      '',
      '<>',
      'x'.repeat(100_000),
    ])
      expect(await receive(provider, mailPairs({ From })), String(From).slice(0, 80)).not.toMatchObject({
        kind: 'messages',
      });
  });

  test('a name is a name, whatever it looks like', async () => {
    const names = [
      '"eve@evil.example"',
      '"Eve <eve@evil.example>"',
      '"A \\"B\\" C"',
      '=?utf-8?q?Ada_L=C3=B6velace?=',
      'Ada Lövelace',
      '',
      'Ada O’Neil',
    ];
    for (const name of names)
      expect(
        messagesOf(await receive(provider, mailPairs({ From: `${name} <ada@example.com>` })))[0]?.identity,
        name,
      ).toBe('mailto:ada@example.com');
    const pretending = mailPairs({
      From: '"ada@example.com" <eve@evil.example>',
      'DKIM-Signature': dkim('evil.example'),
    });
    expect(messagesOf(await receive(provider, pretending, { domain: 'evil.example' }))[0]?.identity).toBe(
      'mailto:eve@evil.example',
    );
    expect(await receive(provider, mailPairs({ From: '"ada@example.com" <eve@evil.example>' }))).toEqual(refused);
  });

  test('the same signed mail has the same name whoever sends it again, spelled as they like; another has another', async () => {
    const idOf = async (pairs: Pairs) => messagesOf(await receive(provider, pairs))[0]?.deliveryId;
    const first = await idOf(mailPairs());
    expect(first).toBeDefined();
    const respelled = dkim('example.com').replace(/\s+/g, ' ').replace('a=rsa-sha256', 'a = rsa-sha256');
    const again = mailPairs({
      Received: ['from evil.example by mx.example.net; later', 'from a by b'],
      'DKIM-Signature': respelled,
    });
    expect(await idOf([...again, ['X-Other', 'x']])).toBe(first);
    expect(await idOf(mailPairs({ 'DKIM-Signature': dkim('example.com', { seed: 2 }) }))).not.toBe(first);
  });

  test('what a machine sent by itself is nothing: answers to answers would never end', async () => {
    for (const header of [
      { 'Auto-Submitted': 'auto-replied' },
      { 'Auto-Submitted': ' auto-generated (x)' },
      { 'auto-submitted': ['no', 'auto-replied'] },
      { Precedence: 'bulk' },
      { Precedence: ' List ' },
    ])
      expect(await receive(provider, mailPairs(header)), JSON.stringify(header)).toEqual({
        kind: 'nothing',
        reason: 'automatic_message',
      });
    expect((await receive(provider, mailPairs({ 'Auto-Submitted': 'no' })))?.kind).toBe('messages');
  });

  test('a reply goes to the proven sender, with a subject of one line', async () => {
    const pairs = mailPairs({
      'Reply-To': 'eve@evil.example',
      Sender: 'eve@evil.example',
      'Message-ID': '<a b@evil.example>',
    });
    const fields = { subject: `RE: one\r\ntwo\u0000${'x'.repeat(300)}` };
    const { replyTo } = messagesOf(await receive(provider, pairs, { fields }))[0] ?? {};
    expect(replyTo?.to).toBe('ada@example.com');
    expect(replyTo?.subject).toMatch(/^RE: one two x+$/);
    expect(replyTo?.subject).toHaveLength(200);
    expect(JSON.stringify(replyTo)).not.toContain('evil');
  });
});

describe('Mailgun', () => {
  const headers = (pairs: Pairs) => ({ fields: { 'message-headers': JSON.stringify(pairs) } });
  const read = async (parts: Parameters<typeof mailgunRequest>[0], settings = {}) =>
    providerAccount('mailgun', settings).verifyAndParse(await mailgunRequest(parts), now);
  const finding = (value: string): [string, string] => ['X-Mailgun-Dkim-Check-Result', value];
  const score: [string, string] = ['X-Mailgun-Sscore', '-0.7'];
  const top: Pairs = [
    ['X-Mailgun-Incoming', 'Yes'],
    ['X-Envelope-From', '<ada@example.com>'],
  ];

  test('its findings count above the first Received as well', async () => {
    expect((await read(headers([...top, score, finding('Pass'), ...mailPairs()])))?.kind).toBe('messages');
    expect((await read(headers([finding('Pass'), score, ...mailPairs()])))?.kind).toBe('messages');
  });

  test('findings that the sender wrote are none, where Mailgun added its own, its score alone, or nothing', async () => {
    const forged = [...mailPairs(), finding('Pass')];
    const [first, ...rest] = mailPairs();
    for (const pairs of [
      // Mailgun's own result in addition to the forged one.
      marked(forged, 'Fail'),
      marked(forged, 'Pass'),
      marked([finding('Pass'), ...mailPairs()], 'Fail'),
      // Mailgun reports no result. Its score is after all headers of the email, or before all of them.
      [...top, ...forged, score],
      [...top, ...forged, ['X-Mailgun-Sflag', 'No'], score, ['X-Mailgun-Spf', 'Pass']],
      [...top, score, ...(first === undefined ? [] : [first]), finding('Pass'), ...rest],
      [...top, score, ...mailPairs(), finding('Pass')],
      // Mailgun did not check the email.
      [...top, ...forged],
      [...top, ...mailPairs(), score, finding('Pass'), ['X-Last', 'x']],
      [...top, ...mailPairs(), score, score, finding('Pass')],
      [...top, ...mailPairs(), score, finding('Pass'), finding('Fail')],
      [...top, score, finding('Pass'), ...mailPairs(), finding('Fail')],
      [...top, score, finding('Pass'), ...mailPairs(), score],
      [['X-First', 'x'], score, finding('Pass'), ...mailPairs()],
      [...mailPairs(), score, ['X-Other', 'x'], finding('Pass')],
      [score, finding('Pass'), ...mailPairs({ Received: [] })],
      mailPairs(),
      [],
    ] satisfies Pairs[])
      expect(await read(headers(pairs)), JSON.stringify(pairs.map(([name]) => name))).toEqual(refused);
  });

  test('nothing is believed of an account that does not mark mail', () => {
    const { spamFilter: _, ...without } = mailgunSecrets;
    for (const spamFilter of [undefined, '', 'delete', 'off', true])
      expect(
        samples.mailgun.channel.accountFor({ ...without, spamFilter }, { fetch, baseUrlOverride: undefined }),
      ).toBeUndefined();
  });

  test('the secret of the route must be in the address, whole', async () => {
    const request = await mailgunRequest();
    for (const pathSecret of [
      undefined,
      '',
      'A',
      mailgunSecrets.routeSecret.slice(0, -1),
      `${mailgunSecrets.routeSecret}A`,
      mailgunSecrets.routeSecret.toLowerCase(),
    ])
      expect(
        await providerAccount('mailgun').verifyAndParse({ ...request, pathSecret }, now),
        String(pathSecret),
      ).toBeUndefined();
    for (const routeSecret of ['', 'short', 'A'.repeat(21), 'with space and more characters'])
      expect(
        samples.mailgun.channel.accountFor({ ...mailgunSecrets, routeSecret }, { fetch, baseUrlOverride: undefined }),
        routeSecret,
      ).toBeUndefined();
  });

  test('time and token that change, change places, or are there twice are refused', async () => {
    const time = String(Math.floor(now.getTime() / 1000));
    for (const fields of [
      { timestamp: String(Number(time) - 1) },
      { timestamp: `${time} ` },
      { timestamp: mailgunToken, token: time },
      { timestamp: time.slice(0, -1), token: `${time.slice(-1)}${mailgunToken}` },
      { timestamp: `${time}0`, token: mailgunToken.slice(1) },
      { timestamp: '', token: `${time}${mailgunToken}` },
      { token: mailgunToken.toUpperCase() },
      { token: '' },
      { timestamp: [time, time] },
      { token: [mailgunToken, mailgunToken] },
    ])
      expect(await read({ fields }), JSON.stringify(fields)).toBeUndefined();
    const { signature } = Object.fromEntries(
      new URLSearchParams(Buffer.from((await mailgunRequest()).body).toString()),
    );
    expect(await read({ fields: { signature: [signature, signature] } })).toBeUndefined();
  });

  test('a From that is posted twice, headers that are no list of pairs, or mail too large for the filter is nobody’s', async () => {
    for (const fields of [
      { from: ['ada@example.com', 'ada@example.com'] },
      { 'message-headers': '' },
      { 'message-headers': '{}' },
      { 'message-headers': '[["From"]]' },
      { 'message-headers': '[["From", 1]]' },
      { 'message-headers': [JSON.stringify(marked(mailPairs())), JSON.stringify(marked(mailPairs()))] },
      { 'body-html': 'x'.repeat(262_144) },
    ])
      expect(await read({ fields }), JSON.stringify(fields).slice(0, 80)).toEqual(refused);
  });

  test('mail with attachments is read alike, without them', async () => {
    const plain = await read({ text: 'ünïcode 🗝' });
    expect(await providerAccount('mailgun').verifyAndParse(await mailgunMultipart({ text: 'ünïcode 🗝' }), now)).toEqual(
      plain,
    );
    const broken = await mailgunMultipart();
    expect(
      await providerAccount('mailgun').verifyAndParse({ ...broken, body: broken.body.subarray(0, -30) }, now),
    ).toBeUndefined();
  });

  test('the text is the complete one without its quotations, not what Mailgun splits off', async () => {
    const fields = { 'body-plain': '> one?\n\nyes\n\n> two?\n\nno', 'stripped-text': 'no' };
    expect(messagesOf(await read({ fields }))[0]?.text).toMatch(/yes\s+no/);
    const withoutPlain = { 'body-plain': '', 'stripped-text': 'Hello' };
    expect(messagesOf(await read({ fields: withoutPlain }))[0]?.text).toBe('Hello');
  });

  test('the token goes with the message, so that it can be good for one', async () => {
    const token = '216x-dux-bo6gnavvgfpl9rsjghmskj1pani296qok2qi067g0';
    expect(messagesOf(await read({}))[0]?.token).toBe(mailgunToken);
    expect(await read({ fields: { token } })).toBeUndefined();
  });
});

describe('SendGrid', () => {
  const read = async (fields: Record<string, unknown>) =>
    providerAccount('sendgrid').verifyAndParse(await samples.sendgrid.request({ fields }), now);

  test('several results in one are none, and neither is what looks like a result', async () => {
    for (const dkimField of [
      '{@example.com : pass, @evil.example : pass}',
      '{@evil.example : pass, @example.com : pass}',
      '{@example.com : pass}{@evil.example : fail}',
      '{@example.com : pass : pass}',
      '{x@example.com : pass}',
      '{@example.com : pass',
      '@example.com : pass',
      'example.com : pass',
      '{@example.com:pass}',
      'pass',
      'none',
      '',
      '{}',
      '{@evil.example : pass}',
      '{@example.com.evil.org : pass}',
      '{@evilexample.com : pass}',
    ])
      expect(await read({ dkim: dkimField }), dkimField).toEqual(refused);
    const { dkim: _, ...without } = sendgridFields();
    expect(
      await providerAccount('sendgrid').verifyAndParse(
        sendgridRequest(
          multipart(Object.entries(without).map(([name, value]): [string, string] => [name, String(value)])),
        ),
        now,
      ),
    ).toEqual(refused);
    expect((await read({ dkim: '{@mail.example.com : pass}' }))?.kind).toBe('messages');
  });

  test('a name that ends its line in the headers is no other sender, nor does it make another To', async () => {
    const From = 'ada@example.com\nX-Rest: <eve@example.com>';
    expect(await read({ headers: headerText(mailPairs({ From })), from: From })).toEqual(refused);
    expect(await read({ headers: headerText(mailPairs({ From })), from: 'eve@example.com' })).toEqual(refused);
    const To = headerText([...mailPairs({ To: [] }), ['X-Name', 'x\nTo: vault@in.example.net']]);
    expect((await read({ headers: To }))?.kind).toBe('messages');
    for (const to of ['', 'eve@evil.example', 'x\nTo: vault@in.example.net'])
      expect(await read({ headers: To, to }), to).toEqual(refused);
  });

  test('the mail whose From or To is not told once beside the headers is nobody’s', async () => {
    const { from: _, to: __, ...without } = sendgridFields();
    const rest = Object.entries(without).map(([name, value]): [string, string] => [name, String(value)]);
    const from: [string, string] = ['from', 'Ada@Example.com'];
    const to: [string, string] = ['to', 'vault@in.example.net'];
    const kindOf = async (extra: [string, string][]) =>
      (await providerAccount('sendgrid').verifyAndParse(sendgridRequest(multipart([...extra, ...rest])), now))?.kind;
    expect(await kindOf([from, to])).toBe('messages');
    for (const extra of [
      [],
      [from],
      [to],
      [from, from, to],
      [from, to, to],
      [['from', 'eve@example.com'] as [string, string], to],
    ])
      expect(await kindOf(extra), String(extra)).toBe('nothing');
  });

  test('fields in other encodings are read by what charsets says', async () => {
    const body = multipart([
      ...Object.entries(
        sendgridFields({ fields: { charsets: '{"to":"UTF-8","subject":"UTF-8","text":"iso-8859-1"}' } }),
      )
        .filter(([name]) => name !== 'text')
        .map(([name, value]): [string, string] => [name, String(value)]),
      ['text', Buffer.from([0x63, 0x61, 0x66, 0xe9])],
    ]);
    expect(messagesOf(await providerAccount('sendgrid').verifyAndParse(sendgridRequest(body), now))[0]?.text).toBe(
      'café',
    );
    expect(messagesOf(await read({ charsets: '{"text":"no-such-encoding"}' }))[0]?.text).toBe('Hello');
  });

  test('mail posted raw is not read, and events of other kinds are nothing', async () => {
    const { text: _, ...without } = sendgridFields();
    const body = multipart(
      Object.entries({ ...without, email: 'raw' }).map(([name, value]): [string, string] => [name, String(value)]),
    );
    expect(await providerAccount('sendgrid').verifyAndParse(sendgridRequest(body), now)).toMatchObject({
      kind: 'nothing',
    });
    const events = sendgridRequest(Buffer.from('[]'));
    const headers = { ...events.headers, 'content-type': 'application/json' };
    expect(await providerAccount('sendgrid').verifyAndParse({ ...events, headers }, later(1))).toEqual({
      kind: 'nothing',
    });
  });

  test('an attachment that is not announced makes the form ambiguous', async () => {
    const file = Buffer.from(
      '--xYzZY\r\nContent-Disposition: form-data; name="attachment1"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nTo: file\r\n',
    );
    const kindOf = async (attachments: string, ...files: readonly Buffer[]) => {
      const { body } = await samples.sendgrid.request({ fields: { attachments } });
      return (await providerAccount('sendgrid').verifyAndParse(sendgridRequest(Buffer.concat([...files, body])), now))
        ?.kind;
    };
    expect(await kindOf('1', file)).toBe('messages');
    expect(await kindOf('0')).toBe('messages');
    // An unannounced file might have been cut from another field.
    for (const [told, ...files] of [['0', file] as const, ['1', file, file] as const, ['1'] as const])
      expect(await kindOf(told, ...files), `${told} of ${files.length}`).toBe('nothing');
  });

  test('keys of another curve or kind are none', () => {
    const keys = [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ].map(({ publicKey }) => publicKey.export({ format: 'der', type: 'spki' }).toString('base64'));
    const ours = sendgridSecrets.publicKey;
    for (const publicKey of [...keys, 'AAAA', '-----BEGIN PUBLIC KEY-----', `${ours}\n`, ` ${ours}`, ours.slice(4)])
      expect(
        samples.sendgrid.channel.accountFor({ ...sendgridSecrets, publicKey }, { fetch, baseUrlOverride: undefined }),
        publicKey,
      ).toBeUndefined();
  });
});
