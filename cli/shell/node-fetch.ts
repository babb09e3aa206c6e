/**
 * A `fetch` over node:http for the client. The first call of the platform's `fetch` loads its implementation, which takes
 * longer than everything else that a short command does. For the same reason, this file does not use the globals
 * `Response` and `Headers`, and loads its modules with `getBuiltinModule`, which is faster than `import`.
 */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';

type FetchInit = NonNullable<Parameters<typeof fetch>[1]>;

/** As in the platform's `fetch`. The client's time-out limits the whole attempt. */
const connectTimeoutMs = 10_000;

/** Whether the environment has a proxy. The modules for proxies are loaded only if it does. */
export const hasProxy = (env: Readonly<Record<string, string | undefined>>): boolean =>
  ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].some((name) => !!env[name] || !!env[name.toLowerCase()]);

/** The `fetch` for the vault and its storage: through the proxy of the environment, or directly. */
export const fetchFor = (env: Readonly<Record<string, string | undefined>>): typeof fetch =>
  hasProxy(env) ? async (input, init) => await fetchByProxyRules(env, input, init) : nodeFetch;

async function fetchByProxyRules(
  env: Readonly<Record<string, string | undefined>>,
  ...[input, init]: Parameters<typeof fetch>
): Promise<Response> {
  const { proxyFor } = await import('./proxy-settings.ts');
  const proxy = proxyFor(new URL(String(input)), env);
  if (proxy === undefined) return await nodeFetch(input, init);
  const { fetchThroughProxy } = await import('./proxy-fetch.ts');
  return await fetchThroughProxy(proxy, input, init);
}

/** Sends what the client sends. Requests with a form, or that would follow redirects, use the platform's `fetch`. */
export const nodeFetch: typeof fetch = async (input, init = {}) => {
  const { body = null, redirect, headers } = init;
  const isBody = body === null || typeof body === 'string' || body instanceof Uint8Array;
  if (!isBody || redirect !== 'manual' || !isRecord(headers)) return await fetch(input, init);
  const response = await exchange(new URL(String(input)), init, { ...headers, 'accept-encoding': 'identity' }, body);
  // The client reads only the members that NodeResponse has.
  return new NodeResponse(response) as NodeResponse & Response;
};

const isRecord = (headers: FetchInit['headers']): headers is Record<string, string> =>
  headers !== undefined && Object.getPrototypeOf(headers) === Object.prototype;

function exchange(
  url: URL,
  { method = 'GET', signal }: FetchInit,
  headers: Record<string, string>,
  body: string | Uint8Array | null,
): Promise<IncomingMessage> {
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: directAgent(url.protocol), ...(signal ? { signal } : {}) });
    limitConnect(sent);
    sent.once('response', (response) => {
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding === 'identity') return resolve(response);
      sent.destroy();
      reject(systemError('ERR_CONTENT_ENCODING'));
    });
    // Stays registered: after the response, the error is reported by the response instead.
    sent.on('error', reject);
    sent.end(body ?? undefined);
  });
}

const directAgents = new Map<string, Agent>();

/**
 * An agent that uses no proxy, if Node.js is told to use that of the environment for all requests (NODE_USE_ENV_PROXY):
 * it would send requests for this machine to the proxy too. Otherwise the default.
 */
function directAgent(protocol: string): Agent | undefined {
  const options = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' ');
  if (!process.env.NODE_USE_ENV_PROXY && !options.includes('--use-env-proxy')) return undefined;
  const known = directAgents.get(protocol);
  if (known !== undefined) return known;
  const module = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
  const agent = new module.Agent({ keepAlive: true });
  directAgents.set(protocol, agent);
  return agent;
}

function limitConnect(sent: ClientRequest): void {
  sent.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => sent.destroy(systemError('ETIMEDOUT')), connectTimeoutMs);
    const stop = () => clearTimeout(timer);
    socket.once('connect', stop).once('close', stop);
  });
}

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

type UsedMembers = 'ok' | 'status' | 'redirected' | 'type' | 'body' | 'text' | 'arrayBuffer';

class NodeResponse implements Pick<Response, UsedMembers> {
  readonly redirected = false;
  readonly type = 'default';
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get status(): number {
    return this.#message.statusCode ?? 0;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): { get(name: string): string | null } {
    const { headers } = this.#message;
    return { get: (name) => headers[name.toLowerCase()]?.toString() ?? null };
  }

  get body(): Response['body'] {
    return process.getBuiltinModule('node:stream').Readable.toWeb(this.#message) as Response['body'];
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#message) pieces.push(piece);
    const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes.buffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }
}
