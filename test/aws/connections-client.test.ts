/** The AWS SDK is the reference: the client of connections sends the same requests, and knows the same errors. */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ConnectionsClient } from '../../lambdas/aws/connections-client.ts';
import { type ReceivedRequest, testRegion, useScriptedServer } from './scripted-server.ts';
import { expectValidSignature, issuedCredentials } from './signature-oracles.ts';

const server = useScriptedServer();
const connectionId = fc.stringMatching(/^[\w-]{15}=$/);
const stage = fc.stringMatching(/^[\w-]{1,20}$/);
const runs = { numRuns: 40 };

beforeEach(() => vi.stubEnv('AWS_REGION', testRegion));

const clients = (path = '/v1') => {
  const url = `${server.url}${path}`;
  const reference = new ApiGatewayManagementApiClient({
    endpoint: url,
    region: testRegion,
    credentials: issuedCredentials,
    maxAttempts: 1,
  });
  return {
    reference,
    lean: new ConnectionsClient(url, server.options({ credentials: async () => issuedCredentials })),
  };
};

const essenceOf = ({ method, path, headers, body }: ReceivedRequest) => ({
  method,
  path,
  host: headers.host,
  token: headers['x-amz-security-token'],
  length: headers['content-length'] ?? '0',
  body,
});

async function expectSameRequests(): Promise<void> {
  const [expected, actual, ...more] = server.requests.splice(0);
  if (expected === undefined || actual === undefined) expect.fail('a request is missing');
  expect(more).toEqual([]);
  expect(essenceOf(actual)).toEqual(essenceOf(expected));
  // Both signatures, so that the verifiers are known to accept what AWS accepts.
  await expectValidSignature(expected, 'execute-api');
  await expectValidSignature(actual, 'execute-api');
}

describe('the client of connections', () => {
  test('posts what the SDK posts, validly signed', async () => {
    await fc.assert(
      fc.asyncProperty(stage, connectionId, fc.string({ unit: 'grapheme' }), async (name, ConnectionId, text) => {
        const { reference, lean } = clients(`/${name}`);
        server.answer({ body: '' });
        await reference.send(new PostToConnectionCommand({ ConnectionId, Data: text }));
        await lean.post(ConnectionId, text);
        await expectSameRequests();
      }),
      runs,
    );
  });

  test('ends the connection that the SDK ends, validly signed', async () => {
    await fc.assert(
      fc.asyncProperty(connectionId, async (ConnectionId) => {
        const { reference, lean } = clients();
        server.answer({ status: 204, body: '' });
        await reference.send(new DeleteConnectionCommand({ ConnectionId }));
        await lean.delete(ConnectionId);
        await expectSameRequests();
      }),
      runs,
    );
  });

  test.each([
    ['GoneException', 410],
    ['PayloadTooLargeException', 413],
    ['ForbiddenException', 403],
  ])('reports %s with its status %i, without a retry', async (name, status) => {
    const { reference, lean } = clients();
    server.answer({ status, headers: { 'x-amzn-errortype': name }, body: '{"message":"x"}' });
    const error = { name, $metadata: { httpStatusCode: status } };
    const ConnectionId = 'AAAAAAAAAAAAAAA=';
    await expect(reference.send(new PostToConnectionCommand({ ConnectionId, Data: 'x' }))).rejects.toMatchObject(error);
    server.requests.length = 0;
    await expect(lean.post(ConnectionId, 'x')).rejects.toMatchObject(error);
    expect(server.requests).toHaveLength(1);
  });

  test('tries again after LimitExceededException', async () => {
    const { lean } = clients();
    const limited = { status: 429, headers: { 'x-amzn-errortype': 'LimitExceededException' }, body: '{}' };
    server.answer(limited, { body: '' });
    await lean.post('AAAAAAAAAAAAAAA=', 'x');
    expect(server.requests).toHaveLength(2);
  });

  test('needs the region of the function', () => {
    vi.stubEnv('AWS_REGION', '');
    expect(() => clients()).toThrow('AWS_REGION');
  });
});
