/** The management API of connections, with the client of the functions and with that of the AWS SDK. */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { describe, expect, test } from 'vitest';
import { startLocalVault } from '../../local/vault/local-vault.ts';
import { createPolicyAuthorizer } from '../shared/policy-authorizer.ts';
import { openSocket } from './socket-client.ts';
import { reportsOf, socketsOf, useSocketStack } from './socket-fixture.ts';

const stack = useSocketStack();
const kib = 1024;

const clientOf = ({ endpoint = stack().sockets.connectionsUrl, credentials = stack().vault.credentials } = {}) =>
  new ApiGatewayManagementApiClient({ endpoint, credentials, region: 'us-east-1', maxAttempts: 1 });
const post = (ConnectionId: string, Data: string | Uint8Array, client = clientOf()) =>
  client.send(new PostToConnectionCommand({ ConnectionId, Data }));
const refused = (name: string, status: number) => ({ name, $metadata: { httpStatusCode: status } });

describe('the AWS SDK', () => {
  test('sends to, describes and ends a connection', async () => {
    const { socket, next, closed, id } = await stack().open('', []);
    await post(id, 'héllo');
    expect(await next()).toBe('héllo');
    const described = await clientOf().send(new GetConnectionCommand({ ConnectionId: id }));
    expect(described.Identity).toEqual({ SourceIp: '127.0.0.1', UserAgent: '' });
    expect(Number(described.LastActiveAt)).toBeGreaterThanOrEqual(Number(described.ConnectedAt));
    stack().sockets.advanceClock(60_000);
    socket.send('{"type":"ping"}');
    await next();
    const later = await clientOf().send(new GetConnectionCommand({ ConnectionId: id }));
    expect(Number(later.LastActiveAt) - Number(described.LastActiveAt)).toBeGreaterThanOrEqual(60_000);
    expect(later.ConnectedAt).toEqual(described.ConnectedAt);
    const { $metadata } = await clientOf().send(new DeleteConnectionCommand({ ConnectionId: id }));
    expect($metadata.httpStatusCode).toBe(204);
    // From the response on, the connection cannot be found, although the client might still be closing it.
    await expect(post(id, 'x')).rejects.toMatchObject(refused('GoneException', 410));
    expect(await closed).toBe(1000);
  });

  test('sends 128 KiB in frames of 32 KiB, and not one byte more', async () => {
    const { socket, next, id } = await stack().open();
    await post(id, 'x'.repeat(128 * kib));
    expect(await next()).toBe('x'.repeat(128 * kib));
    await expect(post(id, 'x'.repeat(128 * kib + 1))).rejects.toMatchObject(refused('PayloadTooLargeException', 413));
    // A character of several bytes at the end of a frame arrives whole.
    const split = `x${'é'.repeat(20 * kib)}`;
    await post(id, split);
    expect(await next()).toBe(split);
    await post(id, '');
    expect(await next()).toBe('');
    socket.close();
  });

  test('is refused for a client that does not read', async () => {
    const { socket, id } = await stack().open();
    socket.pause();
    const message = 'x'.repeat(128 * kib);
    const send = async () => {
      for (let n = 0; n < 400; n++) await post(id, message, client);
    };
    const client = clientOf();
    await expect(send()).rejects.toMatchObject(refused('LimitExceededException', 429));
    socket.terminate();
  });
});

describe('410', () => {
  test.each([['post'], ['get'], ['delete']])('is the answer to %s for an unknown connection', async (method) => {
    const ConnectionId = 'AAAAAAAAAAAAAAA=';
    const client = clientOf();
    const call = {
      post: () => post(ConnectionId, 'x'),
      get: () => client.send(new GetConnectionCommand({ ConnectionId })),
      delete: () => client.send(new DeleteConnectionCommand({ ConnectionId })),
    }[method];
    await expect(call?.()).rejects.toMatchObject(refused('GoneException', 410));
  });

  test('is the answer while $connect has not returned', async () => {
    const { socket, received, id } = await stack().open('?does=post-to-itself');
    expect(stack().reports('pending').at(-1)).toBe('GoneException');
    await post(id, 'now');
    await expect.poll(() => received).toEqual(['now']);
    socket.close();
  });

  test('is the answer after the client has left', async () => {
    const { socket, closed, id } = await stack().open();
    socket.close();
    await closed;
    await expect.poll(() => stack().sockets.connectionIds()).not.toContain(id);
    await expect(post(id, 'x')).rejects.toMatchObject(refused('GoneException', 410));
  });

  test('is the answer after a restart, and the client is told 1001', async () => {
    const { space } = stack();
    const options = { port: 0, assembly: space.assembly(), dataDir: `${space.folder}/data` };
    const first = await startLocalVault(options);
    const before = await openSocket(socketsOf(first).url);
    const [id = ''] = socketsOf(first).connectionIds();
    await first.close();
    expect(await before.closed).toBe(1001);
    expect(reportsOf(first, 'disconnect')).toEqual([]);
    const second = await startLocalVault(options);
    try {
      const client = await openSocket(socketsOf(second).url);
      client.socket.send(`post ${id}`);
      await expect.poll(() => reportsOf(second, 'posted')).toEqual(['GoneException']);
      client.socket.close();
    } finally {
      await second.close();
    }
  });
});

describe('403', () => {
  test('is the answer to an unsigned, a wrongly signed and a misdirected call', async () => {
    const { socket, received, id } = await stack().open();
    const { connectionsUrl } = stack().sockets;
    const unsigned = await fetch(`${connectionsUrl}/@connections/${encodeURIComponent(id)}`, {
      method: 'POST',
      body: 'x',
    });
    expect([unsigned.status, await unsigned.json()]).toEqual([403, { message: 'The request is not signed.' }]);
    const wrong = clientOf({ credentials: { ...stack().vault.credentials, secretAccessKey: 'wrong' } });
    await expect(post(id, 'x', wrong)).rejects.toMatchObject(refused('InvalidSignatureException', 403));
    const unknown = clientOf({ credentials: { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' } });
    await expect(post(id, 'x', unknown)).rejects.toMatchObject(refused('UnrecognizedClientException', 403));
    const elsewhere = clientOf({ endpoint: connectionsUrl.replace('/v1', '/v2') });
    await expect(post(id, 'x', elsewhere)).rejects.toMatchObject(refused('ForbiddenException', 403));
    socket.close();
    expect(received).toEqual([]);
  });

  test('is the answer to a role without the permission of the template', async () => {
    const { vault } = stack();
    const authorizer = createPolicyAuthorizer(vault);
    vault.setHooks(authorizer);
    try {
      const { socket, next, id } = await stack().open();
      socket.send('echo allowed');
      expect(await next()).toBe('echo allowed');
      socket.send('leave');
      await expect.poll(() => authorizer.allowed.get('execute-api:ManageConnections')).toBe(2);
      expect(authorizer.denials).toEqual([]);
      const own = new URL(stack().sockets.url).pathname;
      const [api] = [...vault.policies.roles].flatMap(
        ({ statements }) => JSON.stringify(statements).match(/[\w-]+SocketApi\w+/) ?? [],
      );
      const call = {
        service: 'execute-api',
        action: 'GetConnection',
        input: {},
        principal: 'Relay',
        callerArn: 'arn:aws:iam::000000000000:role/sockets-test-relay-us-east-1',
        tags: {},
      } as const;
      const roles = vault.policies.roles.map(({ roleArn }) => roleArn);
      const relay = roles.find((role) => role.includes('relay')) ?? expect.fail('no role');
      const other = roles.find((role) => role.includes('other')) ?? expect.fail('no role');
      const decide = (callerArn: string, resource: string) =>
        authorizer.authorize({
          ...call,
          callerArn,
          permissions: [{ action: 'execute-api:ManageConnections', resource }],
        });
      const arn = (path: string) => `arn:aws:execute-api:us-east-1:000000000000:${path}`;
      const path = `${api}${own}`;
      expect(await decide(relay, arn(`${path}/POST/@connections/${id}`))).toBe(true);
      expect(await decide(relay, arn(`${path}/GET/@connections/${id}`))).toBe(false);
      expect(await decide(relay, arn(`other${own}/POST/@connections/${id}`))).toBe(false);
      expect(await decide(other, arn(`${path}/POST/@connections/${id}`))).toBe(false);
    } finally {
      vault.setHooks();
    }
  });

  test('is the answer if the policies refuse, with the session tags that the hook is given', async () => {
    const { vault, reports } = stack();
    const seen: object[] = [];
    const { socket, id } = await stack().open();
    vault.setHooks({
      authorize: ({ service, action, callerArn, tags, permissions }) => {
        if (service === 'execute-api') seen.push({ action, callerArn, tags, permissions });
        return service !== 'execute-api';
      },
    });
    try {
      const before = reports('posted').length;
      socket.send(`post ${id}`);
      await expect.poll(() => reports('posted').slice(before)).toEqual(['AccessDeniedException']);
      expect(seen).toEqual([
        {
          action: 'PostToConnection',
          callerArn: expect.stringMatching(/role\/.*relay/),
          tags: {},
          permissions: [
            {
              action: 'execute-api:ManageConnections',
              resource: expect.stringMatching(new RegExp(`:execute-api:.*SocketApi\\w+/v1/POST/@connections/${id}$`)),
            },
          ],
        },
      ]);
    } finally {
      vault.setHooks();
      socket.close();
    }
  });
});

test('a lost response makes the client of the functions send again, so the device gets the message twice', async () => {
  const { vault } = stack();
  const { socket, received } = await stack().open();
  let drops = 1;
  vault.setHooks({ before: ({ service }) => (service === 'execute-api' && drops-- > 0 ? 'drop-after' : undefined) });
  socket.send('echo twice');
  await expect.poll(() => received).toEqual(['echo twice', 'echo twice']);
  vault.setHooks();
  socket.close();
});

test('no log has a ticket, a query or a message', async () => {
  const { vault } = stack();
  const canaries = ['t.CANARYTICKET', 'CANARYQUERY', 'CANARYFRAME', 'CANARYREASON', 'CANARYPOST', 'CANARYTYPE'];
  const { socket, next, closed, id } = await stack().open('?CANARYQUERY=1', ['anima.v1', 't.CANARYTICKET']);
  socket.send('echo CANARYFRAME');
  await next();
  socket.send('{"type":"CANARYTYPE"}');
  socket.send('throw CANARYFRAME');
  await next();
  await post(id, 'CANARYPOST');
  socket.close(4000, 'CANARYREASON');
  await closed;
  await expect(openSocket(`${stack().sockets.url}?does=refuse403&CANARYQUERY`, ['t.CANARYTICKET'])).rejects.toThrow(
    '403',
  );
  await expect.poll(() => vault.logs()).toContain(`"connectionId":"${id}","eventType":"DISCONNECT"`);
  const logs = vault.logs();
  for (const event of ['CONNECT', 'MESSAGE']) expect(logs).toContain(`"connectionId":"${id}","eventType":"${event}"`);
  expect(logs).toContain('"eventType":"CONNECT","routeKey":"$connect","status":"403"');
  for (const canary of canaries) expect(logs).not.toContain(canary);
});

test('functions get the addresses of this machine', async () => {
  const { sockets, reports } = stack();
  const { socket } = await stack().open();
  socket.send('environment');
  await expect.poll(() => reports('environment')).toEqual([[sockets.url, sockets.connectionsUrl]]);
  expect(sockets.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/v1$/);
  expect(sockets.connectionsUrl).toBe(sockets.url.replace('ws:', 'http:'));
  socket.close();
});
