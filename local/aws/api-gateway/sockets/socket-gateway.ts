/**
 * Executes the routes of a WebSocket API for connections, messages and disconnections.
 * Source: API Gateway developer guide, "Overview of WebSocket APIs in API Gateway".
 */
import type { IncomingMessage } from 'node:http';
import type { SocketApiSpec, SocketRouteSpec } from '../../cloudformation/socket-api-spec.ts';
import type { FunctionDirectory } from '../../lambda/function-directory.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { Connection, ConnectionEnd } from './connection.ts';
import { executeRoute, type RouteResult } from './route-execution.ts';
import { selectRoute } from './route-selection.ts';
import { compileSocketAccessLog } from './socket-access-log.ts';
import {
  type ApiIdentity,
  type ConnectionIdentity,
  connectEvent,
  disconnectEvent,
  type EventType,
  messageEvent,
  newRequestId,
  type RouteCall,
} from './socket-event.ts';
import { createThrottle } from './token-bucket.ts';

export interface SocketGatewayOptions {
  readonly api: SocketApiSpec;
  readonly domainName: string;
  readonly functions: Pick<FunctionDirectory, 'invoke'>;
  readonly now: () => number;
  readonly onAccess: (line: string) => void;
}

interface Route {
  readonly spec: SocketRouteSpec;
  readonly allows: (now: number) => boolean;
}

const notExecuted = (status: number): RouteResult => ({ status, body: '', failed: true, integrationMs: 0 });

/** The messages of the gateway to a client whose message it could not process. */
const errorMessages: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  429: 'Too Many Requests',
  504: 'Endpoint request timed out',
};

export class SocketGateway {
  readonly #options: SocketGatewayOptions;
  readonly #identity: ApiIdentity;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #routeKeys: ReadonlySet<string>;
  readonly #accessLine: ReturnType<typeof compileSocketAccessLog> | undefined;

  constructor(options: SocketGatewayOptions) {
    const { api, domainName } = options;
    this.#options = options;
    this.#identity = { apiId: api.apiId, stageName: api.stageName, domainName };
    this.#routes = new Map(
      api.routes.map((spec) => [spec.routeKey, { spec, allows: createThrottle(spec.throttling) }] as const),
    );
    this.#routeKeys = new Set(this.#routes.keys());
    this.#accessLine = api.accessLogFormat === undefined ? undefined : compileSocketAccessLog(api.accessLogFormat);
  }

  /** Whether the connection may be established: the status is 2xx. An API without `$connect` accepts every one. */
  async connect(connection: ConnectionIdentity, message: IncomingMessage): Promise<RouteResult> {
    const call = this.#newCall('CONNECT', '$connect', connection);
    return await this.#execute(call, () => connectEvent(this.#identity, call, message));
  }

  /** Executes the route of a message, and sends the answer of a two-way route, or why the message failed. */
  async message(connection: Connection, text: string): Promise<void> {
    const routeKey = selectRoute(this.#routeKeys, this.#options.api.routeSelection, text);
    const call = this.#newCall('MESSAGE', routeKey ?? '$default', connection.identity);
    const result = await this.#execute(call, () => messageEvent(this.#identity, call, text));
    const answer = result.failed === true ? failureMessage(result.status, call) : result.body;
    const isSent = result.failed === true || this.#routes.get(call.routeKey)?.spec.isTwoWay === true;
    if (isSent && answer !== '' && connection.isOpen) connection.send(Buffer.from(answer));
  }

  async disconnect(connection: ConnectionIdentity, { code, reason }: ConnectionEnd): Promise<void> {
    if (!this.#routes.has('$disconnect')) return;
    const call = this.#newCall('DISCONNECT', '$disconnect', connection);
    await this.#execute(call, () => disconnectEvent(this.#identity, call, code, reason));
  }

  #newCall(eventType: EventType, routeKey: string, connection: ConnectionIdentity): RouteCall {
    return { eventType, routeKey, requestId: newRequestId(), receivedAt: this.#options.now(), connection };
  }

  async #execute(call: RouteCall, event: () => JsonObject): Promise<RouteResult> {
    const route = this.#routes.get(call.routeKey);
    let result: RouteResult;
    if (route === undefined) {
      result = call.eventType === 'CONNECT' ? { status: 200, body: '', integrationMs: 0 } : notExecuted(403);
    } else if (route.allows(call.receivedAt)) {
      result = await executeRoute(route.spec, this.#options.functions, event);
    } else result = notExecuted(429);
    const { status, integrationMs } = result;
    const line = this.#accessLine?.({ api: this.#identity, call, status, integrationMs });
    if (line !== undefined) this.#options.onAccess(line);
    return result;
  }
}

const failureMessage = (status: number, { requestId, connection: { connectionId } }: RouteCall): string =>
  JSON.stringify({ message: errorMessages[status] ?? 'Internal server error', connectionId, requestId });
