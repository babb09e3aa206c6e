/**
 * Serves the built link page with the deployed headers, the link routes, and object storage on a separate origin. Tests
 * use only {@link PageServer} where possible, so that they can run against another implementation.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { App, Stack } from 'aws-cdk-lib';
import { z } from 'zod';
import { newFragmentKey } from '../../core/blobs/blob-key-derivation.ts';
import { BlobSealer } from '../../core/blobs/blob-stream.ts';
import { collectGroups } from '../../core/blobs/byte-source.ts';
import { computeLinkProof, type LinkProofPurpose, verifierOf } from '../../core/blobs/link-proof.ts';
import { formatLinkId, formatLinkUrl } from '../../core/blobs/share-link.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { bundlePage } from '../../lib/link-page/page-bundle.ts';
import { pageResponseHeaders } from '../../lib/link-page/response-headers.ts';

export interface FileOptions {
  readonly type?: string;
  readonly name?: string;
  readonly maxOpens?: number;
  readonly burn?: boolean;
  /** Bytes of the index, if the content is a set of files. */
  readonly indexLength?: number;
}

/** A created link with its key. */
export interface CreatedLink {
  readonly url: string;
  /** The fragment, without `#`. */
  readonly key: string;
  readonly link: string;
}

export interface LoggedRequest {
  readonly server: 'page' | 'storage';
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface PageServer {
  readonly origin: string;
  readonly storage: string;
  make(content: Uint8Array<ArrayBuffer>, options?: FileOptions): Promise<CreatedLink>;
  log(): readonly LoggedRequest[];
  close(): Promise<void>;
}

/** A stored file with faults that tests can set. */
export interface Stored {
  /** The downloaded bytes of the object. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Error codes of the routes, by the last part of their path. */
  refuse: { look?: string | undefined; opening?: string | undefined; burning?: string | undefined };
  /** Number of bytes after which storage stops sending and waits. */
  stopsAfter?: number | undefined;
  /** Closes the connection of a stopped download. */
  drop?: () => void;
  /** Status that storage returns instead. */
  status?: number;
  openings: number;
  /** ID of the latest opening. */
  opening?: string | undefined;
  /** Number of openings that are counted, but whose response is lost. */
  lost?: number;
  burned: boolean;
  readonly verifiers: Record<LinkProofPurpose, string>;
  readonly options: FileOptions;
}

/** A page server with configurable faults. */
export interface FakePageServer extends PageServer {
  stored(made: CreatedLink): Stored;
}

const statusOf: Readonly<Record<string, number>> = {
  ...{ proof_refused: 403, blob_not_found: 404, blob_not_uploaded: 409, org_locked: 423, unavailable: 503 },
  ...{ blob_expired: 410, blob_spent: 410, blob_deleted: 410, org_shredded: 410 },
};

/** The headers of the deployed page, from its construct. Only the origin of the bucket differs. */
function headersOf(page: ReturnType<typeof bundlePage>, storage: string): Record<string, string> {
  const app = new App();
  const stack = new Stack(app, 'headers');
  const { scriptHash, styleHash } = page;
  pageResponseHeaders(stack, 'Headers', { name: 'test', scriptHash, styleHash, objectsOrigin: storage });
  const config = policySchema.parse(Object.values(app.synth().getStackByName('headers').template.Resources)[0]);
  const { CustomHeadersConfig: custom, SecurityHeadersConfig: security } =
    config.Properties.ResponseHeadersPolicyConfig;
  return {
    ...Object.fromEntries(custom.Items.map(({ Header, Value }) => [Header, Value])),
    'Content-Security-Policy': security.ContentSecurityPolicy.ContentSecurityPolicy,
    'Referrer-Policy': security.ReferrerPolicy.ReferrerPolicy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': security.FrameOptions.FrameOption,
  };
}
const policySchema = z.object({
  Properties: z.object({
    ResponseHeadersPolicyConfig: z.object({
      CustomHeadersConfig: z.object({ Items: z.array(z.object({ Header: z.string(), Value: z.string() })) }),
      SecurityHeadersConfig: z.object({
        ContentSecurityPolicy: z.object({ ContentSecurityPolicy: z.string() }),
        ReferrerPolicy: z.object({ ReferrerPolicy: z.string() }),
        FrameOptions: z.object({ FrameOption: z.string() }),
        ContentTypeOptions: z.object({ Override: z.literal(true) }),
      }),
    }),
  }),
});

const proofSchema = z.strictObject({ proof: z.string(), opening: z.optional(z.string()) });

export async function startFakePageServer(): Promise<FakePageServer> {
  const log: LoggedRequest[] = [];
  const files = new Map<string, Stored>();
  const storageServer = createServer((request, response) => void objects(request, response, files, log));
  const storage = await listening(storageServer);
  const page = bundlePage('viewer');
  const headers = headersOf(page, storage);
  const pageServer = createServer(async (request, response) => {
    const path = request.url ?? '';
    const body = await bodyOf(request);
    log.push({ server: 'page', method: request.method ?? '', path, headers: request.headers, body });
    const [, link = '', verb] = /^\/v1\/links\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
    if (link !== '') return answer(response, await linkAnswer(files.get(link), link, verb, body, storage));
    if (path !== '/' && !path.startsWith('/b/')) return void response.writeHead(404).end();
    response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(page.html);
  });
  const origin = await listening(pageServer);
  return {
    origin,
    storage,
    log: () => log,
    make: async (content, options = {}) => {
      const id = { org: randomId(), id: createTimeId(Date.now(), crypto.getRandomValues(new Uint8Array(16))) };
      const key = newFragmentKey();
      const { type = '', name = '', indexLength } = options;
      const described = { type, name, size: content.length, indexLength };
      const bytes = await collectGroups((await BlobSealer.create(key, id, described)).seal([content]));
      const link = formatLinkId({ ...id, locator: randomId() });
      const verifier = async (verb: LinkProofPurpose) =>
        toBase64(await verifierOf(await computeLinkProof(key, id, verb)));
      const verifiers = { open: await verifier('open'), burn: await verifier('burn') };
      const state = { refuse: {}, openings: 0, burned: false };
      files.set(link, { bytes, verifiers, options, ...state });
      const url = formatLinkUrl(`${origin}/b/${link}`, key);
      return { url, link, key: url.slice(url.indexOf('#') + 1) };
    },
    stored: ({ link }) => {
      const found = files.get(link);
      if (found === undefined) throw new Error('the link does not exist');
      return found;
    },
    close: async () => {
      await Promise.all([pageServer, storageServer].map(closed));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: object;
}
const refusal = (code: string): Answer => ({
  status: statusOf[code] ?? 500,
  body: { type: `urn:anima:error:${code}`, code, status: statusOf[code] ?? 500 },
});

async function linkAnswer(
  file: Stored | undefined,
  link: string,
  verb: string | undefined,
  body: string,
  storage: string,
): Promise<Answer> {
  if (file === undefined) return refusal('blob_not_found');
  const { options, refuse } = file;
  const maxOpens = options.burn === true ? 1 : options.maxOpens;
  const planned = refuse[verb === 'opening' || verb === 'burning' ? verb : 'look'];
  if (planned !== undefined) return refusal(planned);
  const look = () => ({
    size: file.bytes.length,
    createdAt: '2026-11-21T06:00:00.000Z',
    ...(maxOpens === undefined
      ? {}
      : { openingsLeft: maxOpens - file.openings, expiresAt: '2026-12-24T18:00:00.000Z' }),
    burn: options.burn === true,
  });
  if (verb === 'burning') {
    if (!(await proves(body, file.verifiers.burn))) return refusal('proof_refused');
    file.burned = true;
    return { status: 200, body: { burned: true } };
  }
  if (verb === undefined)
    return file.openings >= (maxOpens ?? Number.POSITIVE_INFINITY)
      ? refusal('blob_spent')
      : { status: 200, body: look() };
  if (!(await proves(body, file.verifiers.open))) return refusal('proof_refused');
  const refused = counted(file, body, maxOpens);
  if (refused !== undefined) return refused;
  const url = `${storage}/${link}.enc?X-Amz-Signature=0`;
  return { status: 200, body: { ...look(), url, urlExpiresAt: '2026-11-21T06:30:00.000Z' } };
}

/** Counts an opening unless it repeats the latest one. Returns the response to send instead, if any. */
function counted(file: Stored, body: string, maxOpens = Number.POSITIVE_INFINITY): Answer | undefined {
  const { opening } = proofSchema.parse(JSON.parse(body));
  if (opening === undefined || opening !== file.opening) {
    if (file.openings >= maxOpens) return refusal('blob_spent');
    file.openings += 1;
    file.opening = opening;
  }
  if ((file.lost ?? 0) === 0) return undefined;
  file.lost = (file.lost ?? 0) - 1;
  return refusal('unavailable');
}

async function proves(body: string, verifier: string): Promise<boolean> {
  const { proof } = proofSchema.parse(JSON.parse(body));
  return toBase64(await verifierOf(Buffer.from(proof, 'base64'))) === verifier;
}

/** The part of S3 that downloads need: CORS for any origin, ranges, and connections that tests can close. */
async function objects(
  request: IncomingMessage,
  response: ServerResponse,
  files: Map<string, Stored>,
  log: LoggedRequest[],
): Promise<void> {
  const { method = '', url = '', headers } = request;
  log.push({ server: 'storage', method, path: url, headers, body: await bodyOf(request) });
  const cors = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'etag, content-range' };
  const file = files.get(url.slice(1, 59));
  if (method === 'OPTIONS') {
    return void response.writeHead(200, { ...cors, 'access-control-allow-headers': 'range' }).end();
  }
  const status = file?.burned === true ? 404 : file?.status;
  if (file === undefined || status !== undefined) return void response.writeHead(status ?? 404, cors).end();
  const { bytes } = file;
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, {
    ...cors,
    ...range,
    'content-length': bytes.length - from,
    'content-type': 'application/octet-stream',
  });
  if (file.stopsAfter !== undefined) {
    file.drop = () => request.socket.destroy();
    return void response.write(bytes.subarray(from, from + file.stopsAfter));
  }
  response.end(bytes.subarray(from));
}

function answer(response: ServerResponse, { status, body }: Answer): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of request) body += String(piece);
  return body;
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
