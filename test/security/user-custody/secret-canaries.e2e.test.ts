/**
 * Searches files, tables, the queue, logs, requests to KMS and other services, responses and errors for user secrets:
 * messages, memories, identities in every format, codes, tokens, cookies, keys and passwords. One run over real HTTP
 * uses all of these secrets and refuses them in many ways. Requests to message providers are not searched, because
 * providers see the messages.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionCookie } from '../../../contract/shared/environment-variables.ts';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { authenticationKeyMessage } from '../../../core/records/authentication-key.ts';
import { parseSessionToken } from '../../../core/users/session-token.ts';
import { formatUserKey, parseUserKey } from '../../../core/users/user-key.ts';
import { type ChannelName, channelNames } from '../../../lambdas/channels/channel-ports.ts';
import type { EngineCall } from '../../../local/aws/endpoint/engine-hooks.ts';
import {
  dkim,
  form,
  formType,
  headerText,
  mailPairs,
  samples,
  sendgridFields,
  slackEvent,
  slackRequest,
  twilioFields,
  twilioSecrets,
  whatsappDelivery,
  whatsappMessage,
  whatsappRequest,
} from '../../channels/signed-provider-requests.ts';
import { type LocalStack, startLocalStack } from '../../shared/local-stack.ts';
import { codeForms, encodingsOf, files, numberForms } from './secret-encodings.ts';

const folder = mkdtempSync(join(tmpdir(), 'anima-canaries-'));
const message = 'CANARY-message-4711 ü+';
const memory = 'CANARY-memory-0815 é/"';
const sought = 'CANARY-sought-2468';
const body = 'CANARY-body-1357';
const passwords = ['CANARY-password-one', 'CANARY-password-two'] as const;
const login = 'canary.login@moon';
/** National significant numbers. They match every format of a phone number without separators between the digits. */
const numbers = { sms: '7700912345', whatsapp: '15550123987' };
const mail = { local: 'canary.moonlight', domain: 'example.com' };
const slack = { team: 'T0CANARYTEAM', user: 'U0CANARYUSER' };

let stack: LocalStack;
let user = '';
const keys: string[] = [];
const tokens: string[] = [];
const codes: string[] = [];
/** Responses of failed requests, and of `explain`. */
let told = '';
let explained = '';
/**
 * The inputs of the emulated services. KMS HMAC operations are recorded separately, because only they receive an
 * identity.
 */
const asked: string[] = [];
const macs: { principal: string; action: string; message: string }[] = [];
let handedOver = 0;

/** The first bytes of the message of every authentication key, in base64. */
const recordsMessageStart = authenticationKeyMessage('').subarray(0, 18).toString('base64');

function watch({ service, action, input, principal }: EngineCall): void {
  const text = JSON.stringify(input, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
  // The authentication keys of records are derived from the ID of the organization alone.
  if (action === 'GenerateMac' && !text.includes(recordsMessageStart)) macs.push({ principal, action, message: text });
  // The worker passes the message and the conversation to the responder on purpose. AWS does not store this input.
  else if (service === 'lambda' && text.includes('history')) handedOver++;
  else asked.push(`${service} ${action} ${text}`);
}

const admin = (method: string, path: string, content?: unknown) =>
  stack.http(method, path, { key: stack.vault.adminKey, body: content });

async function ask(method: string, path: string, key: string, content?: unknown): Promise<Record<string, never>> {
  const answer = await stack.http(method, path, { key, body: content });
  const text = await answer.text();
  if (!answer.ok) told += text;
  if (path.includes('explain')) explained += text;
  return JSON.parse(text);
}

/** Sends a webhook as a provider does: the headers and body of the sample, to the address of this deployment. */
async function hook(
  name: ChannelName,
  request: { headers: Readonly<Record<string, string>>; body: Uint8Array },
  end = '',
) {
  const path = `/v1/hooks/${name}/${stack.vault.org}${end}`;
  const answer = await fetch(stack.vault.url + path, {
    method: 'POST',
    headers: request.headers,
    body: Buffer.from(request.body),
  });
  told += await answer.text();
  await stack.vault.whenQueuesEmpty();
  return answer.status;
}

let sid = 0;
async function text(content: string, { forged = false } = {}): Promise<number> {
  const url = `${stack.vault.url}/v1/hooks/twilio/${stack.vault.org}`;
  const id = `SM${String(++sid).padStart(32, '0')}`;
  const fields = { ...twilioFields, From: `+44${numbers.sms}`, MessageSid: id, SmsMessageSid: id, Body: content };
  const signature = getExpectedTwilioSignature(forged ? 'another' : twilioSecrets.authToken, url, fields);
  const headers = { 'content-type': formType, 'x-twilio-signature': signature };
  return await hook('twilio', { headers, body: Buffer.from(form(fields)) });
}
const chat = async (content: string) =>
  await hook(
    'slack',
    await slackRequest(
      slackEvent(
        { user: slack.user, text: content, ts: `1355517523.${String(++sid).padStart(6, '0')}` },
        { team_id: slack.team, event_id: `Ev${sid}` },
      ),
      new Date(),
    ),
  );
const whatsapp = async (content: string) => {
  const one = { ...whatsappMessage(`wamid.${++sid}`, content, new Date()), from: numbers.whatsapp };
  return await hook('whatsapp', await whatsappRequest(whatsappDelivery([one])));
};
const letter = async (content: string) => {
  const from = `Ada Moonlight <${mail.local}@${mail.domain}>`;
  const headers = headerText(mailPairs({ From: from, 'DKIM-Signature': dkim(mail.domain, { seed: ++sid }) }));
  return await hook(
    'sendgrid',
    await samples.sendgrid.request({ ...sendgridFields(), text: content, at: new Date(), fields: { headers, from } }),
  );
};

/** The code in the latest answer on a channel. */
function codeSent(): string {
  const found = stack.vault
    .providerRequests()
    .map(({ body }) => /[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(decodeURIComponent(body))?.[0]);
  return found.findLast((code) => code !== undefined) ?? expect.fail('no code was sent');
}

async function logIn(password: string): Promise<string | undefined> {
  const content = { org: stack.vault.org, login, password };
  const answer = await stack.http('POST', '/v1/sessions', { body: content });
  const [, token] = new RegExp(`${sessionCookie}=([^;]+)`).exec(answer.headers.get('set-cookie') ?? '') ?? [];
  if (token === undefined) told += await answer.text();
  else tokens.push(token);
  return token;
}

beforeAll(async () => {
  stack = await startLocalStack({
    dataDir: join(folder, 'data'),
    assembly: undefined,
    context: { responder: 'sample' },
    timeScale: 0.005,
  });
  stack.vault.setHooks({ before: watch });
  await stack
    .clientOf(stack.vault.adminKey)
    .vault.setMany(
      Object.fromEntries(channelNames.map((name) => [`channels/${name}`, JSON.stringify(samples[name].secrets)])),
    );
  await users();
  await conversations();
  await refusals();
  await deleting();
  stack.vault.setHooks();
});
afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A user with every kind of data and credential: memory, keys, password, sessions, a code. */
async function users(): Promise<void> {
  const made: { user: string; key: string } = await (await admin('POST', '/v1/users', {})).json();
  user = made.user;
  keys.push(made.key);
  await ask('POST', '/v1/memory/records', made.key, { id: 'tea', data: { note: memory } });
  await ask('PUT', '/v1/memory/records/tea', made.key, { data: { note: memory, [memory]: [memory] } });
  await ask('POST', '/v1/memory/batch-add', made.key, { items: [{ data: memory }, { id: 'tea', data: memory }] });
  await ask('GET', '/v1/memory/records/tea', made.key);
  await ask('GET', '/v1/memory/records', made.key);
  await ask('POST', '/v1/memory/search', made.key, { text: sought });
  const next = formatUserKey({ org: stack.vault.org, user, secret: encodeKeySecret(Buffer.alloc(32, 201)) });
  keys.push(next);
  await ask('POST', '/v1/account/key', made.key, { newKey: next });
  await ask('PUT', '/v1/account/password', next, { login, password: passwords[0] });
  const token = await logIn(passwords[0]);
  const cookie = { cookie: `${sessionCookie}=${token}` };
  expect((await stack.http('GET', '/v1/memory/records/tea', { headers: cookie })).status).toBe(200);
  const changed = { login, password: passwords[1], currentPassword: passwords[0] };
  expect((await stack.http('PUT', '/v1/account/password', { headers: cookie, body: changed })).status).toBe(200);
  expect(await logIn(passwords[0])).toBeUndefined();
  expect(await logIn(passwords[1])).toBeDefined();
  codes.push(String((await ask('POST', '/v1/account/link', next)).code));
  expect(await text(`link ${codes[0]}`)).toBe(200);
  for (const ref of [`user:${user}`, `memory:${user}/tea`]) {
    await ask('GET', `/v1/account/explain?ref=${encodeURIComponent(ref)}`, next);
    await ask('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, stack.vault.adminKey);
  }
}

/** Conversations on four channels, two of them linked. */
async function conversations(): Promise<void> {
  for (const send of [text, chat, whatsapp, letter]) expect(await send(`${message} by ${send.name}`)).toBe(200);
  const [, key = ''] = keys;
  expect(JSON.stringify(await ask('GET', '/v1/messages', key))).toContain('4711');
  await chat('link');
  codes.push(codeSent());
  await whatsapp(`link ${codes.at(-1)}`);
  await whatsapp(`link ${codes.at(-1)}`);
  await whatsapp(`${message} linked`);
}

/** Requests that fail in every way, each with a secret in it. */
async function refusals(): Promise<void> {
  const [old = '', key = ''] = keys;
  expect(await text(message, { forged: true })).toBe(403);
  for (const presented of [old, `${key}x`, key.replace(/_u\w{16}/, `_u${'0'.repeat(16)}`)]) {
    await ask('GET', '/v1/memory/records/tea', presented);
  }
  await ask('PUT', '/v1/memory/records/tea', key, { data: body, ifVersion: 99 });
  await ask('POST', '/v1/memory/records', key, { id: body.repeat(20), data: body, [body]: body });
  await ask('POST', '/v1/memory/records', key, { data: memory.repeat(4000) });
  await ask('POST', '/v1/memory/records', key, `{"data":"${body}`);
  await ask('POST', '/v1/account/key', key, { newKey: `${key.slice(0, -1)}x` });
  await ask('PUT', '/v1/account/password', key, { login: `${login} `, password: passwords[0] });
  for (const ref of [body, `memory:${user}/${body} `, `value:${body}//`, `user:${keys[1]}`]) {
    await ask('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, stack.vault.adminKey);
    await ask('GET', `/v1/account/explain?ref=${encodeURIComponent(ref)}`, key);
  }
  await ask('GET', `/v1/account/explain?ref=user:${'0'.repeat(16)}`, key);
  const wrong = { cookie: `${sessionCookie}=${tokens.at(-1)?.replace(/.$/, '-')}` };
  told += await (await stack.http('GET', '/v1/account', { headers: wrong })).text();
  // Failures of AWS services whose messages contain a secret.
  for (const failing of ['PutItem', 'GenerateMac', 'SendMessage', 'Decrypt']) {
    stack.vault.setHooks({
      before: (call) => {
        watch(call);
        const fails = call.action === failing && !JSON.stringify(call.input).includes('Audit');
        return fails ? { type: 'ValidationException', status: 400, message: body } : undefined;
      },
    });
    await ask('PUT', '/v1/memory/records/tea', key, { data: body });
    if (failing !== 'Decrypt') await text(`${message} failing`);
    await logIn(passwords[1]);
  }
  stack.vault.setHooks({ before: watch });
}

/** Deletes an account by message. */
async function deleting(): Promise<void> {
  await letter('delete my account');
  const said = stack.vault.providerRequests().map(({ body }) => /delete my account ([0-9A-Z]{6})\b/.exec(body)?.[1]);
  await letter(`delete my account ${said.findLast((code) => code !== undefined) ?? expect.fail('no code was sent')}`);
}

/** All texts that must not be found, with their kinds. */
function secrets(): [string, string | Buffer][] {
  const named = (what: string, all: readonly string[]) => all.map((one): [string, string] => [what, one]);
  return [
    ...named('message', ['CANARY-message-4711', message]),
    ...named('memory', ['CANARY-memory-0815', memory]),
    ...named('text searched for', [sought]),
    ...named('body', [body]),
    ...named('password', passwords),
    ...named('login', [login, 'canary.login']),
    ...named('telephone number', [...numberForms(numbers.sms), ...numberForms(numbers.whatsapp)]),
    ...named('mail address', [`${mail.local}@${mail.domain}`, mail.local, 'Moonlight']),
    ...named('Slack account', [slack.user, slack.team]),
    ...codes.flatMap((code) => named('code', codeForms(code))),
    ...named('user key', keys),
    ...named(
      'secret of a user key',
      keys.map((key) => parseUserKey(key)?.secret ?? expect.fail()),
    ),
    ...named('session token', tokens),
    ...tokens.map((token): [string, Buffer] => [
      'secret of a session',
      Buffer.from(parseSessionToken(token)?.secret ?? expect.fail()),
    ]),
    ...named('secret of a channel', [
      twilioSecrets.authToken,
      'xoxb-17653672481',
      '8f742231b10e8888abcd99yyyzzz85a5',
      'EAAJB-token',
    ]),
  ];
}

const found = (haystack: Buffer | string): string[] => {
  const bytes = Buffer.from(haystack);
  return [
    ...new Set(
      secrets().flatMap(([what, secret]) => (encodingsOf(secret).some((one) => bytes.includes(one)) ? [what] : [])),
    ),
  ];
};

test('everything that is searched for was really used', () => {
  expect([keys.length, tokens.length >= 2, codes.length]).toEqual([2, true, 2]);
  const sent = decodeURIComponent(
    stack.vault
      .providerRequests()
      .map((one) => one.body)
      .join('\n')
      .replaceAll('+', ' '),
  );
  for (const by of ['text', 'chat', 'whatsapp', 'letter']) expect(sent).toContain(`by ${by}`);
  expect(sent).toContain('4711');
  expect(sent).toContain(numbers.sms);
  expect(handedOver).toBeGreaterThanOrEqual(5);
  for (const code of [
    'signature_refused',
    'invalid_credential',
    'login_refused',
    'invalid_request',
    'version_conflict',
    'record_too_large',
    'record_not_found',
  ]) {
    expect(told).toContain(code);
  }
});

describe('no message, memory, identity, code, token, key or password', () => {
  test('lies in any file of the data folder: tables, objects, queue, logs', () => {
    const seen = new Set<string>();
    for (const path of files(join(folder, 'data'))) {
      // Bundles contain the program of the vault and were created before any secret.
      if (path.includes('/assembly/')) continue;
      expect(found(readFileSync(path)), path).toEqual([]);
      seen.add(path.slice(folder.length + 6).split('/')[0] ?? '');
    }
    expect([...seen]).toEqual(expect.arrayContaining(['logs', 'sqs']));
    expect(seen.size).toBeGreaterThan(4);
  });

  test('is in any item of any table, as its owner reads it', async () => {
    const tables = Object.entries(stack.vault.resources).filter(([id]) => /Table[0-9A-F]{8}$/.test(id));
    const filled: string[] = [];
    for (const [id, name] of tables) {
      const items = await stack.allItems(name);
      if (items.length > 0) filled.push(id.replace(/Table.*/, ''));
      expect(found(JSON.stringify(items)), id).toEqual([]);
      // In this JSON, bytes are lists of numbers.
      const bytes = items.flatMap((item) =>
        Object.values(item).flatMap(({ B }) => (B === undefined ? [] : [Buffer.from(B)])),
      );
      expect(found(Buffer.concat(bytes)), id).toEqual([]);
    }
    expect(filled).toEqual(
      expect.arrayContaining(['Audit', 'UserCustodyKeyrings', 'UserCustodyRecords', 'UserCustodyDeliveries']),
    );
  });

  test('is in what functions and gateway logged, which is there and names routes', () => {
    const logs = stack.vault.logs();
    for (const route of ['addMemory', 'receiveTwilio', 'logIn', 'explainOwn', 'ValidationException'])
      expect(logs).toContain(route);
    expect(found(logs)).toEqual([]);
    expect(logs).not.toMatch(/authorization|Bearer|set-cookie/i);
  });

  test('is in the audit, as it is exported', async () => {
    let cursor = '';
    let all = '';
    do {
      const page = await (await admin('GET', `/v1/audit?limit=1000${cursor}`)).text();
      all += page;
      const next = JSON.parse(page).cursor;
      cursor = next === undefined ? '' : `&cursor=${next}`;
    } while (cursor !== '');
    for (const verb of ['memory.write', 'messages.receive', 'messages.answer', 'sessions.start', 'custody.read'])
      expect(all).toContain(verb);
    expect(found(all)).toEqual([]);
  });

  test('is in what any service of AWS is asked; encryption contexts among it', () => {
    const text = asked.join('\n');
    for (const action of [
      'dynamodb PutItem',
      'kms GenerateDataKey',
      'kms Decrypt',
      'sqs SendMessage',
      'sts AssumeRole',
    ]) {
      expect(text).toContain(action);
    }
    expect(found(text)).toEqual([]);
  });

  test('is in an answer that tells of a failure, or in what explain answers', () => {
    expect(told).toContain('urn:anima:error:internal');
    expect(found(told)).toEqual([]);
    expect(explained).toContain('"custody":"user"');
    expect(found(explained)).toEqual([]);
  });
});

test('identities, logins and codes go to KMS to be hashed, by the functions that may, and no other secret does', () => {
  const all = macs.map((one) => one.message).join('\n');
  expect(found(all).toSorted()).toEqual(['Slack account', 'code', 'login', 'mail address', 'telephone number']);
  expect(new Set(macs.map(({ principal }) => principal.replace(/Function.*/, '')))).toEqual(
    new Set(['Accounts', 'Webhooks', 'Worker']),
  );
});

test('what opens slots of identities is asked for by the worker alone, what opens those of codes and passwords by accounts too', () => {
  const keys = Object.entries(stack.vault.resources).flatMap(([id, key]) => {
    const [, word] = /^UserCustody(Opening|Code|Routing)Key/.exec(id) ?? [];
    return word === undefined ? [] : [[word, key] as const];
  });
  const usedBy = (entry: string): string[] => {
    const asked = macs.filter(({ principal }) => principal.startsWith(entry)).map(({ message }) => message);
    return keys.filter(([, key]) => asked.some((message) => message.includes(key))).map(([word]) => word);
  };
  expect(usedBy('Webhooks')).toEqual(['Routing']);
  expect(usedBy('Accounts').toSorted()).toEqual(['Code', 'Routing']);
  expect(usedBy('Worker').toSorted()).toEqual(['Code', 'Opening', 'Routing']);
});

test('the search would find each of them once it is written down', () => {
  for (const [what, secret] of secrets()) {
    const text = typeof secret === 'string' ? secret : secret.toString('base64url');
    for (const written of [
      Buffer.from(secret),
      Buffer.concat([Buffer.from('x'), Buffer.from(secret)]).toString('base64'),
      text,
      Buffer.from(secret).toString('hex'),
    ]) {
      expect(
        found(Buffer.concat([Buffer.from('before '), Buffer.from(written), Buffer.from(' after')])),
        what,
      ).toContain(what);
    }
  }
  for (const form of [
    '+447700912345',
    '07700912345',
    '07700 912345',
    '%2B447700912345',
    'tel:+447700912345',
    '0044 7700 912345',
  ]) {
    expect(found(form), form).toEqual(['telephone number']);
  }
});
