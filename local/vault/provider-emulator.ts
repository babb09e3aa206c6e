/**
 * Emulates the APIs of message providers: sending, and the files of messages (provider-files.ts); and push services. It
 * accepts requests of functions, returns the success response of the
 * provider, and keeps the latest requests in memory. Sources: Twilio "Create a Message"; Meta Cloud API "Send
 * messages"; Slack `chat.postMessage`; Mailgun "Send an email"; SendGrid "Mail Send".
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EngineHooks } from '../aws/endpoint/engine-hooks.ts';
import { failureLine } from '../aws/shared/failure-log-line.ts';
import { type ConnectionTimeouts, closeServer, listenOnLoopback, readBody } from '../aws/shared/loopback-server.ts';
import { contain } from '../aws/shared/uncaught-errors.ts';
import { fileResponseFor } from './provider-files.ts';

const maxKeptRequests = 1_000;
const maxBodyBytes = 1024 * 1024;

/** A request that a function sent to a provider's API. */
export interface ProviderRequest {
  readonly provider: 'twilio' | 'whatsapp' | 'slack' | 'mailgun' | 'sendgrid' | 'push';
  /** Path within the provider's API, with the query: `/v3/mail/send`. */
  readonly path: string;
  /** By lower-case name; credentials are redacted. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly receivedAt: Date;
}

/**
 * An error response sends `status` and `body`, and the request is not kept. `drop-before` breaks the connection before
 * the provider accepts the request, `drop-after` breaks it afterwards.
 */
export type ProviderFault = { readonly status: number; readonly body: string } | 'drop-before' | 'drop-after';

/** The hooks of the AWS emulators, plus one for the provider APIs. */
export interface LocalHooks extends EngineHooks {
  /** Called before the emulator accepts a request to a provider's API. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a hook that only watches, async or not, returns nothing.
  beforeSend?(request: ProviderRequest): void | ProviderFault | Promise<void | ProviderFault>;
}

interface ProviderResponse {
  readonly status: number;
  /** Sent as JSON; undefined sends no body. */
  readonly body?: object;
}

const id = (bytes = 16): string => randomBytes(bytes).toString('hex');

const successResponses: Record<ProviderRequest['provider'], () => ProviderResponse> = {
  twilio: () => ({ status: 201, body: { sid: `SM${id()}`, status: 'queued', error_code: null } }),
  whatsapp: () => ({
    status: 200,
    body: { messaging_product: 'whatsapp', messages: [{ id: `wamid.${randomBytes(24).toString('base64')}` }] },
  }),
  slack: () => ({ status: 200, body: { ok: true, ts: `${(Date.now() / 1000).toFixed(6)}` } }),
  mailgun: () => ({ status: 200, body: { id: `<${id()}@mailgun.local>`, message: 'Queued. Thank you.' } }),
  sendgrid: () => ({ status: 202 }),
  // RFC 8030, section 5. The path begins with the host of the push service.
  push: () => ({ status: 201 }),
};

/** Headers with credentials. Their values are never stored. */
const secretHeaders: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key']);

export interface ProviderEmulatorOptions {
  /** Called for each request, so that the hooks can be replaced while the server runs. */
  readonly hooks: () => LocalHooks;
  /** Receives errors of the emulator, never the content of a request. */
  readonly onError: (message: string) => void;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

export interface ProviderEmulator {
  /** `http://127.0.0.1:<port>`. The API of a provider is at `/<provider>`. */
  readonly url: string;
  /** The latest accepted requests, oldest first. */
  requests(): readonly ProviderRequest[];
  close(): Promise<void>;
}

export async function startProviderEmulator({
  hooks,
  onError,
  timeouts,
}: ProviderEmulatorOptions): Promise<ProviderEmulator> {
  let received: ProviderRequest[] = [];
  const keep = (request: ProviderRequest): void => {
    received.push(request);
    if (received.length > 2 * maxKeptRequests) received = received.slice(-maxKeptRequests);
  };

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(message, maxBodyBytes);
    if (body === undefined) {
      // An unread body would prevent the reuse of the connection and delay the shutdown.
      message.resume();
      return sendResponse(response, { status: 413 });
    }
    const file = fileResponseFor(message);
    if (file !== undefined) return void response.writeHead(file.status, file.headers).end(file.body);
    const request = toIncomingMessage(message, body);
    if (request === undefined) return sendResponse(response, { status: 404 });
    const fault = (await hooks().beforeSend?.(request)) ?? undefined;
    if (fault === undefined || fault === 'drop-after') keep(request);
    if (typeof fault === 'object') response.writeHead(fault.status, jsonType).end(fault.body);
    else if (fault !== undefined) message.socket.destroy();
    else sendResponse(response, successResponses[request.provider]());
  };

  const log = (error: unknown) => onError(failureLine({ engine: 'providers' }, error));
  const { server, port } = await listenOnLoopback(
    (message, response) => {
      contain(() => serve(message, response), log).catch((error: unknown) => {
        if (!message.socket.destroyed) log(error);
        if (response.headersSent) message.socket.destroy();
        else sendResponse(response, { status: 500 });
      });
    },
    { port: 0, timeouts },
  );
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => received.slice(-maxKeptRequests),
    close: () => closeServer(server),
  };
}

const jsonType = { 'content-type': 'application/json' };

function sendResponse(response: ServerResponse, { status, body }: ProviderResponse): void {
  if (body === undefined) response.writeHead(status, { 'content-length': 0 }).end();
  else response.writeHead(status, jsonType).end(JSON.stringify(body));
}

function toIncomingMessage(message: IncomingMessage, body: Buffer): ProviderRequest | undefined {
  const [, name = '', path = ''] = /^\/([a-z]+)(\/.*)$/s.exec(message.url ?? '') ?? [];
  if (message.method !== 'POST' || !isProvider(name)) return undefined;
  const headers = Object.entries(message.headersDistinct).map(([header, values = []]) => [
    header,
    secretHeaders.has(header) ? '(redacted)' : values.join(','),
  ]);
  return { provider: name, path, headers: Object.fromEntries(headers), body: body.toString(), receivedAt: new Date() };
}

const isProvider = (name: string): name is ProviderRequest['provider'] => Object.hasOwn(successResponses, name);
