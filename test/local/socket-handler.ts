/**
 * The function of the assembly of socket-assembly.ts. It serves the HTTP routes that the local vault calls at its start,
 * and the routes of the WebSocket API. The query parameter `does` of a connection says what `$connect` does.
 */
import { callLimits } from '../../lambdas/aws/call-limits.ts';
import { ConnectionsClient } from '../../lambdas/aws/connections-client.ts';
import { createEnvironmentCredentials } from '../../lambdas/aws/credentials.ts';

interface SocketEvent {
  readonly headers?: Record<string, string>;
  readonly queryStringParameters?: Record<string, string>;
  readonly requestContext: { readonly routeKey: string; readonly connectionId: string; readonly eventType: string };
  readonly body?: string;
}

const client = () =>
  new ConnectionsClient(process.env.ANIMA_CONNECTIONS_URL ?? '', {
    credentials: createEnvironmentCredentials(),
    limits: callLimits,
  });

/** Reports to the provider emulator, which the test reads. */
const report = async (subject: string, value: unknown): Promise<void> => {
  const url = `${process.env.ANIMA_PROVIDER_APIS}/slack/api/chat.postMessage`;
  await fetch(url, { method: 'POST', body: JSON.stringify({ subject, value }) });
};

/** Posts to a connection and returns the name of the error, if there is one. */
const tryToPost = (connectionId: string, text: string): Promise<string> =>
  client()
    .post(connectionId, text)
    .then(
      () => 'sent',
      (error: unknown) => (error instanceof Error ? error.name : 'no error'),
    );

const connectBehaviors: Readonly<Record<string, (event: SocketEvent) => Promise<object | null>>> = {
  refuse401: async () => ({ statusCode: 401 }),
  refuse403: async () => ({ statusCode: 403 }),
  refuse410: async () => ({ statusCode: 410 }),
  'no-status': async () => ({}),
  nothing: async () => null,
  throw: async () => {
    throw new RangeError('thrown on purpose');
  },
  exit: async () => process.exit(3),
  'no-subprotocol': async () => ({ statusCode: 200 }),
  'post-to-itself': async ({ requestContext }) => {
    await report('pending', await tryToPost(requestContext.connectionId, 'too early'));
    return { statusCode: 200 };
  },
  wait: async () => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    return { statusCode: 200 };
  },
};

async function connect(event: SocketEvent): Promise<object | null> {
  const { does = '' } = event.queryStringParameters ?? {};
  if (does === 'report') await report('connect', event);
  const behavior = connectBehaviors[does];
  if (behavior !== undefined) return await behavior(event);
  const offered = Object.entries(event.headers ?? {}).find(([name]) => name.toLowerCase() === 'sec-websocket-protocol');
  const echo = offered?.[1].split(/, */).includes('anima.v1');
  return { statusCode: 200, headers: echo === true ? { 'sec-WebSocket-protocol': 'anima.v1' } : {} };
}

async function message(event: SocketEvent): Promise<object> {
  const { connectionId } = event.requestContext;
  const text = event.body ?? '';
  const [verb = '', argument = ''] = text.split(' ');
  if (verb === 'throw') throw new RangeError('thrown on purpose');
  if (verb === 'report') await report('message', event);
  if (verb === 'environment')
    await report('environment', [process.env.ANIMA_SOCKET_URL, process.env.ANIMA_CONNECTIONS_URL]);
  if (verb === 'count') counted.push(argument);
  if (verb === 'counted') await report('counted', counted.splice(0));
  if (verb === 'echo') await client().post(connectionId, `echo ${argument}`);
  if (verb === 'length') await client().post(connectionId, String(Buffer.byteLength(text)));
  if (verb === 'burst') for (let n = 0; n < Number(argument); n++) await client().post(connectionId, String(n));
  if (verb === 'leave') await client().delete(connectionId);
  if (verb === 'post') await report('posted', await tryToPost(argument, 'hello'));
  return { statusCode: 200, body: 'sent if the route has a response' };
}

/** Arguments of `count`, in the order of the invocations. */
const counted: string[] = [];

const httpBodies: Readonly<Record<string, object>> = {
  'POST /v1/orgs': { org: 'org1', adminKey: { key: 'key_admin' } },
  'POST /v1/keys': { key: 'key_agent' },
  'GET /page': {},
};

export async function handler(event: SocketEvent & { readonly routeKey?: string }): Promise<unknown> {
  if (event.routeKey !== undefined) {
    const body = JSON.stringify(httpBodies[event.routeKey] ?? {});
    return { statusCode: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const { eventType } = event.requestContext;
  if (eventType === 'CONNECT') return await connect(event);
  if (eventType === 'MESSAGE') return await message(event);
  await report('disconnect', event.requestContext);
  return { statusCode: 200 };
}
