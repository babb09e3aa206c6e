/** The HTTP server of the engines. It verifies the signature, authorizes, runs the hooks, and then runs the engine. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CredentialStore, Principal } from '../iam/credential-store.ts';
import { verifySignature } from '../iam/signature-v4.ts';
import { ServiceError } from '../shared/errors.ts';
import { failureLine } from '../shared/failure-log-line.ts';
import { type ConnectionTimeouts, closeServer, listenOnLoopback, readBody } from '../shared/loopback-server.ts';
import { contain } from '../shared/uncaught-errors.ts';
import type { CallLog, EngineCall, EngineHooks, InjectedFault } from './engine-hooks.ts';
import type { EngineReply, EngineRequest, ServiceEngine } from './service-engine.ts';
import { jsonErrorResponse, type ServiceMessage } from './wire-protocols.ts';

const maxBodyBytes = 16 * 1024 * 1024;

/** Observers of calls; hooks can also change the outcome. */
export interface CallInterception {
  readonly calls: CallLog;
  /** Called for each request, so that the hooks can be replaced while the server runs. */
  readonly hooks: () => EngineHooks;
  /** Receives unexpected errors of an engine. Rejections by a service are not reported. */
  readonly onError: (message: string) => void;
}

export interface SignedServiceServerOptions extends CallInterception {
  readonly engines: readonly ServiceEngine[];
  readonly credentials: CredentialStore;
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined;
}

export interface SignedServiceServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function startSignedServiceServer(options: SignedServiceServerOptions): Promise<SignedServiceServer> {
  const { server, port } = await listenOnLoopback(createSignedServiceListener(options), {
    port: 0,
    timeouts: options.timeouts,
  });
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

export const createSignedServiceListener =
  (options: SignedServiceServerOptions): RequestListener =>
  (request, response) =>
    void serve(options, request, response);

async function serve(
  options: SignedServiceServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const engine = options.engines.find(({ protocol }) => protocol.matches(toServiceMessage(request)));
    const outcome: EngineReply | 'drop' =
      engine === undefined
        ? jsonErrorResponse(new ServiceError('UnknownOperationException', 'No emulated service has this target.'))
        : await handleRequest(options, engine, request);
    if (outcome === 'drop') {
      request.socket.destroy();
      return;
    }
    response.writeHead(outcome.status, {
      'content-type': engine?.protocol.contentType ?? 'application/x-amz-json-1.0',
      'x-amzn-requestid': randomUUID(),
      ...outcome.headers,
    });
    response.end(outcome.body);
  } catch (error) {
    // After a disconnect of the client, no response is needed. Any other error is a failure of this server.
    if (!request.socket.destroyed) options.onError(failureLine({ engine: 'services' }, error));
    request.socket.destroy();
  }
}

async function handleRequest(
  options: SignedServiceServerOptions,
  engine: ServiceEngine,
  request: IncomingMessage,
): Promise<EngineReply | 'drop'> {
  try {
    return await authorizeAndRun(options, engine, await authenticate(options, engine, request));
  } catch (error) {
    if (error instanceof ServiceError) return engine.protocol.formatError(error);
    throw error;
  }
}

/** Processes an authenticated call. @throws ServiceError if the call is refused or the engine fails */
async function authorizeAndRun(
  options: CallInterception,
  engine: ServiceEngine,
  request: EngineRequest,
): Promise<EngineReply | 'drop'> {
  const log = (error: unknown) =>
    options.onError(failureLine({ engine: engine.service, action: request.action }, error));
  try {
    return await contain(() => pass(options, engine, request), log);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    log(error);
    throw new ServiceError('InternalServerError', 'The local engine failed. The log contains the reason.', 500);
  }
}

async function pass(
  options: CallInterception,
  engine: ServiceEngine,
  request: EngineRequest,
): Promise<EngineReply | 'drop'> {
  const { action, input, principal } = request;
  const { name, arn, tags } = principal;
  const permissions = engine.permissions?.(action, input);
  const call: EngineCall = {
    service: engine.service,
    action,
    input,
    principal: name,
    callerArn: arn,
    tags,
    ...(permissions !== undefined && { permissions }),
  };
  options.calls.record(call);
  const hooks = options.hooks();
  if ((await hooks.authorize?.(call)) === false) throw accessDenied(call);
  const fault = (await hooks.before?.(call)) ?? undefined;
  if (fault === 'drop-before') return 'drop';
  await applyFault(fault);
  const reply = await engine.run(request);
  hooks.after?.(call, reply.body);
  return fault === 'drop-after' ? 'drop' : reply;
}

/**
 * Returns a function that calls an engine from within this process as a principal, without HTTP or a signature.
 * Logging, authorization and hooks apply as usual. The function returns the parsed response of a JSON service. It
 * throws a ServiceError, or an Error for a lost connection.
 */
export function createInProcessCaller(
  options: CallInterception,
  engine: ServiceEngine,
  principal: Principal,
): (action: string, input: unknown) => Promise<unknown> {
  return async (action, input) => {
    const reply = await authorizeAndRun(options, engine, { action, input, principal });
    if (reply === 'drop') throw new Error(`${engine.service} ${action}: the connection was lost.`);
    return JSON.parse(reply.body);
  };
}

async function authenticate(
  { credentials }: SignedServiceServerOptions,
  engine: ServiceEngine,
  request: IncomingMessage,
) {
  const body = await readBody(request, maxBodyBytes);
  if (body === undefined) throw new ServiceError('RequestEntityTooLargeException', 'The request is too large.', 413);
  const message = toServiceMessage(request);
  const signed = { ...message, body };
  const verdict = await verifySignature(signed, engine.service, credentials);
  if (!verdict.ok) throw new ServiceError(verdict.type, verdict.message);
  return { principal: verdict.principal, ...engine.protocol.parseOperation(message, body) };
}

const urlOf = (request: IncomingMessage): URL => new URL(request.url ?? '/', 'http://127.0.0.1');

const toServiceMessage = (request: IncomingMessage): ServiceMessage => ({
  method: request.method ?? '',
  path: urlOf(request).pathname,
  query: urlOf(request).searchParams,
  headers: request.headers,
});

/** The access-denied error with the name and message of AWS. STS names it `AccessDenied`. */
const accessDenied = ({ service, action, callerArn }: EngineCall): ServiceError =>
  service === 'sts'
    ? new ServiceError('AccessDenied', `${callerArn} is not authorized to perform: sts:${action}`, 403)
    : new ServiceError('AccessDeniedException', `${callerArn} is not authorized to perform: ${service}:${action}`);

async function applyFault(fault: InjectedFault | undefined): Promise<void> {
  if (typeof fault !== 'object') return;
  if ('cutAfter' in fault) throw new TypeError('cutAfter is supported only for S3 calls.');
  if ('delayMs' in fault) await sleep(fault.delayMs);
  else throw new ServiceError(fault.type, fault.message ?? 'A hook injected this fault.', fault.status);
}
