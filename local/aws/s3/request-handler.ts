/**
 * Handles HTTP requests to S3. Like the server of the other services, it verifies the signature, authorizes, runs the
 * hooks, and then runs the operation.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BucketRules } from '../cloudformation/resource-schemas.ts';
import type { CallLog, EngineCall, EngineHooks, InjectedFault } from '../endpoint/engine-hooks.ts';
import type { CredentialStore } from '../iam/credential-store.ts';
import { bucketArn } from '../shared/aws-account.ts';
import { errorMessageOf, ServiceError } from '../shared/errors.ts';
import { failureLine } from '../shared/failure-log-line.ts';
import { contain } from '../shared/uncaught-errors.ts';
import { corsHeaders, preflight } from './bucket-cors.ts';
import type { BucketStore } from './object-store.ts';
import { type PreparedOperation, prepare } from './prepared-operation.ts';
import { targetOf } from './request-target.ts';
import { S3Error } from './s3-errors.ts';
import type { S3Reply } from './s3-request.ts';
import { xmlError } from './xml.ts';

interface KnownBucket {
  readonly store: BucketStore;
  readonly rules: BucketRules;
}

export interface S3ListenerOptions {
  readonly buckets: ReadonlyMap<string, KnownBucket>;
  readonly credentials: CredentialStore;
  readonly calls: CallLog;
  readonly hooks: () => EngineHooks;
  readonly onError: (message: string) => void;
  readonly now: () => Date;
}

interface HandledRequest {
  readonly reply: S3Reply;
  /** Number of body bytes after which the connection is closed. */
  readonly cutAfter?: number | undefined;
}

/**
 * How long the rest of a rejected body is accepted, because a client reads the response only after sending.
 * Milliseconds.
 */
const refusedBodyGraceMs = 5_000;

export function createS3Listener(options: S3ListenerOptions): RequestListener {
  const log = (error: unknown) => options.onError(failureLine({ engine: 's3' }, error));
  return (request, response) => {
    contain(() => serve(options, request, response), log).catch((error: unknown) => {
      // A client that went away needs no answer; anything else is the engine's own failure.
      if (!request.socket.destroyed) log(error);
      request.socket.destroy();
    });
  };
}

async function serve(options: S3ListenerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const outcome = await handleRequest(options, request);
  if (outcome === 'drop') request.socket.destroy();
  else await send(options, request, response, outcome);
}

async function send(
  { buckets }: S3ListenerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  { reply, cutAfter = Number.POSITIVE_INFINITY }: HandledRequest,
): Promise<void> {
  const { status, headers, body } = reply;
  const bucket = (request.url ?? '/').split(/[/?]/)[1] ?? '';
  response.writeHead(status, {
    ...corsHeaders(buckets.get(bucket)?.rules.corsRules ?? [], request.method ?? '', request.headers.origin),
    'x-amz-request-id': randomUUID(),
    ...(typeof body === 'string' && { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  });
  if (body !== undefined && request.method !== 'HEAD') {
    await sendBody(response, typeof body === 'string' ? [Buffer.from(body)] : body, cutAfter);
  }
  response.end();
  if (request.complete) return;
  request.resume();
  setTimeout(() => request.complete || request.socket.destroy(), refusedBodyGraceMs).unref();
}

async function sendBody(
  response: ServerResponse,
  body: Iterable<Buffer> | AsyncIterable<Buffer>,
  cutAfter: number,
): Promise<void> {
  let left = cutAfter;
  for await (const chunk of body) {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    const open = await new Promise<boolean>((resolve) => {
      const closed = () => resolve(false);
      response.once('close', closed);
      response.write(piece, (error) => {
        response.off('close', closed);
        resolve(error === null || error === undefined);
      });
    });
    if (left <= 0) response.socket?.destroy();
    if (!open || left <= 0) return;
  }
}

async function handleRequest(options: S3ListenerOptions, message: IncomingMessage): Promise<HandledRequest | 'drop'> {
  let action: string | undefined;
  const log = (error: unknown) => options.onError(failureLine({ engine: 's3', action }, error));
  try {
    const target = targetOf(message);
    const known = options.buckets.get(target.bucket);
    if (message.method === 'OPTIONS') return { reply: preflight(known?.rules.corsRules ?? [], message.headers) };
    const prepared = await prepare(options, target, message);
    action = prepared.action;
    return await contain(() => perform(options, known, prepared, message), log);
  } catch (error) {
    if (message.socket.destroyed) return 'drop';
    return { reply: errorReply(error, log, message.method === 'HEAD') };
  }
}

async function perform(
  options: S3ListenerOptions,
  known: KnownBucket | undefined,
  prepared: PreparedOperation,
  message: IncomingMessage,
): Promise<HandledRequest | 'drop'> {
  const call = callOf(prepared, known?.store);
  options.calls.record(call);
  await authorize(options.hooks(), call);
  const fault = (await options.hooks().before?.(call)) ?? undefined;
  if (fault === 'drop-before') return 'drop';
  const cutAfter = await applyFault(fault);
  if (known === undefined) {
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', { BucketName: prepared.request.bucket });
  }
  const { request } = prepared;
  const body = cutAfter === undefined ? request.body : () => cutBody(request.body(), cutAfter, message.socket);
  const allows = (permission: string, key?: string) => isAllowed(options.hooks(), call, permission, key, known.store);
  const reply = await prepared.run({
    request: { ...request, body },
    bucket: known.store,
    now: options.now(),
    allows,
  });
  if (fault !== 'drop-after') return { reply, cutAfter };
  if (typeof reply.body === 'object') await reply.body.return(undefined);
  return 'drop';
}

function callOf({ action, permissions, request, tags }: PreparedOperation, store: BucketStore | undefined): EngineCall {
  const { bucket, key, query, signer } = request;
  const { name, arn, tags: sessionTags } = signer.principal;
  const versionId = query.get('versionId');
  const version = versionId === null ? store?.get(key) : store?.version(key, versionId);
  const existing = version?.kind === 'object' ? version.tags : undefined;
  const text = (parameter: string) => query.get(parameter) ?? undefined;
  const resource = bucketArn(bucket, key === '' ? undefined : key);
  return {
    service: 's3',
    action,
    input: {
      Bucket: bucket,
      ...(key !== '' && { Key: key }),
      Prefix: text('prefix'),
      UploadId: text('uploadId'),
      PartNumber: text('partNumber'),
      VersionId: text('versionId'),
      IfMatch: request.headers['if-match'],
      IfNoneMatch: request.headers['if-none-match'],
      Tags: tags,
      ...(existing && { ExistingTags: existing }),
      AuthType: signer.authType,
    },
    principal: name,
    callerArn: arn,
    tags: sessionTags,
    permissions: permissions.map((permission) => ({ action: permission, resource })),
  };
}

/** Throws the error of AWS if the call is denied. An operation without listed permissions calls `allows` itself. */
async function authorize(hooks: EngineHooks, call: EngineCall): Promise<void> {
  const { callerArn, permissions = [] } = call;
  if (permissions.length === 0 || (await hooks.authorize?.(call)) !== false) return;
  const [asked] = permissions;
  throw new S3Error(
    'AccessDenied',
    `User: ${callerArn} is not authorized to perform: ${asked?.action} on resource: "${asked?.resource}"`,
  );
}

async function isAllowed(
  hooks: EngineHooks,
  call: EngineCall,
  permission: string,
  key: string | undefined,
  store: BucketStore,
): Promise<boolean> {
  const existing = key === undefined ? undefined : store.get(key)?.tags;
  const input = {
    Bucket: store.name,
    ...(key !== undefined && { Key: key }),
    ...(existing && { ExistingTags: existing }),
  };
  const permissions = [{ action: permission, resource: bucketArn(store.name, key) }];
  return (await hooks.authorize?.({ ...call, input, permissions })) !== false;
}

/** Applies a fault. Returns the number of body bytes after which to close the connection, for `cutAfter`. */
async function applyFault(fault: InjectedFault | undefined): Promise<number | undefined> {
  if (typeof fault !== 'object') return undefined;
  if ('cutAfter' in fault) return fault.cutAfter;
  if (!('delayMs' in fault)) {
    throw new ServiceError(fault.type, fault.message ?? 'A hook injected this fault.', fault.status);
  }
  await sleep(fault.delayMs);
  return undefined;
}

async function* cutBody(body: AsyncIterable<Buffer>, bytes: number, socket: Socket): AsyncGenerator<Buffer> {
  let left = bytes;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left > 0) continue;
    socket.destroy();
    throw new Error('A hook closed the connection.');
  }
}

function errorReply(error: unknown, log: (error: unknown) => void, isHead: boolean): S3Reply {
  const [code, status, details, headers] =
    error instanceof S3Error
      ? [error.code, error.status, error.details, error.headers]
      : error instanceof ServiceError
        ? [error.type, error.status, {}, {}]
        : ['InternalError', 500, {}, {}];
  if (code === 'InternalError') log(error);
  const Message =
    code === 'InternalError' ? 'We encountered an internal error. Please try again.' : errorMessageOf(error);
  const body = xmlError({ Code: code, Message, ...details, RequestId: randomUUID() });
  return { status, headers: { 'content-type': 'application/xml', ...headers }, ...(!isHead && { body }) };
}
