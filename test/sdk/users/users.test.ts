import { describe, expect, test } from 'vitest';
import { formatUserKey } from '../../../core/users/user-key.ts';
import { apiKey, clientOf, fakeFetch, json, owner, problem, rejectionOf, secret, userKey } from '../fake-fetch.ts';

const createdAt = '2026-11-21T03:00:00.000Z';
const user = {
  user: owner.user,
  state: 'active',
  createdAt,
  slots: [{ id: '1'.repeat(16), kind: 'credential', createdAt }],
};

describe('users, as the organization sees them', () => {
  test('are made with a key of that very user', async () => {
    const { fetch, seen } = fakeFetch(json({ user: owner.user, createdAt, key: userKey }, 201));
    expect(await clientOf(fetch).users.create()).toEqual({ user: owner.user, createdAt, key: userKey });
    expect(seen[0]?.headers.authorization).toBe(`Bearer ${apiKey}`);
    const other = formatUserKey({ ...owner, user: '0000000000000000', secret });
    for (const key of [other, apiKey, 'x']) {
      const error = await rejectionOf(
        clientOf(fakeFetch(json({ user: owner.user, createdAt, key })).fetch).users.create(),
      );
      expect(error).toMatchObject({ code: 'unexpected_response' });
    }
  });

  test('are listed page by page', async () => {
    const { fetch, seen } = fakeFetch(json({ users: [user], cursor: 'c' }), json({ users: [{ ...user, slots: [] }] }));
    expect(await clientOf(fetch).users.list({ pageSize: 1 }).toArray()).toHaveLength(2);
    expect(seen.map(({ url }) => new URL(url).search)).toEqual(['?limit=1', '?limit=1&cursor=c']);
  });

  test('are deleted by their id, which is no key', async () => {
    const { fetch, seen } = fakeFetch(problem('user_not_found'));
    const { users } = clientOf(fetch);
    expect(await rejectionOf(users.delete(owner.user))).toMatchObject({
      name: 'NotFoundError',
      code: 'user_not_found',
    });
    expect(seen[0]?.url).toMatch(new RegExp(`/v1/users/${owner.user}$`));
    const error = await rejectionOf(users.delete(userKey));
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(JSON.stringify(error)).not.toContain(secret);
    expect(seen).toHaveLength(1);
  });
});
