/** A service that answers as a test says, and records what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { ClockOffset } from '../../lambdas/aws/clock-offset.ts';
import type { AwsCredentials } from '../../lambdas/aws/credentials.ts';
import type { CallLimits, ServiceOptions } from '../../lambdas/aws/signed-service.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Number of the connection, from 1. */
  readonly connection: number;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A reply, or a function that ends the exchange in its own way. */
type Answer = Reply | ((response: ServerResponse, request: ReceivedRequest) => Reply | undefined);

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  readonly requests: ReceivedRequest[];
  readonly sockets: Socket[];
  /** Answers in this order. The last one is repeated. */
  answer(...answers: Answer[]): void;
  /** Client options with this server as endpoint, and a clock of their own. */
  options(more?: Partial<ServiceOptions>): ServiceOptions;
}

export const testCredentials: AwsCredentials = {
  accessKeyId: 'AKIATEST',
  secretAccessKey: 'secret/of+the=tests',
  sessionToken: 'token+of/the=session',
};

export const testRegion = 'us-east-1';
const limits: CallLimits = { attempts: 3, connectMs: 1000, requestMs: 2000 };

export function useScriptedServer(): ScriptedServer {
  let answers: Answer[] = [];
  const requests: ReceivedRequest[] = [];
  const sockets: Socket[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request: ReceivedRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
        connection: sockets.indexOf(incoming.socket) + 1,
      };
      requests.push(request);
      const [answer = {}] = answers.length > 1 ? answers.splice(0, 1) : answers;
      const reply = typeof answer === 'function' ? answer(response, request) : answer;
      if (reply !== undefined) response.writeHead(reply.status ?? 200, reply.headers ?? {}).end(reply.body ?? '{}');
    });
  });
  server.on('connection', (socket) => sockets.push(socket));
  server.keepAliveTimeout = 0;
  const scripted = {
    port: 0,
    url: '',
    requests,
    sockets,
    answer: (...next: Answer[]) => {
      answers = next;
    },
    options: (more: Partial<ServiceOptions> = {}): ServiceOptions => ({
      credentials: async () => testCredentials,
      limits,
      location: { protocol: 'http:', hostname: '127.0.0.1', port: String(scripted.port), region: testRegion },
      clock: new ClockOffset(),
      ...more,
    }),
  };
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    scripted.port = (server.address() as AddressInfo).port;
    scripted.url = `http://127.0.0.1:${scripted.port}`;
  });
  beforeEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    requests.length = 0;
    answers = [];
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return scripted;
}

/** An error of a JSON service. */
export const jsonError = (type: string, status = 400, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  body: JSON.stringify({ __type: `com.amazonaws.test#${type}`, message: 'quotes the request' }),
});
