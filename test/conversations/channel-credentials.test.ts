/** The function that returns channel secrets: five names, one read, and no result for a locked or shredded org. */
import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import {
  ChannelCredentialsService,
  parseCredentialsRequest,
} from '../../lambdas/channels/channel-credentials-service.ts';
import { getChannelCredentials } from '../../lambdas/channels/handlers/get-channel-credentials.ts';
import type { RequestLogEntry } from '../../lambdas/middleware/request-log.ts';
import { KeyringOpener } from '../../lambdas/org-keys/keyring-opener.ts';
import { createRecordVerifiers } from '../records/in-memory-records.ts';
import { createInMemoryVault, errorCodeOf } from '../shared/in-memory-stores.ts';

function world() {
  const vault = createInMemoryVault();
  const { stores, kek, time, marks, caller } = vault;
  const reads: string[] = [];
  const read = async (_: string, name: string) => {
    reads.push(name);
    return { keyring: structuredClone(stores.keyring) as unknown, value: stores.items.get(name) };
  };
  const clock = () => time.now;
  const secrets = () => {
    const { keyringVerifier } = createRecordVerifiers(marks, clock);
    return new ChannelCredentialsService(read, new KeyringOpener(kek, keyringVerifier, clock), clock);
  };
  return { ...vault, reads, secrets, org: caller.org };
}

describe('secrets of a channel', () => {
  test('are the JSON of their value, by one read and, when warm, no call of KMS', async () => {
    const { secrets, set, reads, kek, org } = world();
    await set('channels/twilio', '{"authToken":"x","more":[1]}');
    const warm = secrets();
    expect(await warm.getCredentials(org, 'twilio')).toEqual({ authToken: 'x', more: [1] });
    kek.calls.length = 0;
    reads.length = 0;
    await warm.getCredentials(org, 'twilio');
    expect([reads, kek.calls]).toEqual([['channels/twilio'], []]);
  });

  test('are none where there is no value, or one that is no JSON, has expired, or was moved here from another name', async () => {
    const { secrets, set, stores, time, org } = world();
    expect(await secrets().getCredentials(org, 'slack')).toBe(null);
    await set('channels/slack', 'not JSON');
    expect(await secrets().getCredentials(org, 'slack')).toBe(null);
    await set('channels/twilio', '{"a":1}', { expiresAt: '2026-06-01T13:00:00.000Z' });
    expect(await secrets().getCredentials(org, 'twilio')).toEqual({ a: 1 });
    const moved = stores.items.get('channels/twilio') ?? expect.fail();
    stores.items.set('channels/whatsapp', { ...moved, name: 'channels/whatsapp' });
    expect(await secrets().getCredentials(org, 'whatsapp')).toBe(null);
    time.now = new Date('2026-06-01T13:00:00.000Z');
    expect(await secrets().getCredentials(org, 'twilio')).toBe(null);
  });

  test('are none for an org that is locked, and at once', async () => {
    const { secrets, set, stores, org } = world();
    await set('channels/twilio', '{"a":1}');
    const warm = secrets();
    expect(await warm.getCredentials(org, 'twilio')).toEqual({ a: 1 });
    const lock = { shredAt: '2026-07-01T00:00:00.000Z', requestedAt: '2026-06-01T00:00:00.000Z', by: 'x' };
    stores.keyring = { ...stores.keyring, lock };
    expect(await warm.getCredentials(org, 'twilio')).toBe(null);
  });

  test('are not said to be missing when only KMS did not answer', async () => {
    const { secrets, set, kek, org } = world();
    await set('channels/twilio', '{"a":1}');
    kek.fail = true;
    expect(await errorCodeOf(secrets().getCredentials(org, 'twilio'))).toBe('unavailable');
  });
});

describe('the function that gives them', () => {
  const context = { awsRequestId: randomUUID() } as Context;

  test('takes the five names alone, in the one form', () => {
    const org = '0123456789abcdef';
    expect(parseCredentialsRequest({ org, channel: 'twilio' })).toEqual({ org, channel: 'twilio' });
    for (const event of [
      undefined,
      null,
      'x',
      {},
      { org },
      { channel: 'twilio' },
      { org: 'x', channel: 'twilio' },
      { org: org.toUpperCase(), channel: 'twilio' },
      { org, channel: '../prod/stripe' },
      { org, channel: 'toString' },
      { org, channel: ['twilio'] },
      { org, channel: 'twilio', name: 'prod/stripe' },
      { Records: [] },
    ])
      expect(parseCredentialsRequest(event), JSON.stringify(event)).toBeUndefined();
  });

  test('logs nothing where it gives something, and never what went wrong in words', async () => {
    const { secrets, set, org } = world();
    await set('channels/twilio', '{"a":1}');
    const log: RequestLogEntry[] = [];
    const give = getChannelCredentials((entry) => log.push(entry), secrets());
    expect(await give({ org, channel: 'twilio' }, context)).toEqual({ secrets: { a: 1 } });
    expect(log).toEqual([]);
    expect(await errorCodeOf(give({ org, channel: 'x' }, context))).toBe('invalid_request');
    const broken = { of: () => Promise.reject(new Error('it was xylophone')) } as unknown as ChannelCredentialsService;
    const failing = getChannelCredentials((entry) => log.push(entry), broken)({ org, channel: 'twilio' }, context);
    await expect(failing).rejects.not.toThrow(/xylophone/);
    expect(log).toHaveLength(2);
    expect(JSON.stringify(log)).not.toContain('xylophone');
  });
});
