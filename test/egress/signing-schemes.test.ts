/** Signing schemes, against published vectors and the libraries of those who verify the signatures. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import type { FetchAuth } from '../../contract/broker/wire.ts';
import { isTokenAuth, planAuth } from '../../egress/auth/auth-plan.ts';
import { signOutgoing } from '../../egress/auth/sign-request.ts';
import { tokenRequest } from '../../egress/auth/token-requests.ts';
import { parseTokenResponse } from '../../egress/auth/token-responses.ts';
import { totpCode } from '../../egress/auth/totp.ts';
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';

const now = new Date('2015-08-30T12:36:00Z');
const outgoing = (more: object = {}) => ({
  url: new URL('https://example.amazonaws.com/'),
  method: 'GET',
  headers: new Map<string, string>(),
  body: undefined,
  ...more,
});
const base32 = (text: string): string => {
  const bits = [...Buffer.from(text)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group.padEnd(5, '0'), 2)])
    .join('');
};

describe('totp: the vectors of RFC 6238, appendix B', () => {
  const secrets = {
    SHA1: '12345678901234567890',
    SHA256: '12345678901234567890123456789012',
    SHA512: '1234567890123456789012345678901234567890123456789012345678901234',
  } as const;
  test.each([
    [59, '94287082', '46119246', '90693936'],
    [1_111_111_109, '07081804', '68084774', '25091201'],
    [1_111_111_111, '14050471', '67062674', '99943326'],
    [1_234_567_890, '89005924', '91819424', '93441116'],
    [2_000_000_000, '69279037', '90698825', '38618901'],
    [20_000_000_000, '65353130', '77737706', '47863826'],
  ])('%i', (seconds, ...codes) => {
    const made = (['SHA1', 'SHA256', 'SHA512'] as const).map((algorithm) =>
      totpCode(base32(secrets[algorithm]), { digits: 8, period: 30, algorithm }, new Date(seconds * 1000)),
    );
    expect(made).toEqual(codes);
  });

  test('spaces, padding and lower case are accepted, other characters are not', () => {
    const options = { digits: 6, period: 30, algorithm: 'SHA1' } as const;
    const code = totpCode(base32(secrets.SHA1), options, now);
    expect(
      totpCode(
        `${base32(secrets.SHA1)
          .toLowerCase()
          .replace(/(.{4})/g, '$1 ')}====`,
        options,
        now,
      ),
    ).toBe(code);
    expect(() => totpCode('01', options, now)).toThrow('base32');
  });

  test.each(['header', 'query', 'form'] as const)('the code is sent in the %s', async (place) => {
    const auth = { type: 'totp', secret: 'anima://s', in: place, name: 'Otp' } as const;
    const form = Buffer.from('a=b');
    const signed = await signOutgoing(auth, outgoing({ body: form }), new Map([['s', base32(secrets.SHA1)]]), now);
    const [code = ''] = signed.derived;
    expect(code).toMatch(/^\d{6}$/);
    const { url, headers, body } = signed.outgoing;
    const places = { header: headers.get('otp'), query: url.searchParams.get('Otp'), form: body?.toString() };
    expect(places).toEqual({
      header: place === 'header' ? code : undefined,
      query: place === 'query' ? code : null,
      form: place === 'form' ? `a=b&Otp=${code}` : 'a=b',
    });
  });
});

describe('hmac', () => {
  const sign = async (scheme: 'stripe' | 'slack' | 'github', secret: string, body: string) =>
    await signOutgoing(
      { type: 'hmac', scheme, secret: 'anima://s' },
      outgoing({ method: 'POST', body: Buffer.from(body) }),
      new Map([['s', secret]]),
      now,
    );

  test('github: the example of its documentation', async () => {
    const { outgoing: sent } = await sign('github', "It's a Secret to Everybody", 'Hello, World!');
    expect(sent.headers.get('x-hub-signature-256')).toBe(
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    );
  });

  test('slack: the example of its documentation', async () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const { outgoing: sent } = await signOutgoing(
      { type: 'hmac', scheme: 'slack', secret: 'anima://s' },
      outgoing({ method: 'POST', body: Buffer.from(body) }),
      new Map([['s', '8f742231b10e8888abcd99yyyzzz85a5']]),
      new Date(1_531_420_618_000),
    );
    expect(sent.headers.get('x-slack-request-timestamp')).toBe('1531420618');
    expect(sent.headers.get('x-slack-signature')).toBe(
      'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    );
  });

  test('stripe: the time and the body under the secret', async () => {
    const { outgoing: sent, derived } = await sign('stripe', 'whsec_x', '{"a":1}');
    const time = Math.floor(now.getTime() / 1000);
    const mac = createHmac('sha256', 'whsec_x').update(`${time}.{"a":1}`).digest('hex');
    expect(sent.headers.get('stripe-signature')).toBe(`t=${time},v1=${mac}`);
    expect(new ResponseRedactor(derived).redactText(`seen ${mac}`)).toBe('seen <concealed by anima>');
  });
});

test('aws-sigv4: keys, session token, body and all headers are signed, and the signature is concealed', async () => {
  const values = new Map([
    ['id', 'AKIDEXAMPLE'],
    ['key', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'],
    ['token', 'a-session-token'],
  ]);
  const auth = {
    type: 'aws-sigv4',
    accessKeyId: 'anima://id',
    secretAccessKey: 'anima://key',
    sessionToken: 'anima://token',
    region: 'us-east-1',
    service: 'service',
  } as const;
  const { outgoing: sent, derived } = await signOutgoing(
    auth,
    outgoing({ headers: new Map([['x-a', 'b']]) }),
    values,
    now,
  );
  expect(sent.headers.get('authorization')).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20150830\/us-east-1\/service\/aws4_request, SignedHeaders=host;x-a;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
  );
  expect(sent.headers.get('x-amz-security-token')).toBe('a-session-token');
  expect(derived).toHaveLength(1);
  expect(sent.headers.get('authorization')).toContain(derived[0]);
});

describe('token requests', () => {
  const values = new Map([
    ['secret', 'client-secret:&'],
    ['id', 'client-id'],
  ]);
  const credentials = {
    type: 'oauth2-client-credentials',
    tokenUrl: 'https://oauth.example.com/token',
    clientId: '{{anima://id}}',
    clientSecret: 'anima://secret',
    scope: 'a b',
  } as const;

  test('client credentials in the header, or in the body', () => {
    const basic = tokenRequest(credentials, values, now).outgoing;
    const [user, password] = Buffer.from(basic.headers.get('authorization')?.slice(6) ?? '', 'base64')
      .toString()
      .split(':');
    expect([user, decodeURIComponent(password ?? '')]).toEqual(['client-id', 'client-secret:&']);
    expect(basic.body?.toString()).toBe('grant_type=client_credentials&scope=a+b');
    const body = new URLSearchParams(
      tokenRequest({ ...credentials, clientAuth: 'body' }, values, now).outgoing.body?.toString(),
    );
    expect([body.get('client_id'), body.get('client_secret')]).toEqual(['client-id', 'client-secret:&']);
  });

  test('an assertion of a service account verifies with its public key', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const account = JSON.stringify({
      client_email: 'robot@example.iam.gserviceaccount.com',
      private_key_id: 'kid',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: 'https://oauth2.googleapis.com/token',
    });
    const auth = {
      type: 'jwt-assertion',
      serviceAccount: 'anima://sa',
      scope: 'x',
      subject: 'me@example.com',
    } as const;
    const { outgoing: sent, derived } = tokenRequest(auth, new Map([['sa', account]]), now);
    expect(sent.url.href).toBe('https://oauth2.googleapis.com/token');
    const assertion = new URLSearchParams(sent.body?.toString()).get('assertion') ?? '';
    const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
      audience: 'https://oauth2.googleapis.com/token',
      issuer: 'robot@example.iam.gserviceaccount.com',
      currentDate: now,
    });
    expect(protectedHeader).toMatchObject({ alg: 'RS256', kid: 'kid' });
    expect(payload).toMatchObject({ scope: 'x', sub: 'me@example.com' });
    expect(derived.length).toBeGreaterThan(10);
  });

  test.each(['', 'null', '[]', '{}', '{"client_email":"a","private_key":"b","token_uri":"http:"}'])(
    'the value %j is not a service account',
    (value) => {
      const auth = { type: 'jwt-assertion', serviceAccount: 'anima://sa', scope: 'x' } as const;
      expect(() => tokenRequest(auth, new Map([['sa', value]]), now)).toThrow();
    },
  );
});

test.each([
  [200, '{"access_token":"abcdef","expires_in":5}', { accessToken: 'abcdef', refreshToken: undefined, expiresIn: 5 }],
  [200, '{"access_token":"abcdef"}', { accessToken: 'abcdef', refreshToken: undefined, expiresIn: 300 }],
  [
    200,
    '{"access_token":"abcdef","expires_in":1e9}',
    { accessToken: 'abcdef', refreshToken: undefined, expiresIn: 86_400 },
  ],
  [200, '{"access_token":"abc"}', 'unclear'],
  [200, '{"access_token":"abc def\\n"}', 'unclear'],
  [200, '{"access_token":"abcdef","refresh_token":7}', 'unclear'],
  [200, 'null', 'unclear'],
  [201, '{"access_token":"abcdef"}', 'unclear'],
  [400, '{"error":"invalid_grant"}', 'refused'],
  [400, '{"error":"invalid_request"}', 'rejected'],
  [401, '', 'rejected'],
  [429, '', 'limited'],
])('a token response %i %s: %j', (status, body, expected) => {
  expect(parseTokenResponse({ status, body: Buffer.from(body) })).toEqual(expected);
});

test.each([
  [{ type: 'hmac', scheme: 'github', secret: 'plain-secret' }],
  [{ type: 'totp', secret: 'anima://a/../b', in: 'query', name: 'x' }],
  [
    {
      type: 'oauth2-refresh-token',
      tokenUrl: 'https://x.example/t',
      clientId: 'c',
      refreshToken: 'anima://r?version=1',
    },
  ],
  [{ type: 'oauth2-client-credentials', tokenUrl: 'https://u:p@x.example/', clientId: 'c', clientSecret: 'anima://s' }],
  [{ type: 'oauth2-client-credentials', tokenUrl: 'no url', clientId: 'c', clientSecret: 'anima://s' }],
] as [FetchAuth][])('%j is refused, and the error does not repeat it', (auth) => {
  const plan = () => (auth.type === 'basic' ? undefined : planAuth(auth));
  expect(plan).toThrow();
  expect(plan).not.toThrow(/plain-secret/);
  expect(isTokenAuth(auth)).toBe(auth.type.startsWith('oauth2'));
});
