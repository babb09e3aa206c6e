/**
 * A fake vault and ciphertext store according to docs/blobs.md. Requests of the client are validated with the contract.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import * as z from 'zod/mini';
import type { BlobInfo } from '../../../contract/blobs/wire.ts';
import { routeSchemas } from '../../../contract/route-schemas.ts';
import { type RouteId, routes } from '../../../contract/routes.ts';
import { problemTypePrefix } from '../../../contract/shared/common-error-codes.ts';
import { type ErrorCode, errors } from '../../../contract/shared/error-codes.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { Anima, type AnimaOptions } from '../../../sdk/src/index.ts';
import { apiKey, serve } from '../fake-fetch.ts';

const org = '0123456789abcdef';
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** One complete request. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * `reset` closes the connection before the request is processed, `lost` afterwards. Otherwise, the response to send
 * instead.
 */
type InjectedFault = 'reset' | 'lost' | { readonly status: number; readonly body?: string } | undefined;

interface Stored {
  info: BlobInfo;
  locator: number;
  announced: number | undefined;
  form: boolean;
  parts: Map<number, { size: number; checksum: string; bytes: Buffer }>;
  granted: { number: number; size: number; checksum: string }[];
  object: Buffer | undefined;
  checksum: string | undefined;
  verifiers: { open: string; burn: string } | undefined;
  opening?: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly body?: Buffer | string;
  readonly headers?: Record<string, string>;
}

class Problem extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

/** The route of a request, with its ID or link. */
function routeOf(method: string, path: string): { route: RouteId; parameter: string } | undefined {
  for (const [route, row] of Object.entries(routes)) {
    const form = new RegExp(`^${row.path.replace(/\{(?:id|link)\}/, '([^/]+)')}$`);
    const match = row.method === method ? form.exec(path) : null;
    if (match !== null) return { route: route as RouteId, parameter: match[1] ?? '' };
  }
  return undefined;
}

export class FakeBlobService {
  readonly requests: RecordedRequest[] = [];
  readonly blobs = new Map<string, Stored>();
  interfere: (request: RecordedRequest) => InjectedFault = () => undefined;
  /** Changes the object that the store returns. */
  alter: (object: Buffer) => Buffer = (object) => object;
  /** Number of bytes after which each of the next downloads is closed. */
  cuts: number[] = [];
  /** Accepts every proof, like a malicious vault that serves a different object. */
  trusting = false;
  /** Number of parts for which a URL was requested although they were already uploaded. */
  regranted = 0;
  /** Stores only the sizes of parts, not their bytes. */
  forgetful = false;
  url = '';
  #server: Server | undefined;
  #made = 0;

  static async start(): Promise<FakeBlobService> {
    const fake = new FakeBlobService();
    const { url, server } = await serve((request, response) => void fake.#take(request, response));
    fake.url = url;
    fake.#server = server;
    return fake;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  client(options: AnimaOptions = {}): Anima {
    return new Anima({ apiKey, baseURL: this.url, ...options });
  }

  /** The requests to a route or to the store. */
  asked(what: RouteId | 'PUT' | 'POST' | 'GET'): RecordedRequest[] {
    return this.requests.filter(({ method, path }) =>
      path.startsWith('/s3/') ? method === what : routeOf(method, path.replace(/\?.*/, ''))?.route === what,
    );
  }

  /** The only blob. */
  get only(): Stored {
    const [first] = this.blobs.values();
    if (first === undefined) throw new Error('there is no blob');
    return first;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      // The client closed the connection.
      return;
    }
    const { method = '', url: path = '', headers } = request;
    const recorded = { method, path, headers, body: Buffer.concat(pieces) };
    this.requests.push(this.forgetful ? { ...recorded, body: Buffer.alloc(0) } : recorded);
    const interference = this.interfere(recorded);
    if (interference === 'reset') return void request.socket.destroy();
    const answer = typeof interference === 'object' ? interference : this.#answer(recorded);
    if (interference === 'lost') return void request.socket.destroy();
    const cut = method === 'GET' && path.startsWith('/s3/') ? this.cuts.shift() : undefined;
    response.writeHead(answer.status, {
      'content-length': Buffer.byteLength(answer.body ?? ''),
      ...('headers' in answer ? answer.headers : {}),
    });
    if (cut === undefined) return void response.end(answer.body);
    response.write(Buffer.from(answer.body ?? '').subarray(0, cut), () =>
      setTimeout(() => request.socket.destroy(), 20),
    );
  }

  #answer(request: RecordedRequest): Answer {
    try {
      return request.path.startsWith('/s3/') ? this.#store(request) : this.#vault(request);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { status, title } = errors[error.code];
      const body = { type: problemTypePrefix + error.code, code: error.code, title, status };
      return { status, body: JSON.stringify(body) };
    }
  }

  #vault({ method, path, headers, body }: RecordedRequest): Answer {
    const [pathname = '', search] = path.split('?');
    const found = routeOf(method, pathname);
    if (found === undefined) throw new Problem('route_not_found');
    const { route, parameter } = found;
    const expected = routes[route].auth === 'api-key' ? `Bearer ${apiKey}` : undefined;
    if (headers.authorization !== expected) throw new Problem('invalid_api_key');
    const schema: z.ZodMiniType | undefined = routeSchemas[route].body;
    const json: unknown = body.length === 0 ? undefined : JSON.parse(body.toString());
    if (schema !== undefined && !z.safeParse(schema, json).success) throw new Problem('invalid_request');
    const answer = this.#route(route, parameter, json as Record<string, never>, new URLSearchParams(search));
    // Serialize, so that undefined members are removed.
    const text = JSON.stringify(answer);
    z.parse(routeSchemas[route].response, JSON.parse(text));
    return { status: routes[route].status, body: text };
  }

  #route(route: RouteId, parameter: string, body: Record<string, never>, query: URLSearchParams): unknown {
    if (route === 'createBlob') return this.#create(body);
    if (route === 'listBlobs') return { blobs: [...this.blobs.values()].map(({ info }) => info).reverse() };
    const blob = this.blobs.get(parameter.length === 58 ? parameter.slice(16, 42) : parameter);
    if (route === 'deleteBlob') {
      if (blob !== undefined) this.#end(blob, 'deleted');
      return { deleted: blob !== undefined };
    }
    if (blob === undefined) throw new Problem('blob_not_found');
    if (route === 'getBlob') return blob.info;
    if (route === 'listParts') return this.#list(blob, query);
    if (route === 'grantParts') return this.#grant(blob, body);
    if (route === 'completeBlob') return this.#complete(blob, body);
    if (route === 'relinkBlob') {
      blob.locator++;
      return { id: blob.info.id, ...this.#link(blob) };
    }
    if (parameter !== this.#link(blob).link) throw new Problem('blob_not_found');
    return route === 'lookAtLink' ? this.#look(blob) : this.#proven(route, blob, body);
  }

  #proven(route: RouteId, blob: Stored, { proof, opening }: { proof?: string; opening?: string }): unknown {
    const verifier = Buffer.from(blob.verifiers?.[route === 'openLink' ? 'open' : 'burn'] ?? '', 'base64');
    const actual = sha256(Buffer.from(proof ?? '', 'base64'));
    if (!this.trusting && (verifier.length !== actual.length || !timingSafeEqual(actual, verifier)))
      throw new Problem('proof_refused');
    if (route === 'burnLink') {
      this.#end(blob, 'burned');
      return { burned: true };
    }
    if (opening === undefined || opening !== blob.opening) {
      this.#look(blob);
      blob.info.openings++;
      blob.opening = opening;
    }
    const openingsLeft = blob.info.maxOpens === undefined ? undefined : blob.info.maxOpens - blob.info.openings;
    if (openingsLeft === 0) blob.info.state = 'spent';
    const { size = 0, createdAt, burn } = blob.info;
    const urlExpiresAt = '2099-01-01T00:00:00Z';
    return { size, createdAt, burn, openingsLeft, url: `${this.url}/s3/${blob.info.id}?sig=get`, urlExpiresAt };
  }

  #create({ size, maxOpens, burn, expiresIn }: Record<string, number | boolean | undefined>): unknown {
    const id = createTimeId(Date.now(), Buffer.alloc(16, ++this.#made));
    const form = typeof size === 'number' && size <= limits.blobFormBytes;
    const info: BlobInfo = {
      id,
      state: 'uploading',
      createdAt: '2026-11-21T03:00:00.000Z',
      openings: 0,
      burn: burn === true,
    };
    if (typeof size === 'number') info.size = size;
    if (typeof maxOpens === 'number' || burn === true) info.maxOpens = Number(maxOpens ?? 1);
    if (typeof expiresIn === 'number') info.expiresAt = new Date(Date.UTC(2099, 0, 1) + expiresIn * 1000).toISOString();
    const announced = typeof size === 'number' ? size : undefined;
    const made = { parts: new Map(), granted: [], object: undefined, checksum: undefined, verifiers: undefined };
    const blob: Stored = { info, locator: 0, announced, form, ...made };
    this.blobs.set(id, blob);
    const fields = { key: `${org}/${id}.enc`, 'Content-Type': 'application/octet-stream', policy: 'p' };
    const upload = form
      ? { kind: 'form', url: `${this.url}/s3/${id}`, fields, expiresAt: '2099-01-01T00:00:00Z' }
      : { kind: 'parts', chunks: limits.blobPartChunks };
    return { id, ...this.#link(blob), upload, uploadUntil: '2099-01-01T00:00:00Z' };
  }

  #link({ info, locator }: Stored): { link: string; url: string } {
    const link = org + info.id + String(locator).padStart(16, '0');
    return { link, url: `${this.url}/b/${link}` };
  }

  #list(blob: Stored, query: URLSearchParams): unknown {
    if (blob.info.state !== 'uploading') throw new Problem('blob_completed');
    const parts = [...blob.parts]
      .sort(([a], [b]) => a - b)
      .map(([number, { size, checksum }]) => ({ number, size, checksum }));
    // Two items per page, so that paging is tested.
    const from = Number(query.get('cursor') ?? 0);
    return { parts: parts.slice(from, from + 2), cursor: from + 2 < parts.length ? String(from + 2) : undefined };
  }

  #grant(blob: Stored, body: unknown): unknown {
    if (blob.info.state !== 'uploading') throw new Problem('blob_completed');
    const { parts } = body as { parts: Stored['granted'] };
    blob.granted.push(...parts);
    this.regranted += parts.filter(({ number, checksum }) => blob.parts.get(number)?.checksum === checksum).length;
    const granted = parts.map(({ number, checksum }) => ({
      number,
      url: `${this.url}/s3/${blob.info.id}/${number}?sig=put`,
      headers: { 'x-amz-checksum-sha256': checksum, 'content-length': '1', host: 'store' },
    }));
    return { parts: granted, expiresAt: '2099-01-01T00:00:00Z' };
  }

  #complete(blob: Stored, body: unknown): unknown {
    const { checksum, verifiers } = body as { checksum: string; verifiers: NonNullable<Stored['verifiers']> };
    if (blob.info.state !== 'uploading') {
      if (checksum !== blob.checksum || verifiers.open !== blob.verifiers?.open) throw new Problem('blob_completed');
      return { ...blob.info, ...this.#link(blob) };
    }
    const parts = [...blob.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    if (!blob.form) blob.object = Buffer.concat(parts.map(({ bytes }) => bytes));
    if (blob.object === undefined || (!blob.form && parts.length === 0)) throw new Problem('blob_not_uploaded');
    const digests = parts.map((part) => Buffer.from(part.checksum, 'base64'));
    const actual = blob.form
      ? sha256(blob.object).toString('base64')
      : `${sha256(Buffer.concat(digests)).toString('base64')}-${parts.length}`;
    const size = blob.form ? blob.object.length : parts.reduce((sum, part) => sum + part.size, 0);
    if (checksum !== actual || (blob.announced !== undefined && blob.announced !== size))
      throw new Problem('upload_mismatch');
    Object.assign(blob, { checksum, verifiers });
    Object.assign(blob.info, { state: 'ready', size, completedAt: '2026-11-21T03:00:01.000Z' });
    return { ...blob.info, ...this.#link(blob) };
  }

  #look({ info }: Stored): unknown {
    const { state, size = 0, createdAt, burn, maxOpens, openings } = info;
    if (state === 'spent') throw new Problem('blob_spent');
    if (state === 'expired') throw new Problem('blob_expired');
    if (state !== 'ready') throw new Problem(state === 'uploading' ? 'blob_not_found' : 'blob_deleted');
    return { size, createdAt, burn, openingsLeft: maxOpens === undefined ? undefined : maxOpens - openings };
  }

  #end(blob: Stored, state: BlobInfo['state']): void {
    blob.info.state = state;
    blob.object = undefined;
  }

  #store({ method, path, headers, body }: RecordedRequest): Answer {
    const [, , id = '', part] = path.replace(/\?.*/, '').split('/');
    const blob = this.blobs.get(id);
    if (headers.authorization !== undefined) return { status: 400, body: '<Code>InvalidArgument</Code>' };
    if (blob === undefined) return { status: 404, body: '<Code>NoSuchKey</Code>' };
    if (method === 'PUT') return this.#putPart(blob, Number(part), body, headers);
    if (method === 'POST') return this.#postForm(blob, body);
    if (blob.object === undefined) return { status: 404, body: '<Code>NoSuchKey</Code>' };
    const object = this.alter(blob.object);
    const etag = `"${sha256(object).toString('hex')}"`;
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(String(headers.range)) ?? [];
    if (from === undefined) return { status: 200, body: object, headers: { etag } };
    if (Number(from) >= object.length) return { status: 416, body: '<Code>InvalidRange</Code>' };
    return { status: 206, body: object.subarray(Number(from), to ? Number(to) + 1 : object.length), headers: { etag } };
  }

  #putPart(blob: Stored, number: number, bytes: Buffer, headers: RecordedRequest['headers']): Answer {
    const checksum = sha256(bytes).toString('base64');
    const wanted = blob.granted.some(
      (one) => one.number === number && one.size === bytes.length && one.checksum === checksum,
    );
    if (!wanted || headers['x-amz-checksum-sha256'] !== checksum)
      return { status: 403, body: '<Code>SignatureDoesNotMatch</Code>' };
    blob.parts.set(number, { size: bytes.length, checksum, bytes: this.forgetful ? Buffer.alloc(0) : bytes });
    return { status: 200 };
  }

  #postForm(blob: Stored, body: Buffer): Answer {
    const [boundary = ''] = /^--[^\r]+/.exec(body.subarray(0, 200).toString('latin1')) ?? [];
    const text = body.toString('latin1');
    const last = text.lastIndexOf(`${boundary}\r\n`);
    const from = text.indexOf('\r\n\r\n', last) + 4;
    const bytes = body.subarray(from, text.lastIndexOf(`\r\n${boundary}--`));
    const [, checksum] = /name="x-amz-checksum-sha256"\r\n\r\n(\S+)\r\n/.exec(text.slice(0, from)) ?? [];
    const isFile = /name="file"/.test(text.slice(last, from));
    if (!isFile || !text.includes(`${org}/${blob.info.id}.enc`) || bytes.length !== blob.announced)
      return { status: 403, body: '<Code>AccessDenied</Code>' };
    if (checksum !== sha256(bytes).toString('base64')) return { status: 400, body: '<Code>BadDigest</Code>' };
    blob.object = Buffer.from(bytes);
    return { status: 204 };
  }
}

/** Deterministic bytes without repetition. */
export function pseudoRandomBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}
