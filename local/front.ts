/** The HTTP front of the engines: signature, then hooks, then the engine, as AWS JSON services answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CredentialStore } from './credentials.ts';
import type { Engine, EngineReply } from './engine.ts';
import { messageOf, ServiceError } from './errors.ts';
import type { CallLog, EngineCall, EngineHooks, Fault } from './hooks.ts';
import { closeServer, listen, readBody } from './http.ts';
import { verifySignature } from './sigv4.ts';

const maxBodyBytes = 16 * 1024 * 1024;

export interface FrontOptions {
  readonly engines: readonly Engine[];
  readonly credentials: CredentialStore;
  readonly calls: CallLog;
  /** Asked at each call, so that hooks can change while it runs. */
  readonly hooks: () => EngineHooks;
  /** Told of what went wrong in an engine, other than what a service refuses. */
  readonly onError: (message: string) => void;
}

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

export async function openFront(options: FrontOptions): Promise<Front> {
  const { server, port } = await listen((request, response) => void serve(options, request, response), 0);
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

async function serve(options: FrontOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const target = String(request.headers['x-amz-target'] ?? '');
    const engine = options.engines.find(({ targetPrefix }) => target.startsWith(targetPrefix));
    const outcome =
      engine === undefined
        ? errorReply(new ServiceError('UnknownOperationException', 'No service here has that target.'))
        : await answer(options, engine, target.slice(engine.targetPrefix.length), request);
    if (outcome === 'drop') {
      request.socket.destroy();
      return;
    }
    response.writeHead(outcome.status, {
      'content-type': engine?.contentType ?? 'application/x-amz-json-1.0',
      'x-amzn-requestid': randomUUID(),
    });
    response.end(outcome.body);
  } catch (error) {
    // A client that went away needs no answer; anything else is the engine's own failure.
    if (!request.socket.destroyed) options.onError(messageOf(error));
    request.socket.destroy();
  }
}

async function answer(
  options: FrontOptions,
  engine: Engine,
  action: string,
  request: IncomingMessage,
): Promise<EngineReply | 'drop'> {
  try {
    const { input, principal } = await authenticate(options, engine, request);
    const call: EngineCall = { service: engine.service, action, input, principal: principal.name };
    options.calls.record(call);
    const fault = (await options.hooks().before?.(call)) ?? undefined;
    if (fault === 'drop-before') return 'drop';
    await obey(fault);
    const reply = await run(options, engine, { action, input, principal });
    return fault === 'drop-after' ? 'drop' : reply;
  } catch (error) {
    if (error instanceof ServiceError) return errorReply(error);
    throw error;
  }
}

async function authenticate({ credentials }: FrontOptions, engine: Engine, request: IncomingMessage) {
  const body = await readBody(request, maxBodyBytes);
  if (body === undefined) throw new ServiceError('RequestEntityTooLargeException', 'The request is too large.', 413);
  const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const signed = { method: request.method ?? '', path, query, headers: request.headers, body };
  const verdict = await verifySignature(signed, engine.service, credentials);
  if (!verdict.ok) throw new ServiceError(verdict.type, verdict.message);
  return { principal: verdict.principal, input: parse(body) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError('SerializationException', 'The body is not JSON.');
  }
}

async function obey(fault: Fault | undefined): Promise<void> {
  if (typeof fault !== 'object') return;
  if ('delayMs' in fault) await sleep(fault.delayMs);
  else throw new ServiceError(fault.type, fault.message ?? 'A fault injected by a hook.', fault.status);
}

async function run(
  { onError }: FrontOptions,
  engine: Engine,
  request: Parameters<Engine['run']>[0],
): Promise<EngineReply> {
  try {
    return await engine.run(request);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    onError(`${engine.service} ${request.action}: ${messageOf(error)}`);
    throw new ServiceError('InternalServerError', 'The local engine failed; its log says why.', 500);
  }
}

const errorReply = ({ type, message, status }: ServiceError): EngineReply => ({
  status,
  body: JSON.stringify({ __type: type, message }),
});
