/** Refresh tokens on the deployed function and its tables, with the synthesized policies enforced. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

const stack = useLocalStack();
let authorizer: PolicyAuthorizer;
let host: Server;
const provider = { valid: 'refresh-token-number-0', refreshes: 0, expiresIn: 3600, seen: [] as (string | undefined)[] };

beforeAll(async () => {
  authorizer = createPolicyAuthorizer(stack.vault);
  stack.vault.setHooks(authorizer);
  host = createServer(async (request, response) => {
    if (request.url !== '/token') {
      provider.seen.push(request.headers.authorization);
      return response.end(`seen ${request.headers.authorization}`);
    }
    let body = '';
    for await (const piece of request) body += piece;
    if (new URLSearchParams(body).get('refresh_token') !== provider.valid)
      return response.writeHead(400).end('{"error":"invalid_grant"}');
    provider.refreshes++;
    provider.valid = `refresh-token-number-${provider.refreshes}`;
    const issued = { access_token: `access-token-number-${provider.refreshes}`, refresh_token: provider.valid };
    return response.end(JSON.stringify({ ...issued, token_type: 'Bearer', expires_in: provider.expiresIn }));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void host.close());

describe('a refresh token that the provider rotates', () => {
  test('is kept current by concurrent uses, in more versions than are kept, and nothing is denied', async () => {
    const { agentKey } = stack.vault;
    const { vault } = stack.clientOf(agentKey);
    const origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
    const metadata = { allowed_hosts: origin, allowed_token_hosts: origin, allowed_in: 'auth' };
    await vault.set('mail/refresh', provider.valid, { metadata });
    const auth = {
      type: 'oauth2-refresh-token',
      tokenUrl: `${origin}/token`,
      clientId: 'client',
      refreshToken: 'anima://mail/refresh',
    } as const;
    const use = async () => await (await vault.fetch(`${origin}/mail`, { auth })).text();
    const answers = await Promise.all(Array.from({ length: 10 }, use));
    expect(new Set(answers)).toEqual(new Set(['seen Bearer <concealed by anima>']));
    expect(provider.refreshes).toBe(1);
    // A new version of the value makes another refresh, and the slots of its history are used again.
    for (let round = 2; round <= 12; round++) {
      await vault.set('mail/refresh', provider.valid, { metadata });
      expect(await use()).toBe('seen Bearer <concealed by anima>');
      expect(provider.refreshes).toBe(round);
    }
    expect(await vault.getWithInfo('mail/refresh')).toMatchObject({ value: provider.valid, version: 24, metadata });
    expect(new Set(provider.seen).size).toBe(12);
    expect(authorizer.denials).toEqual([]);
  });
});
