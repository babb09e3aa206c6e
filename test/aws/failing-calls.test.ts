/** What happens to a call when the network, the clock, the credentials or the service fail. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { StoredApiKey } from '../../lambdas/api-keys/api-key-ports.ts';
import { DynamoApiKeys } from '../../lambdas/api-keys/stores/dynamo-api-keys.ts';
import { ClockOffset } from '../../lambdas/aws/clock-offset.ts';
import { type AwsCredentials, createEnvironmentCredentials } from '../../lambdas/aws/credentials.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { maxReplyBytes } from '../../lambdas/aws/http-exchange.ts';
import { KmsClient } from '../../lambdas/aws/kms-client.ts';
import { toAmzDate } from '../../lambdas/aws/signature-v4.ts';
import { mapTransientErrors } from '../../lambdas/shared/stores/aws-error-mapping.ts';
import { writeConditionally } from '../../lambdas/shared/stores/write-conditionally.ts';
import { settlesBefore } from '../shared/settles-before.ts';
import { jsonError, type ReceivedRequest, testCredentials, useScriptedServer } from './scripted-server.ts';

const server = useScriptedServer();
const key = { TableName: 'table', Key: { org: { S: 'org' } } };
const found = { body: '{"Item":{"org":{"S":"org"}}}' };
const item = { Item: { org: { S: 'org' } } };
const quickLimits = { attempts: 3, connectMs: 300, requestMs: 300 };
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'no error',
    (error: unknown) => (error instanceof VaultError ? error.code : (error as Error).name),
  );
const nameOf = (call: Promise<unknown>) =>
  call.then(
    () => 'no error',
    (error: Error) => error.name,
  );

/** Delays between attempts, without waiting for them. */
let delays: () => number;
beforeEach(() => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  delays = () => random.mock.calls.length;
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Ends the connection without a response, as after a suspension during which the service closed it. */
const reset = (response: ServerResponse): undefined => {
  response.socket?.resetAndDestroy();
};
const never = (): undefined => undefined;

describe('a connection that the service closed while the process was suspended', () => {
  test('costs no attempt and no delay: the call uses a new connection at once', async () => {
    const client = new DynamoClient(server.options({ limits: { ...quickLimits, attempts: 1 } }));
    server.answer(found);
    await client.getItem(key);
    server.answer(reset, found);
    expect(await client.getItem(key)).toEqual(item);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect(delays()).toBe(0);
  });

  test('is not tried again over another connection of the same age', async () => {
    const client = new DynamoClient(server.options({ limits: { ...quickLimits, attempts: 1 } }));
    server.answer((response) => {
      setTimeout(() => response.end(found.body), 30);
    });
    await Promise.all([client.getItem(key), client.getItem(key), client.getItem(key)]);
    expect(server.sockets).toHaveLength(3);
    for (const socket of server.sockets) socket.once('data', () => socket.resetAndDestroy());
    server.answer(found);
    expect(await client.getItem(key)).toEqual(item);
    expect(server.requests.at(-1)?.connection).toBe(4);
  });

  test('takes no longer than any other attempt, even if its end is noticed late', async () => {
    const client = new DynamoClient(server.options({ limits: { ...quickLimits, attempts: 1 } }));
    server.answer(found);
    await client.getItem(key);
    server.answer((response) => {
      setTimeout(() => response.socket?.resetAndDestroy(), 200);
      return undefined;
    }, never);
    const call = nameOf(client.getItem(key));
    // Not 200 ms and another 300.
    expect(await settlesBefore(450, call)).toBe(true);
    expect(await call).toBe('TimeoutError');
    expect(server.requests).toHaveLength(3);
  });

  test('is a failure if it was new: the call is repeated after a delay, as often as allowed', async () => {
    server.answer(reset);
    const client = new DynamoClient(server.options());
    expect(await nameOf(client.getItem(key))).toBe('ECONNRESET');
    expect(server.requests).toHaveLength(3);
    expect(delays()).toBe(2);
  });
});

test('after a time-out on a connection that was idle, no other connection of the same age is used', async () => {
  const client = new DynamoClient(server.options({ limits: { ...quickLimits, attempts: 2 } }));
  server.answer((response) => {
    setTimeout(() => response.end(found.body), 30);
  });
  await Promise.all([client.getItem(key), client.getItem(key), client.getItem(key)]);
  // The network has forgotten the connections: nothing that is sent over them is answered, and no end is reported.
  server.answer((_, { connection }) => (connection > 3 ? found : undefined));
  expect(await client.getItem(key)).toEqual(item);
  expect(server.requests.map(({ connection }) => connection).slice(3)).toEqual([expect.any(Number), 4]);
});

describe('throttling', () => {
  test.each([
    ['ThrottlingException', 400],
    ['ProvisionedThroughputExceededException', 400],
    ['RequestLimitExceeded', 400],
    ['AnythingElse', 429],
  ])('by %s with status %i is waited for, at random below a limit that doubles', async (name, status) => {
    vi.mocked(Math.random).mockReturnValue(0.02);
    const waited = vi.spyOn(performance, 'now');
    server.answer(jsonError(name, status), jsonError(name, status), found);
    const started = Date.now();
    expect(await new DynamoClient(server.options()).getItem(key)).toEqual(item);
    // 2% of 500 ms and of 1000 ms.
    expect(Date.now() - started).toBeGreaterThanOrEqual(29);
    expect(waited).toHaveBeenCalled();
    expect(server.requests).toHaveLength(3);
  });

  test('that does not end is reported as unavailable', async () => {
    server.answer(jsonError('ThrottlingException'));
    const call = mapTransientErrors('', () => new DynamoClient(server.options()).getItem(key));
    expect(await codeOf(call)).toBe('unavailable');
    expect(server.requests).toHaveLength(3);
  });
});

test.each([500, 502, 503, 504])('a server error with status %i is retried', async (status) => {
  server.answer({ status, body: '<html>' }, found);
  expect(await new DynamoClient(server.options()).getItem(key)).toEqual(item);
});

test.each([
  'ConditionalCheckFailedException',
  'ValidationException',
  'AccessDeniedException',
  'ResourceNotFoundException',
])('%s is final: there is one request', async (name) => {
  server.answer(jsonError(name));
  expect(await nameOf(new DynamoClient(server.options()).putItem({ TableName: 't', Item: {} }))).toBe(name);
  expect(server.requests).toHaveLength(1);
});

describe('a write that meets a transaction on the same item', () => {
  test('is retried', async () => {
    server.answer(jsonError('TransactionConflictException'), { body: '{}' });
    const write = () => new DynamoClient(server.options()).putItem({ TableName: 't', Item: {} });
    expect(await writeConditionally(write)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  test('that lasts is unavailable, and no failed condition', async () => {
    server.answer(jsonError('TransactionConflictException'));
    const write = () => new DynamoClient(server.options()).putItem({ TableName: 't', Item: {} });
    expect(await codeOf(writeConditionally(write))).toBe('unavailable');
  });
});

describe('a clock that differs from that of AWS by an hour', () => {
  const hour = 3_600_000;
  const serverNow = () => Date.now() + hour;
  /** Refuses signatures that are more than five minutes away from the time of the service. */
  const strict =
    (name: string) =>
    (response: ServerResponse, { headers }: ReceivedRequest) => {
      response.setHeader('date', new Date(serverNow()).toUTCString());
      const accepted = [-1, 0, 1, 2].map((seconds) => toAmzDate(serverNow() - seconds * 1000));
      return accepted.includes(String(headers['x-amz-date'])) ? found : jsonError(name);
    };

  test.each(['InvalidSignatureException', 'RequestTimeTooSkewed', 'SignatureDoesNotMatch', 'RequestExpired'])(
    'is corrected after %s, and the call succeeds without a delay',
    async (name) => {
      const clock = new ClockOffset();
      server.answer(strict(name));
      const client = new DynamoClient(server.options({ clock, limits: { ...quickLimits, attempts: 1 } }));
      expect(await client.getItem(key)).toEqual(item);
      expect(server.requests).toHaveLength(2);
      // All further calls, also of other clients, use the corrected time.
      await new DynamoClient(server.options({ clock })).getItem(key);
      expect(server.requests).toHaveLength(3);
      expect(delays()).toBe(0);
    },
  );

  test('is corrected once in a call: a signature that is wrong for another reason stays refused', async () => {
    server.answer((response) => {
      response.setHeader(
        'date',
        new Date(Date.now() + Math.random() * 10 + hour * server.requests.length).toUTCString(),
      );
      return jsonError('InvalidSignatureException');
    });
    expect(await nameOf(new DynamoClient(server.options()).getItem(key))).toBe('InvalidSignatureException');
    expect(server.requests).toHaveLength(2);
  });

  test('is not assumed if the time of the service is right', async () => {
    server.answer(jsonError('InvalidSignatureException', 400, { date: new Date().toUTCString() }));
    expect(await nameOf(new DynamoClient(server.options()).getItem(key))).toBe('InvalidSignatureException');
    expect(server.requests).toHaveLength(1);
  });
});

describe('credentials that expire while a call is on its way', () => {
  const second: AwsCredentials = { accessKeyId: 'AKIASECOND', secretAccessKey: 'b' };
  const accepts =
    (accessKeyId: string) =>
    (_: ServerResponse, { headers }: ReceivedRequest) =>
      headers.authorization?.includes(`${accessKeyId}/`) ? found : jsonError('ExpiredTokenException');

  test('are renewed once, and the call succeeds without a delay', async () => {
    const rejected: unknown[] = [];
    const credentials = async (request?: { readonly rejected?: AwsCredentials | undefined }) => {
      rejected.push(request?.rejected);
      return request?.rejected === undefined ? testCredentials : second;
    };
    server.answer(accepts('AKIASECOND'));
    const client = new DynamoClient(server.options({ credentials, limits: { ...quickLimits, attempts: 1 } }));
    expect(await client.getItem(key)).toEqual(item);
    expect(rejected).toEqual([undefined, testCredentials]);
    expect(delays()).toBe(0);
  });

  test('that stay expired end the call', async () => {
    server.answer(accepts('NOBODY'));
    expect(await nameOf(new DynamoClient(server.options()).getItem(key))).toBe('ExpiredTokenException');
    expect(server.requests).toHaveLength(2);
  });

  test('of the environment are read again', async () => {
    const env: NodeJS.ProcessEnv = { AWS_ACCESS_KEY_ID: 'AKIAFIRST', AWS_SECRET_ACCESS_KEY: 'a' };
    const client = new DynamoClient(server.options({ credentials: createEnvironmentCredentials(env) }));
    server.answer(accepts('AKIAFIRST'));
    await client.getItem(key);
    server.answer(accepts('AKIASECOND'));
    env.AWS_ACCESS_KEY_ID = 'AKIASECOND';
    expect(await client.getItem(key)).toEqual(item);
    expect(server.requests).toHaveLength(3);
  });

  test('that are missing in the environment are an error that names them, not a request', async () => {
    const client = new DynamoClient(server.options({ credentials: createEnvironmentCredentials({}) }));
    await expect(client.getItem(key)).rejects.toThrow('the environment lacks AWS credentials');
    expect(server.requests).toHaveLength(0);
  });
});

describe('a time-out after the commit', () => {
  const apiKey = { org: 'org', id: 'id', role: 'agent', createdAt: '2026', hash: 'h', mac: 'm' } as StoredApiKey;
  const keys = (attempts: number) => {
    const client = new DynamoClient(server.options({ limits: { ...quickLimits, attempts } }));
    return new DynamoApiKeys(() => client, 'table');
  };

  test('is retried, and the conditional write recognizes its own first attempt', async () => {
    server.answer(never, { body: '{}' });
    await keys(3).create(apiKey);
    const [first, again] = server.requests.map(({ body }) => JSON.parse(body));
    expect(again).toEqual(first);
    // The condition accepts the item that the first attempt stored.
    expect(first.ConditionExpression).toBe('attribute_not_exists(#id) OR #hash = :hash');
  });

  test('of every attempt is unavailable with an unknown outcome, never a success or a failed condition', async () => {
    server.answer(never);
    const started = Date.now();
    expect(await codeOf(keys(2).create(apiKey))).toBe('unavailable');
    expect(server.requests).toHaveLength(2);
    expect(Date.now() - started).toBeGreaterThanOrEqual(2 * quickLimits.requestMs - 20);
  });

  test('closes its connection, so that a late response answers no other call', async () => {
    server.answer((response) => void setTimeout(() => response.end('{"Item":{"late":{"S":"x"}}}'), 400), found);
    const client = new DynamoClient(server.options({ limits: { ...quickLimits, requestMs: 200 } }));
    expect(await client.getItem(key)).toEqual(item);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  test('ends at the limit that the caller sets for all attempts together', async () => {
    server.answer(never);
    const client = new DynamoClient(server.options());
    const call = nameOf(client.putItem({ TableName: 't', Item: {} }, { timeoutMs: 150 }));
    expect(await settlesBefore(1500, call)).toBe(true);
    expect(await call).toBe('TimeoutError');
    expect(server.requests).toHaveLength(1);
  });
});

describe('a response that was cut off', () => {
  const cutAt =
    (announced: number) =>
    (response: ServerResponse): undefined => {
      response.writeHead(200, { 'content-length': announced });
      response.write(found.body.slice(0, 10));
      setTimeout(() => response.socket?.destroy(), 20);
    };

  test.each([
    ['before the announced length', cutAt(found.body.length)],
    [
      'before the last chunk',
      (response: ServerResponse): undefined => {
        response.writeHead(200, { 'transfer-encoding': 'chunked' });
        response.write(found.body);
        setTimeout(() => response.socket?.destroy(), 20);
      },
    ],
    ['without an announced length', { headers: { connection: 'close' }, body: found.body.slice(0, 10) }],
    ['to JSON that is no object', { body: 'null' }],
    ['to a list', { body: '[{"Item":{}}]' }],
    ['or altered, against its CRC-32', { headers: { 'x-amz-crc32': String(crc32(found.body) ^ 1) }, body: found.body }],
  ])('%s is read again', async (_, answer) => {
    server.answer(answer, { headers: { 'x-amz-crc32': String(crc32(found.body)) }, body: found.body });
    expect(await new DynamoClient(server.options()).getItem(key)).toEqual(item);
    expect(server.requests).toHaveLength(2);
  });

  test('and had a key in it: what has arrived is zeroed', async () => {
    const arrived: Buffer[] = [];
    const collect = (message: unknown) =>
      (message as { response: IncomingMessage }).response.on('data', (chunk: Buffer) => arrived.push(chunk));
    subscribe('http.client.response.finish', collect);
    server.answer((response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"Plaintext":"c2VjcmV0');
      setTimeout(() => response.socket?.destroy(), 20);
      return undefined;
    });
    const kms = new KmsClient(server.options({ limits: { ...quickLimits, attempts: 1 } }));
    expect(await nameOf(kms.decrypt({ CiphertextBlob: new Uint8Array(4) }))).toBe('ECONNRESET');
    unsubscribe('http.client.response.finish', collect);
    const bytes = Buffer.concat(arrived);
    expect(bytes).toHaveLength(22);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test('behind a key: the key that was read is zeroed', async () => {
    const alloc = vi.spyOn(Buffer, 'alloc');
    server.answer({ body: '{"Plaintext":"c2VjcmV0c2VjcmV0","KeyId":"' });
    const kms = new KmsClient(server.options({ limits: { ...quickLimits, attempts: 1 } }));
    expect(await nameOf(kms.decrypt({ CiphertextBlob: new Uint8Array(4) }))).toBe('DamagedReply');
    const keys = alloc.mock.results.flatMap(({ value }) => (value.length === 12 ? [value as Buffer] : []));
    expect(keys.map((read) => read.toString('hex'))).toEqual(['00'.repeat(12)]);
  });

  test('each time is unavailable', async () => {
    server.answer({ body: '{"Plaintext":"AAAA' });
    const kms = new KmsClient(server.options());
    const call = mapTransientErrors('', () => kms.decrypt({ CiphertextBlob: new Uint8Array(4) }));
    expect(await codeOf(call)).toBe('unavailable');
    expect(server.requests).toHaveLength(3);
  });
});

test('a response without an end is abandoned, and takes memory up to a limit only', async () => {
  let sent = 0;
  let closed = 0;
  server.answer((response) => {
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    response.on('close', () => closed++);
    const more = (): void => {
      while (!response.destroyed && sent < 2 * maxReplyBytes) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
    };
    response.writeHead(200);
    more();
    return undefined;
  });
  const client = new DynamoClient(server.options({ limits: { attempts: 1, connectMs: 5000, requestMs: 5000 } }));
  expect(await nameOf(client.getItem(key))).toBe('ReplyTooLarge');
  await vi.waitFor(() => expect(closed).toBe(1));
  expect(sent).toBeLessThan(2 * maxReplyBytes);
});

test('a service that cannot be reached is unavailable', async () => {
  const location = { protocol: 'http:', hostname: '127.0.0.1', port: '1', region: 'us-east-1' } as const;
  const call = mapTransientErrors('', () => new DynamoClient(server.options({ location })).getItem(key));
  expect(await codeOf(call)).toBe('unavailable');
});

test('all clients of a process use the same connections', async () => {
  server.answer(found);
  await new DynamoClient(server.options()).getItem(key);
  await new DynamoClient(
    server.options({ credentials: async () => ({ ...testCredentials, accessKeyId: 'B' }) }),
  ).getItem(key);
  await new KmsClient(server.options()).generateMac({
    KeyId: 'k',
    Message: new Uint8Array(1),
    MacAlgorithm: 'HMAC_SHA_256',
  });
  expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 1]);
});
