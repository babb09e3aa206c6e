/**
 * CloudFront on one machine: the page as the template's distribution serves it, by the same function and under the same
 * headers. Two things differ, since all is plain HTTP here: `https://` addresses of the distribution and of buckets stand for
 * those of this machine, and there is no HSTS.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { pipeline } from 'node:stream';
import { Script } from 'node:vm';
import type { Behaviour, PageSpec } from '../cloudformation/distribution-spec.ts';
import { messageOf } from '../shared/errors.ts';
import { isObject } from '../shared/json.ts';
import { closeServer, listen } from '../shared/loopback-server.ts';

/** What the distribution's own log would hold, for tests: it must never hold a key. */
export interface PageRequest {
  readonly method: string;
  /** As received, the query included. */
  readonly path: string;
  readonly status: number;
  readonly referer: string | undefined;
}

interface ServeOptions {
  readonly apiUrl: string;
  /** What addresses within headers stand for on this machine. */
  readonly origins: ReadonlyMap<string, string>;
  readonly onError: (message: string) => void;
}

export interface PageServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The latest requests, oldest first. */
  log(): readonly PageRequest[];
  /** Starts to serve: until then all is 503, for the port is taken before there is anything. */
  serve(spec: PageSpec, options: ServeOptions): void;
  close(): Promise<void>;
}

const kept = 10_000;
/** CloudFront ends a function within a millisecond or so; a busy machine must not. */
const functionMs = 1000;

interface Serving extends Omit<Behaviour, 'functionCode' | 'headers'> {
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
}

/** @param wanted port; 0 takes any free one */
export async function openPage(wanted: number): Promise<PageServer> {
  let behaviours: readonly Serving[] = [];
  let options: ServeOptions = { apiUrl: '', origins: new Map(), onError: () => {} };
  let requests: PageRequest[] = [];
  const { server, port } = await listen(
    (message, response) => {
      response.once('close', () => {
        requests.push({
          method: message.method ?? '',
          path: message.url ?? '',
          status: response.statusCode,
          referer: message.headers.referer,
        });
        if (requests.length > 2 * kept) requests = requests.slice(-kept);
      });
      try {
        const [uri = '/'] = (message.url ?? '/').split('?');
        const behaviour = behaviours.find(({ matches }) => matches(uri));
        const answer = answerOf(behaviour, message.method ?? '', uri);
        if (answer === 'api') forward(options.apiUrl, behaviour?.headers, message, response);
        else send(response, answer, message.method !== 'HEAD');
      } catch (error) {
        options.onError(`page: ${messageOf(error)}`);
        send(response, { status: 503 });
      }
    },
    wanted,
    '--page-port',
  );
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => [...requests],
    serve(spec, told) {
      options = told;
      behaviours = spec.behaviours.map((behaviour) => compile(behaviour, told.origins));
    },
    close: () => closeServer(server),
  };
}

function compile({ functionCode, headers, ...rest }: Behaviour, origins: ReadonlyMap<string, string>): Serving {
  const source = rest.pathPattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(`^${source}$`);
  return {
    ...rest,
    matches: (path) => pattern.test(path),
    run: functionCode === undefined ? undefined : compileFunction(functionCode),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, replaceAll(value, origins)])),
  };
}

/** Every occurrence of an address, by that of this machine. */
export const replaceAll = (text: string, origins: ReadonlyMap<string, string>): string =>
  [...origins].reduce((result, [from, to]) => result.replaceAll(from, to), text);

/** As CloudFront calls it, in a context of its own that has nothing of Node. What it returns is a request, or a response. */
function compileFunction(code: string): NonNullable<Serving['run']> {
  const script = new Script(`${code}\n;JSON.stringify(handler(JSON.parse(event)))`);
  return (request) => {
    const event = JSON.stringify({ version: '1.0', context: { eventType: 'viewer-request' }, request });
    const result: unknown = JSON.parse(String(script.runInNewContext({ event }, { timeout: functionMs })));
    if (isObject(result)) {
      const { method, uri, statusCode } = result;
      if (typeof statusCode === 'number') return { statusCode };
      if (typeof method === 'string' && typeof uri === 'string') return { method, uri };
    }
    throw new Error('a function of the distribution returned neither a request nor a response');
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
}

/** What CloudFront answers; or that the API does. */
function answerOf(behaviour: Serving | undefined, method: string, uri: string): Answer | 'api' {
  if (behaviour === undefined) return { status: 503 };
  const { headers, files } = behaviour;
  if (!behaviour.allowedMethods.includes(method)) return { status: 403, headers };
  const result = behaviour.run?.({ method, uri }) ?? { method, uri };
  if ('statusCode' in result) return { status: result.statusCode, headers };
  if (behaviour.target === 'api') return 'api';
  const body = files.get(result.uri);
  // So does S3 answer who may read objects and not list them.
  if (body === undefined) return { status: 403, headers };
  return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body };
}

function send(response: ServerResponse, { status, headers, body }: Answer, withBody = true): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { ...headers, 'content-length': body?.length ?? 0 }).end(withBody ? body : undefined);
}

/** To the API with all that the browser sent, but for the Host. */
function forward(
  api: string,
  headers: OutgoingHttpHeaders | undefined,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  const { host: _, connection: __, ...sent } = message.headers;
  const target = new URL(api);
  const forwarded = httpRequest(
    { host: target.hostname, port: target.port, method: message.method, path: message.url, headers: sent },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...headers });
      pipeline(answer, response, () => {});
    },
  );
  pipeline(message, forwarded, (error) => {
    if (error) send(response, { status: 502 });
  });
}
