import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OrgLruCache, OrgSessions } from '../../lambdas/aws/org-sessions.ts';
import { ServiceError } from '../../lambdas/aws/service-error.ts';
import type { StsClient } from '../../lambdas/aws/sts-client.ts';

const roleArn = 'arn:aws:iam::000000000000:role/Session';
type AssumeRoleInput = Parameters<StsClient['assumeRole']>[0];
let asked: AssumeRoleInput[];
let failure: Error | undefined;
let sessions: OrgSessions;
let signing: OrgSessions;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') });
  asked = [];
  failure = undefined;
  const sts = {
    assumeRole: async (input: AssumeRoleInput) => {
      asked.push(input);
      if (failure !== undefined) throw failure;
      return {
        accessKeyId: `key ${asked.length}`,
        secretAccessKey: 'secret',
        sessionToken: 'token',
        expiration: new Date(Date.now() + (input.DurationSeconds ?? 0) * 1000),
      };
    },
  };
  sessions = new OrgSessions(sts, roleArn);
  signing = new OrgSessions(sts, roleArn, 1800);
});
afterEach(() => {
  vi.useRealTimers();
});

describe('sessions', () => {
  test('are of the session role, tagged with the org and nothing else, for the hour that role chaining allows', async () => {
    await sessions.credentialsFor('org1')();
    expect(asked).toEqual([
      {
        RoleArn: roleArn,
        RoleSessionName: 'org1',
        DurationSeconds: 3600,
        Tags: [{ Key: 'org', Value: 'org1' }],
      },
    ]);
  });

  test('are asked for once by all who want them at once, and never shared by two orgs', async () => {
    const first = await Promise.all(Array.from({ length: 20 }, () => sessions.credentialsFor('org1')()));
    expect(new Set(first.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['key 1']));
    expect((await sessions.credentialsFor('org2')()).accessKeyId).toBe('key 2');
    expect(asked).toHaveLength(2);
  });

  test('are renewed while clients still may use those they have', async () => {
    const { expiration } = await sessions.credentialsFor('org1')();
    vi.setSystemTime(expiration.getTime() - 6 * 60_000 - 1);
    expect((await sessions.credentialsFor('org1')()).accessKeyId).toBe('key 1');
    vi.setSystemTime(expiration.getTime() - 6 * 60_000);
    expect((await sessions.credentialsFor('org1')()).accessKeyId).toBe('key 2');
  });

  test('that sign addresses are renewed while those still outlive what is signed last: clients are told an earlier end', async () => {
    const began = Date.now();
    const { expiration } = await signing.credentialsFor('org1')();
    expect(expiration.getTime() - began).toBe((3600 - 1800) * 1000);
    vi.setSystemTime(began + (3600 - 1800 - 360) * 1000 - 1);
    expect((await signing.credentialsFor('org1')()).accessKeyId).toBe('key 1');
    // AWS SDK clients keep credentials until five minutes before the reported expiration.
    vi.setSystemTime(expiration.getTime() - 5 * 60_000);
    const { accessKeyId, expiration: next } = await signing.credentialsFor('org1')();
    expect(accessKeyId).toBe('key 2');
    expect(next.getTime() - Date.now()).toBeGreaterThan(5 * 60_000);
  });

  test('that could not be had are asked for again by the next request', async () => {
    failure = new Error('throttled');
    await expect(sessions.credentialsFor('org1')()).rejects.toThrow('throttled');
    failure = undefined;
    expect((await sessions.credentialsFor('org1')()).accessKeyId).toBe('key 2');
  });

  describe('that cannot be renewed because STS fails', () => {
    const throttled = new ServiceError('Throttling', 'sts AssumeRole', 400);
    const renewal = async (provider = sessions.credentialsFor('org1')) => {
      const first = await provider();
      vi.setSystemTime(first.expiration.getTime() - 6 * 60_000);
      return { provider, first };
    };

    test('are used as long as they are valid, and STS is asked again after 15 seconds, not by each request', async () => {
      const { provider, first } = await renewal();
      failure = throttled;
      expect(await Promise.all([provider(), provider()])).toEqual([first, first]);
      expect(await provider()).toBe(first);
      expect(asked).toHaveLength(2);
      vi.setSystemTime(Date.now() + 15_000);
      failure = undefined;
      expect((await provider()).accessKeyId).toBe('key 3');
    });

    test('are not used in their last minute, nor after AWS refused them', async () => {
      const { provider, first } = await renewal();
      failure = throttled;
      await expect(provider({ rejected: first })).rejects.toBe(throttled);
      failure = undefined;
      const second = await provider();
      vi.setSystemTime(second.expiration.getTime() - 60_000);
      failure = throttled;
      await expect(provider()).rejects.toBe(throttled);
    });

    test('that sign addresses still outlive what is signed with them', async () => {
      const { provider, first } = await renewal(signing.credentialsFor('org1'));
      failure = throttled;
      expect(await provider()).toBe(first);
      // The reported expiration is earlier than the real one by the margin.
      vi.setSystemTime(first.expiration.getTime() - 60_000);
      await expect(provider()).rejects.toBe(throttled);
    });

    test('are not used if STS refuses the role: its permissions have changed', async () => {
      const { provider } = await renewal();
      failure = new ServiceError('AccessDenied', 'sts AssumeRole', 403);
      await expect(provider()).rejects.toBe(failure);
    });
  });

  test('that AWS refused as expired are renewed once, for all calls that were refused with them', async () => {
    const provider = sessions.credentialsFor('org1');
    const rejected = await provider();
    const renewed = await Promise.all([provider({ rejected }), provider({ rejected }), provider()]);
    expect(renewed.map(({ accessKeyId }) => accessKeyId)).toEqual(['key 2', 'key 2', 'key 2']);
    expect((await provider({ rejected })).accessKeyId).toBe('key 2');
  });

  test('are kept for 200 orgs: a stranger who names ever new ones costs no memory without end', async () => {
    for (let n = 0; n <= 200; n++) await sessions.credentialsFor(`org${n}`)();
    await sessions.credentialsFor('org1')();
    expect(asked).toHaveLength(201);
    await sessions.credentialsFor('org0')();
    expect(asked).toHaveLength(202);
  });
});

test('of what is kept for each org, what was used longest ago goes first', () => {
  const made: string[] = [];
  const things = new OrgLruCache((org) => ({ n: made.push(org) }), 2);
  const first = things.getOrCreate('a');
  things.getOrCreate('b');
  expect(things.getOrCreate('a')).toBe(first);
  things.getOrCreate('c');
  expect(things.getOrCreate('a')).toBe(first);
  things.getOrCreate('b');
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});
