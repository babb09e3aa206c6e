/**
 * A CloudFront emulator. It serves the template's distribution with the same edge function and the same headers.
 * Because the emulator uses plain HTTP, there are two differences: `https://` origins of the distribution and of
 * buckets are replaced with local origins, and HSTS is not sent.
 */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { Script } from 'node:vm';
import type { CacheBehavior, DistributionSpec } from '../cloudformation/distribution-spec.ts';
import { failureLine } from '../shared/failure-log-line.ts';
import { isObject } from '../shared/json.ts';
import { type ConnectionTimeouts, closeServer, listenOnLoopback } from '../shared/loopback-server.ts';
import { contain } from '../shared/uncaught-errors.ts';

/** A line of the distribution's access log. Tests check that it never contains a key. */
export interface DistributionRequest {
  readonly method: string;
  /** As received, with the query. */
  readonly path: string;
  readonly status: number;
  readonly referer: string | undefined;
}

interface ServeOptions {
  readonly apiUrl: string;
  /** Local origins by AWS origin, for replacement in header values. */
  readonly origins: ReadonlyMap<string, string>;
  readonly onError: (message: string) => void;
}

export interface DistributionServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The latest requests, oldest first. */
  log(): readonly DistributionRequest[];
  /** Starts to serve the distribution. Until then, every response is 503, because the port is opened first. */
  serve(spec: DistributionSpec, options: ServeOptions): void;
  close(): Promise<void>;
}

const maxLoggedRequests = 10_000;
/**
 * CloudFront stops a function after about one millisecond. The limit here is higher, because a busy machine can be
 * slow.
 */
const edgeFunctionTimeoutMs = 1000;

interface CompiledBehavior extends Omit<CacheBehavior, 'functionCode' | 'headers'> {
  readonly matches: (path: string) => boolean;
  readonly run: ((request: EdgeRequest) => EdgeRequest | EdgeResponse) | undefined;
  readonly headers: OutgoingHttpHeaders;
}

interface EdgeRequest {
  readonly method: string;
  readonly uri: string;
}

interface EdgeResponse {
  readonly statusCode: number;
  readonly headers: OutgoingHttpHeaders;
}

/** @param requestedPort 0 selects a free port */
export async function startDistributionServer(
  requestedPort: number,
  timeouts?: Partial<ConnectionTimeouts>,
): Promise<DistributionServer> {
  let behaviours: readonly CompiledBehavior[] = [];
  let options: ServeOptions = { apiUrl: '', origins: new Map(), onError: () => {} };
  let requests: DistributionRequest[] = [];
  const { server, port } = await listenOnLoopback(
    (message, response) => {
      response.once('close', () => {
        requests.push({
          method: message.method ?? '',
          path: message.url ?? '',
          status: response.statusCode,
          referer: message.headers.referer,
        });
        if (requests.length > 2 * maxLoggedRequests) requests = requests.slice(-maxLoggedRequests);
      });
      const log = (error: unknown) => options.onError(failureLine({ engine: 'page' }, error));
      contain(async () => {
        const [uri = '/'] = (message.url ?? '/').split('?');
        const behaviour = behaviours.find(({ matches }) => matches(uri));
        const answer = resolveResponse(behaviour, message.method ?? '', uri);
        if (answer === 'api' && behaviour !== undefined) await proxyToApi(options.apiUrl, behaviour, message, response);
        else if (answer !== 'api') send(response, answer, message.method !== 'HEAD');
      }, log).catch((error: unknown) => {
        log(error);
        send(response, { status: 503 });
      });
    },
    { port: requestedPort, option: '--page-port', timeouts },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => [...requests],
    serve(spec, told) {
      options = told;
      behaviours = spec.behaviours.map((behaviour) => compileBehavior(behaviour, told.origins));
    },
    close: () => closeServer(server),
  };
}

function compileBehavior(
  { functionCode, headers, ...rest }: CacheBehavior,
  origins: ReadonlyMap<string, string>,
): CompiledBehavior {
  const source = rest.pathPattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(`^${source}$`);
  return {
    ...rest,
    matches: (path) => pattern.test(path),
    run: functionCode === undefined ? undefined : compileEdgeFunction(functionCode),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, replaceOrigins(value, origins)])),
  };
}

/** Replaces every occurrence of an AWS origin with the local origin. */
export const replaceOrigins = (text: string, origins: ReadonlyMap<string, string>): string =>
  [...origins].reduce((result, [from, to]) => result.replaceAll(from, to), text);

/**
 * Compiles an edge function. It runs in a separate context without Node.js APIs and returns a request or a response.
 */
function compileEdgeFunction(code: string): NonNullable<CompiledBehavior['run']> {
  const script = new Script(`${code}\n;JSON.stringify(handler(JSON.parse(event)))`);
  return (request) => {
    const event = JSON.stringify({ version: '1.0', context: { eventType: 'viewer-request' }, request });
    const result: unknown = JSON.parse(String(script.runInNewContext({ event }, { timeout: edgeFunctionTimeoutMs })));
    if (isObject(result)) {
      const { method, uri, statusCode, headers } = result;
      if (typeof statusCode === 'number') return { statusCode, headers: edgeHeadersOf(headers) };
      if (typeof method === 'string' && typeof uri === 'string') return { method, uri };
    }
    throw new Error('a function of the distribution returned neither a request nor a response');
  };
}

/** Headers of a response of an edge function: an object of `{ value }` by name. */
const edgeHeadersOf = (headers: unknown): OutgoingHttpHeaders =>
  Object.fromEntries(
    Object.entries(isObject(headers) ? headers : {}).map(([name, held]) => [
      name,
      String(isObject(held) ? held.value : ''),
    ]),
  );

interface DistributionResponse {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
}

/** The response that CloudFront generates without the API, or the instruction to forward the request to the API. */
function resolveResponse(
  behaviour: CompiledBehavior | undefined,
  method: string,
  uri: string,
): DistributionResponse | 'api' {
  if (behaviour === undefined) return { status: 503 };
  const { headers, files } = behaviour;
  if (!behaviour.allowedMethods.includes(method)) return { status: 403, headers };
  const result = behaviour.run?.({ method, uri }) ?? { method, uri };
  if ('statusCode' in result) return { status: result.statusCode, headers: { ...headers, ...result.headers } };
  if (behaviour.target === 'api') return 'api';
  const file = files.get(result.uri);
  // S3 sends 403 to a caller that has permission to read objects but not to list them.
  if (file === undefined) return { status: 403, headers };
  return { status: 200, headers: { 'content-type': file.type, ...headers }, body: file.content };
}

function send(response: ServerResponse, { status, headers, body }: DistributionResponse, withBody = true): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { ...headers, 'content-length': body?.length ?? 0 }).end(withBody ? body : undefined);
}

/** Headers of the message itself. They are forwarded whatever the policy is. */
const messageHeaders = ['content-length', 'transfer-encoding', 'cookie'];

/** Headers of the viewer's connection (RFC 9110, section 7.6.1), and the host that the viewer asked. */
const connectionHeaders = ['connection', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'];

/** The header in which CloudFront sends the address and port of the viewer. IPv6 addresses have no brackets. */
const viewerAddressHeader = 'cloudfront-viewer-address';

/**
 * The headers that the API receives: those of the viewer that the policy names, then those of CloudFront. A viewer's
 * header with the name of one of CloudFront's is replaced.
 */
function toOriginHeaders(
  { forwardedHeaders, originHeaders }: CompiledBehavior,
  { headers, socket }: IncomingMessage,
): OutgoingHttpHeaders {
  const names =
    forwardedHeaders === 'all'
      ? Object.keys(headers).filter((name) => !connectionHeaders.includes(name))
      : [...messageHeaders, ...forwardedHeaders];
  const forwarded = names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]] as const]));
  const added = forwardedHeaders.includes(viewerAddressHeader)
    ? { [viewerAddressHeader]: `${socket.remoteAddress}:${socket.remotePort}` }
    : {};
  return { ...Object.fromEntries(forwarded), ...added, ...Object.fromEntries(originHeaders) };
}

/**
 * Forwards the request to the API. Resolves when the response is complete or the client has disconnected. Either side
 * can disconnect at any time.
 */
function proxyToApi(
  api: string,
  behaviour: CompiledBehavior,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = toOriginHeaders(behaviour, message);
  const target = new URL(api);
  const forwarded = httpRequest(
    { host: target.hostname, port: target.port, method: message.method, path: message.url, headers },
    (answer) => {
      // The client has disconnected, so the response cannot be written.
      if (response.destroyed) return void answer.destroy();
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...behaviour.headers });
      pipeline(answer, response, () => {});
    },
  );
  forwarded.on('error', () => {
    if (!response.destroyed) send(response, { status: 502 });
  });
  pipeline(message, forwarded, () => {});
  return new Promise((resolve) => {
    response.once('close', () => {
      forwarded.destroy();
      resolve();
    });
  });
}
