/**
 * The server of a WebSocket API: upgrade requests at `/<stage>`, and the management API at
 * `/<stage>/@connections/<id>`, as the host of a WebSocket API on AWS.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  type CallInterception,
  createSignedServiceListener,
  type SignedServiceServerOptions,
} from '../../endpoint/signed-service-server.ts';
import { failureLine } from '../../shared/failure-log-line.ts';
import { type ConnectionTimeouts, closeServer, listenOnLoopback } from '../../shared/loopback-server.ts';
import { contain } from '../../shared/uncaught-errors.ts';
import { Connection, gatewayEnds, meterFrames } from './connection.ts';
import { ConnectionRegistry } from './connection-registry.ts';
import { connectionsEngine } from './connections-engine.ts';
import { SocketClock } from './socket-clock.ts';
import { type ConnectionIdentity, connectionIdentity } from './socket-event.ts';
import { SocketGateway, type SocketGatewayOptions } from './socket-gateway.ts';
import { maxMessageBytes, maxUrlLength } from './socket-quotas.ts';
import { refuseUpgrade } from './upgrade-refusal.ts';

/** How often time limits are checked. Tests move the clock, which checks them at once. */
const checkMs = 1000;
/** How long a client has to answer a close frame. The types of the library lack this option. */
const timeLimits = { closeTimeout: 2000 };

export interface SocketServerOptions
  extends CallInterception,
    Pick<SocketGatewayOptions, 'api' | 'functions' | 'onAccess'>,
    Pick<SignedServiceServerOptions, 'credentials'> {
  readonly port: number;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

export class SocketServer {
  /** `127.0.0.1:<port>` */
  readonly domainName: string;
  readonly #options: SocketServerOptions;
  readonly #server: Server;
  readonly #clock: SocketClock;
  readonly #registry: ConnectionRegistry;
  readonly #gateway: SocketGateway;
  readonly #upgrader: WebSocketServer;
  readonly #timer: NodeJS.Timeout;
  /** Sockets of upgrade requests and connections. The HTTP server does not close them. */
  readonly #sockets = new Set<Duplex>();
  #isClosing = false;

  constructor(options: SocketServerOptions, server: Server, port: number, registry: ConnectionRegistry) {
    this.domainName = `127.0.0.1:${port}`;
    this.#options = options;
    this.#server = server;
    this.#registry = registry;
    this.#clock = new SocketClock();
    const now = () => this.#clock.now();
    this.#gateway = new SocketGateway({ ...options, domainName: this.domainName, now });
    this.#upgrader = new WebSocketServer({
      ...timeLimits,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      // The function chooses the subprotocol, not the library.
      handleProtocols: () => false,
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#timer = setInterval(() => registry.endOverdue(now()), checkMs).unref();
  }

  /** IDs of the established connections. */
  connectionIds(): readonly string[] {
    return this.#registry.list().map(({ identity }) => identity.connectionId);
  }

  /** Moves the clock of the connections forward, and ends those that reach a time limit. */
  advanceClock(ms: number): void {
    this.#clock.advance(ms);
    this.#registry.endOverdue(this.#clock.now());
  }

  /** Closes all connections with the code 1001, without `$disconnect`, as when a gateway fails. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    for (const connection of this.#registry.list()) connection.close(gatewayEnds.goingAway);
    const closed = closeServer(this.#server);
    // A connected client has received the close frame by then.
    setTimeout(() => this.#destroySockets(), 100);
    await closed;
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    // The timeout for stalled requests. A connection can be idle for longer.
    request.socket.setTimeout(0);
    contain(
      () => this.#connect(request, socket, head),
      (error) => this.#log(error),
    ).catch((error: unknown) => {
      this.#log(error);
      socket.destroy();
    });
  }

  async #connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const refusal = this.#isClosing ? 503 : handshakeError(request, this.#options.api.stageName);
    if (refusal !== undefined) return refuseUpgrade(socket, refusal);
    const identity = connectionIdentity(request, this.#clock.now());
    const { status, subprotocol } = await this.#gateway.connect(identity, request);
    if (status < 200 || status > 299) return refuseUpgrade(socket, status);
    // Until here, the connection is pending and cannot be found by its ID.
    if (this.#isClosing) return refuseUpgrade(socket, 503);
    const isEstablished = this.#establish(identity, request, socket, head, subprotocol);
    if (!isEstablished)
      await this.#gateway.disconnect(identity, { code: 1006, reason: 'Connection Closed Abnormally' });
  }

  /** Returns false if the client has left. */
  #establish(
    identity: ConnectionIdentity,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    subprotocol: string | undefined,
  ): boolean {
    let connection: Connection | undefined;
    const meter = meterFrames(socket, () => connection?.close(gatewayEnds.tooLarge));
    const addSubprotocol = (headers: string[], upgraded: IncomingMessage): void => {
      if (upgraded === request && subprotocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
    };
    this.#upgrader.once('headers', addSubprotocol);
    // The callback is called within this call, or never.
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const opened = new Connection(identity, webSocket, meter, () => this.#clock.now(), {
        message: (text) => this.#contained(() => this.#gateway.message(opened, text)),
        ended: (end) => {
          this.#registry.remove(identity.connectionId);
          if (!this.#isClosing) void this.#contained(() => this.#gateway.disconnect(identity, end));
        },
      });
      connection = opened;
      this.#registry.add(opened);
    });
    this.#upgrader.off('headers', addSubprotocol);
    return connection !== undefined;
  }

  async #contained(run: () => Promise<void>): Promise<void> {
    await contain(run, (error) => this.#log(error)).catch((error: unknown) => this.#log(error));
  }

  #log(error: unknown): void {
    this.#options.onError(failureLine({ engine: 'sockets' }, error));
  }
}

/** The status with which a request is refused before `$connect`; undefined if it opens a connection of the stage. */
function handshakeError({ method, url = '', headers }: IncomingMessage, stageName: string): number | undefined {
  if (url.length > maxUrlLength) return 414;
  const [path] = url.split('?');
  if (path !== `/${stageName}` && path !== `/${stageName}/`) return 403;
  const isHandshake =
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  return isHandshake ? undefined : 400;
}

/** @throws LocalError if the port is in use */
export async function startSocketServer(options: SocketServerOptions): Promise<SocketServer> {
  const registry = new ConnectionRegistry();
  const listener = createSignedServiceListener({ ...options, engines: [connectionsEngine(options.api, registry)] });
  const { server, port } = await listenOnLoopback(listener, {
    port: options.port,
    option: '--socket-port',
    timeouts: options.timeouts,
  });
  return new SocketServer(options, server, port, registry);
}
