/** Complete conversations on the local stack: all channels, the calls per message, the stored data, and faults. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { channelNames, type WebhookRequest } from '../../lambdas/channels/channel-ports.ts';
import type { EngineCall } from '../../local/aws/endpoint/engine-hooks.ts';
import { sendWebhook } from '../../local/vault/signed-webhooks.ts';
import { samples } from '../channels/signed-provider-requests.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import { LocalConversations, newMember, newPhone, parseProviderAnswer } from './local-conversations.ts';

const stack = useLocalStack({ timeScale: 0.002 });
let talks: LocalConversations;

beforeAll(async () => {
  talks = new LocalConversations(stack);
  await talks.setUp();
});
afterEach(() => stack.vault.setHooks());

const is = (entry: string) => (principal: string) => new RegExp(`^${entry}`, 'i').test(principal);
/** The calls of a function, counted by service and action. */
function callsOf(entry: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { service, action, principal } of stack.vault.calls.list()) {
    if (is(entry)(principal)) counts[`${service} ${action}`] = (counts[`${service} ${action}`] ?? 0) + 1;
  }
  return counts;
}
const inTables = async () =>
  JSON.stringify(
    await Promise.all(
      (
        ['UserCustodyKeyringsTable', 'UserCustodyRecordsTable', 'UserCustodyDeliveriesTable', 'AuditTable'] as const
      ).map((start) => stack.allItems(stack.table(start))),
    ),
  );

describe('all five channels', () => {
  test('take what their provider signed, and answer by its API, on the same stack', async () => {
    const paths = {
      twilio: '',
      whatsapp: '',
      slack: '',
      mailgun: `/${samples.mailgun.secrets.routeSecret}`,
      sendgrid: '',
    };
    for (const name of channelNames.filter((channel) => channel !== 'twilio' && channel !== 'slack')) {
      await talks.setSecrets(name, samples[name].secrets);
      const request: WebhookRequest = await samples[name].request({ at: new Date(), text: `By ${name}` });
      const url = talks.hook(`${name}/{org}${paths[name]}`);
      const [answer, ...more] = await talks.say({ url, headers: request.headers, body: request.body as never });
      expect(more).toEqual([]);
      // Both email channels receive email from the same person, so the second one continues the conversation.
      const count = name === 'sendgrid' ? 2 : 1;
      expect(answer?.text).toBe(`You said: By ${name} (message ${count} of this conversation)`);
      // A redelivery, as from a provider that received no response. It is acknowledged and has no other effect.
      expect(await talks.say({ url, headers: request.headers, body: request.body as never })).toEqual([]);
    }
    const [sms] = await talks.say(talks.sms(newPhone(), 'By SMS'));
    expect(sms?.text).toBe('You said: By SMS (message 1 of this conversation)');
  });

  test('tell Meta that the address is ours, for its token alone, as plain text', async () => {
    const { verifyToken } = samples.whatsapp.secrets;
    const ask = async (token: string) =>
      await fetch(
        `${talks.hook('whatsapp/{org}')}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`,
      );
    const answer = await ask(String(verifyToken));
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'text/plain',
      '1158201444',
    ]);
    await expectProblem(await ask('another'), 'signature_refused');
  });
});

describe('what is not signed', () => {
  test('is refused on every channel by one code; nothing is stored, sent, audited or derived', async () => {
    const before = await inTables();
    await talks.say(talks.sms(newPhone(), 'Warm'));
    const warm = await inTables();
    expect(warm).not.toBe(before);
    stack.vault.calls.reset();
    const { url, headers, body } = talks.sms(newPhone(), 'Hi');
    const forged = [
      { url, headers: {}, body },
      { url, headers: { ...headers, 'x-twilio-signature': '' }, body },
      { url, headers, body: `${body}&Extra=1` },
      { url: `${url}?x=1`, headers, body },
      { url: url.replace(/[^/]+$/, '0123456789abcdef'), headers, body },
      { url: url.replace(/[^/]+$/, (org) => org.toUpperCase()), headers, body },
      { url: url.replace('twilio', 'sendgrid'), headers, body },
      { url: url.replace('twilio', 'slack'), headers, body },
      { url: `${url.replace('twilio', 'mailgun')}/AAAAAAAAAAAAAAAAAAAAAB`, headers, body },
    ];
    for (const request of forged) await expectProblem(await sendWebhook(request), 'signature_refused');
    await stack.vault.whenQueuesEmpty();
    expect(
      Object.keys(callsOf('webhooks')).filter((call) => !call.startsWith('sts') && call !== 'lambda Invoke'),
    ).toEqual([]);
    expect(callsOf('worker')).toEqual({});
    expect(
      stack.vault.calls
        .list()
        .filter(({ action }) => /GenerateMac|GenerateDataKey|PutItem|UpdateItem|SendMessage/.test(action)),
    ).toEqual([]);
    expect(await inTables()).toBe(warm);
  });

  test('is refused where the org has no secrets, or empty ones, whoever signs', async () => {
    const { org, adminKey } = await stack.newOrg();
    const url = stack.vault.url;
    const { twilio } = talks.secrets;
    const signed = async (authToken: string) => {
      const { signedTwilioWebhook } = await import('../../local/vault/signed-webhooks.ts');
      const to = `${url}/v1/hooks/twilio/${org}`;
      return await sendWebhook(signedTwilioWebhook(to, { ...twilio, authToken }, { from: newPhone(), text: 'Hi' }));
    };
    await expectProblem(await signed(twilio.authToken), 'signature_refused');
    const client = stack.clientOf(adminKey);
    for (const value of ['', '{}', 'null', '{"authToken":""}', JSON.stringify({ ...twilio, authToken: '' }), '{'])
      if (value !== '') {
        await client.vault.set('channels/twilio', value);
        await expectProblem(await signed(''), 'signature_refused');
        await expectProblem(await signed(twilio.authToken), 'signature_refused');
      }
    await client.vault.set('channels/twilio', JSON.stringify(twilio));
    expect((await signed(twilio.authToken)).status).toBe(200);
    // The deletion applies to the next request.
    await client.vault.delete('channels/twilio');
    await expectProblem(await signed(twilio.authToken), 'signature_refused');
  });
});

describe('a message of a known sender', () => {
  test('costs four calls of KMS and thirteen of the database, audit included, and the org two reads of its channel secrets', async () => {
    const phone = newPhone();
    await talks.say(talks.sms(phone, 'One'));
    stack.vault.calls.reset();
    await talks.say(talks.sms(phone, 'Two'));
    const without = (calls: Record<string, number>) =>
      Object.fromEntries(Object.entries(calls).filter(([call]) => !/^(sts|lambda) /.test(call)));
    expect(without(callsOf('webhooks'))).toEqual({
      'dynamodb UpdateItem': 2,
      'dynamodb PutItem': 1,
      'kms GenerateMac': 1,
      'kms GenerateDataKey': 1,
      'sqs SendMessage': 1,
    });
    const {
      'sqs ReceiveMessage': _r,
      'sqs DeleteMessageBatch': _d,
      'sqs GetQueueAttributes': _g,
      ...worker
    } = without(callsOf('worker'));
    expect(worker).toEqual({
      'kms Decrypt': 1,
      'kms GenerateMac': 1,
      'dynamodb GetItem': 2,
      'dynamodb Query': 1,
      'dynamodb BatchGetItem': 2,
      'dynamodb PutItem': 3,
      'dynamodb UpdateItem': 2,
    });
    // One read for the webhook and one for the worker. The org's DEK stays in memory for minutes.
    expect(without(callsOf('provider-?secrets'))).toEqual({ 'dynamodb BatchGetItem': 2 });
  });

  test('leaves two audit records: the provider who signed, and the user for whom it was opened', async () => {
    const phone = newPhone();
    await talks.say(talks.sms(phone, 'One'));
    const items = await stack.allItems(stack.table('AuditTable'));
    const texts = items.map((item) => JSON.stringify(item)).filter((text) => text.includes('messages.'));
    expect(texts.some((text) => text.includes('receiveTwilio') && text.includes('"twilio"'))).toBe(true);
    expect(texts.some((text) => /"user:[0-9a-z]{16}"/.test(text) && text.includes('"worker"'))).toBe(true);
  });

  test('leaves neither text, nor number, nor address, nor code, nor signature in any table, queue or log', async () => {
    const canary = `canary${randomBytes(8).toString('hex')}`;
    const phone = newPhone();
    const member = newMember();
    await talks.say(talks.sms(phone, `Remember ${canary}`));
    const [link] = await talks.say(talks.sms(phone, 'link'));
    const code = /link (\S+)/.exec(link?.text ?? '')?.[1] ?? expect.fail();
    const [linked] = await talks.say(talks.slack(member, `link ${code}`));
    expect(linked?.text).toContain('Linked');
    await talks.say(talks.slack(member, `Again ${canary}`));
    const forged = talks.sms(phone, canary);
    await expectProblem(
      await sendWebhook({ ...forged, headers: { ...forged.headers, 'x-twilio-signature': canary } }),
      'signature_refused',
    );
    const everywhere = `${await inTables()}\n${stack.vault.logs()}`;
    const plain = code.replaceAll('-', '');
    for (const secret of [
      canary,
      phone,
      phone.slice(1),
      phone.slice(3),
      member,
      code,
      plain,
      talks.secrets.twilio.authToken,
    ]) {
      for (const form of [
        secret,
        secret.toLowerCase(),
        Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1),
        Buffer.from(secret).toString('hex'),
      ])
        expect(everywhere.includes(form), form.length > 3 ? 'a canary' : form).toBe(false);
    }
    expect(everywhere).toContain('"worker"');
  });
});

describe('when something breaks', () => {
  const failing = (entry: string, action: string, times: number, skip = 0) => {
    let left = times;
    let skipped = 0;
    stack.vault.setHooks({
      before: (call: EngineCall) => {
        if (!is(entry)(call.principal) || call.action !== action || left === 0) return undefined;
        if (skipped++ < skip) return undefined;
        left--;
        return { type: 'InternalServerError', status: 500 };
      },
    });
  };

  test.each([
    ['UpdateItem', 'dynamodb'],
    ['GenerateMac', 'kms'],
    ['GenerateDataKey', 'kms'],
    ['SendMessage', 'sqs'],
    ['PutItem', 'the audit'],
  ])('under the webhook (%s of %s) it says 503, and the retry of the provider is answered once', async (action) => {
    const phone = newPhone();
    const delivery = talks.sms(phone, 'Once');
    failing('webhooks', action, 3);
    const answer = await sendWebhook(delivery);
    expect([answer.status, ['unavailable', 'audit_unavailable'].includes((await answer.json()).code)]).toEqual([
      503,
      true,
    ]);
    stack.vault.setHooks();
    await stack.vault.whenQueuesEmpty();
    const already = stack.vault
      .providerRequests()
      .filter(({ body }) => body.includes(encodeURIComponent(phone))).length;
    const answers = await talks.say(delivery, delivery);
    expect(already + answers.length).toBe(1);
  });

  test.each([['Decrypt'], ['GenerateMac'], ['Query'], ['BatchGetItem'], ['PutItem'], ['UpdateItem']])(
    'under the worker (%s), the job comes again, and is answered by the text that was stored',
    async (action) => {
      const phone = newPhone();
      await talks.say(talks.sms(phone, 'First'));
      // A client makes three attempts per call.
      // The first UpdateItem counts the answer, the second one marks it as sent.
      failing('worker', action, 3, action === 'UpdateItem' ? 1 : 0);
      const answers = await talks.say(talks.sms(phone, 'Second'));
      const texts = new Set(answers.map(({ text }) => text));
      expect([...texts]).toEqual(['You said: Second (message 2 of this conversation)']);
      // The last write records that the answer was sent. If only that write fails, the result is unknown and the answer
      // is sent again.
      expect(answers).toHaveLength(action === 'UpdateItem' ? 2 : 1);
    },
  );

  test('at the provider, the same answer is sent again; where it was taken and the reply lost, twice', async () => {
    const phone = newPhone();
    let tries = 0;
    stack.vault.setHooks({ beforeSend: () => (++tries === 1 ? { status: 503, body: '{}' } : undefined) });
    expect(await talks.say(talks.sms(phone, 'One'))).toHaveLength(1);
    expect(tries).toBe(2);
    tries = 0;
    stack.vault.setHooks({ beforeSend: () => (++tries === 1 ? 'drop-after' : undefined) });
    const answers = await talks.say(talks.sms(phone, 'Two'));
    expect(answers.map(({ text }) => text)).toEqual(Array(2).fill('You said: Two (message 2 of this conversation)'));
    stack.vault.setHooks({ beforeSend: () => ({ status: 400, body: '{}' }) });
    expect(await talks.say(talks.sms(phone, 'Three'))).toEqual([]);
    expect(stack.vault.logs()).toContain('provider_refused');
  });

  test('for good, the worker gives up after three tries, says so in the log, and goes on with the next message', async () => {
    const phone = newPhone();
    let tries = 0;
    stack.vault.setHooks({
      beforeSend: ({ body }) => (body.includes('Lost') && ++tries > 0 ? { status: 503, body: '{}' } : undefined),
    });
    const answers = await talks.say(talks.sms(phone, 'Lost'), talks.sms(phone, 'Next'));
    expect(tries).toBe(3);
    expect(answers.map(({ text }) => text)).toEqual(['You said: Next (message 2 of this conversation)']);
    expect(stack.vault.logs()).toContain('unanswered');
  });
});

describe('deleting accounts against running workers', () => {
  test('what a deleted user left goes in the end, however often it fails', async () => {
    const phone = newPhone();
    await talks.say(talks.sms(phone, 'Hello'));
    const [ask] = await talks.say(talks.sms(phone, 'delete my account'));
    const stored = async () => (await stack.allItems(stack.table('UserCustodyRecordsTable'))).length;
    const before = await stored();
    let failures = 0;
    stack.vault.setHooks({
      before: ({ principal, action }) =>
        is('worker')(principal) && action === 'DeleteItem' && ++failures <= 24
          ? { type: 'InternalServerError', status: 500 }
          : undefined,
    });
    const code = /delete my account (\S+)/.exec(ask?.text ?? '')?.[1];
    const [deleted] = await talks.say(talks.sms(phone, `delete my account ${code}`));
    expect(deleted?.text).toContain('is deleted');
    expect(failures).toBeGreaterThan(24);
    expect(await stored()).toBe(before - 2);
    expect(stack.vault.logs()).toContain('undeleted');
  });

  test('no answer leaves after the acknowledgement, and nothing is left behind', async () => {
    const userIds = async () =>
      (await stack.allItems(stack.table('UserCustodyKeyringsTable')))
        .filter(({ id, state }) => id?.S?.startsWith('user/') && state?.S === 'active')
        .map(({ user }) => user?.S ?? '');
    const users = new Map<string, string>();
    let known = await userIds();
    for (const phone of Array.from({ length: 10 }, newPhone)) {
      await talks.say(talks.sms(phone, 'Hello'));
      const now = await userIds();
      users.set(phone, now.find((user) => !known.includes(user)) ?? expect.fail());
      known = now;
    }
    // Reads of the worker are delayed, each by a different time.
    stack.vault.setHooks({
      before: ({ principal, action }) =>
        is('worker')(principal) && action === 'BatchGetItem' ? { delayMs: Math.random() * 700 } : undefined,
    });
    const before = stack.vault.providerRequests().length;
    const acknowledged = new Map<string, number>();
    await Promise.all(
      [...users].flatMap(([phone, user]) => [
        sendWebhook(talks.sms(phone, 'Still there?')),
        sleep(Math.random() * 1_500).then(async () => {
          const answer = await stack.http('DELETE', `/v1/users/${user}`, { key: stack.vault.adminKey });
          expect(answer.status).toBe(200);
          acknowledged.set(phone, Date.now());
        }),
      ]),
    );
    await stack.vault.whenQueuesEmpty();
    // A message that arrived after the slots were destroyed starts a new conversation.
    const ofOld = stack.vault
      .providerRequests()
      .slice(before)
      .map(parseProviderAnswer)
      .filter(({ text }) => text.includes('(message 2 of'));
    expect(ofOld.filter(({ to, at }) => at.getTime() > (acknowledged.get(to) ?? 0))).toEqual([]);
    expect(acknowledged.size).toBe(10);
    const records = await stack.allItems(stack.table('UserCustodyRecordsTable'));
    const owners = new Set(records.map(({ id }) => id?.S?.split('/')[0]));
    expect([...users.values()].filter((user) => owners.has(user))).toEqual([]);
  });
});
