/** Starts or resumes an upload, and maintains the resumable state. */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { CreateBlobResponse, FormUpload, PartsUpload } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import {
  type BlobDescription,
  chooseChunkLog2,
  encodeBlobDescription,
  parseBlobHeader,
  sealedChunkLength,
  sealedLength,
} from '../../../core/blobs/blob-format.ts';
import { newFragmentKey } from '../../../core/blobs/blob-key-derivation.ts';
import { BlobSealer } from '../../../core/blobs/blob-stream.ts';
import { type BlobLink, formatLinkUrl, parseLinkUrl } from '../../../core/blobs/share-link.ts';
import { fromBase64Url, toBase64Url } from '../../../core/encoding/bytes.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, notSentError } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { createError } from '../shared/errors.ts';
import {
  type Decoder,
  decodeListOf,
  decodeNumber,
  decodeObject,
  decodeOneOf,
  decodeStringMap,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import type { BlobUploadState, PutBlobOptions } from './blob-types.ts';
import type { ContentSource } from './content-source.ts';
import { linkFields, withValidLink } from './link-requests.ts';

/** A new or resumed upload. */
export interface UploadSession {
  readonly state: BlobUploadState;
  readonly link: BlobLink;
  readonly sealer: BlobSealer;
  /** Bytes of each part except the last, not counting the header. */
  readonly partLength: number;
  /** Bytes of the whole blob; undefined if the content length is unknown. */
  readonly total: number | undefined;
}

const decodeFormTicket = decodeObject<FormUpload>({
  kind: decodeOneOf<'form'>(['form']),
  url: decodeText,
  fields: decodeStringMap,
  expiresAt: decodeText,
});
/** Upper bound on the part size that the vault may request, because parts are kept in memory. */
const maxChunksPerPart = 4 * limits.blobPartChunks;
const decodeChunkCount: Decoder<number> = (json) =>
  typeof json === 'number' && Number.isInteger(json) && json >= 1 && json <= maxChunksPerPart ? json : undefined;
const decodePartsTicket = decodeObject<PartsUpload>({
  kind: decodeOneOf<'parts'>(['parts']),
  chunks: decodeChunkCount,
});
const decodeUploadTicket: Decoder<FormUpload | PartsUpload> = (json) =>
  decodeFormTicket(json) ?? decodePartsTicket(json);

const decodeCreatedBlob = withValidLink(
  decodeObject<CreateBlobResponse>({
    id: decodeText,
    ...linkFields,
    upload: decodeUploadTicket,
    uploadUntil: decodeText,
  }),
);
const decodeUploadState = decodeObject<BlobUploadState>({
  version: (json) => (json === 1 ? json : undefined),
  id: decodeText,
  url: decodeText,
  header: decodeText,
  type: decodeText,
  name: decodeText,
  size: optional(decodeNumber),
  indexLength: optional(decodeNumber),
  upload: decodeUploadTicket,
  parts: decodeListOf(decodeText),
});

/** Starts a new upload. @throws AnimaError invalid_argument, blob_too_large, and errors returned by the vault */
export async function beginUpload(
  transport: Transport,
  source: ContentSource,
  options: PutBlobOptions,
  settings: CallSettings,
): Promise<UploadSession> {
  const { type = source.type, name = source.name } = options;
  const description = { type, name, size: source.size, indexLength: source.indexLength };
  if (source.indexLength !== undefined && type !== '')
    throw notSentError('invalid_argument', 'a set has no media type; state that of each file');
  const total = checkAndMeasureBlob(description);
  const body = {
    size: total,
    expiresIn: parseExpirySeconds(options.expiresIn),
    maxOpens: checkInteger('maxOpens', options.maxOpens, 1, limits.blobOpeningsMax),
    burn: options.burn,
  };
  const { id, url, upload } = await transport.request({ route: blobRoutes.createBlob, body }, settings, (json) => {
    const created = decodeCreatedBlob(json);
    // A form upload accepts exactly the announced number of bytes.
    return total === undefined && created?.upload.kind === 'form' ? undefined : created;
  });
  const link = parseCreatedLink(formatLinkUrl(url, newFragmentKey()));
  const sealer = await BlobSealer.create(link.key, link, description);
  const state: BlobUploadState = {
    version: 1,
    id,
    url: formatLinkUrl(url, link.key),
    header: toBase64Url(sealer.header),
    type,
    name,
    ...(source.size !== undefined && { size: source.size }),
    ...(source.indexLength !== undefined && { indexLength: source.indexLength }),
    upload,
    parts: [],
  };
  return createUploadSession(state, link, sealer, total);
}

/** Resumes an upload from its state. @throws AnimaError invalid_argument, content_changed */
export async function resumeUpload(source: ContentSource, given: unknown): Promise<UploadSession> {
  const state = decodeUploadState(given);
  const header = state && fromBase64Url(state.header);
  const link = state && parseLinkUrl(state.url);
  if (state === undefined || header === undefined || link === undefined || link.id !== state.id)
    throw invalidStateError();
  // A stream's length is unknown in advance, so its parts are compared instead.
  if (source.size !== undefined && state.size !== undefined && source.size !== state.size) throw contentChangedError();
  const { type, name, size, indexLength } = state;
  if (source.indexLength !== indexLength) throw contentChangedError();
  const description = { type, name, size, indexLength };
  const total = checkAndMeasureBlob(description);
  const sealer = await BlobSealer.resume(link.key, link, description, header).catch(() => {
    throw invalidStateError();
  });
  return createUploadSession(state, link, sealer, total);
}

function createUploadSession(
  state: BlobUploadState,
  link: BlobLink,
  sealer: BlobSealer,
  total: number | undefined,
): UploadSession {
  const { chunkLog2 } = parseBlobHeader(sealer.header);
  // `chunks` counts chunks of 2^20 bytes; smaller chunks need proportionally more.
  const chunks = state.upload.kind === 'form' ? 0 : state.upload.chunks * 2 ** (20 - chunkLog2);
  return { state, link, sealer, partLength: chunks * sealedChunkLength(chunkLog2), total };
}

/** Bytes of the whole blob, if known. */
function checkAndMeasureBlob(description: BlobDescription): number | undefined {
  try {
    encodeBlobDescription(description);
  } catch {
    throw notSentError('invalid_argument', 'type and name must be well-formed strings of 1000 bytes of UTF-8 together');
  }
  if (description.size === undefined) return undefined;
  const total = sealedLength(description.size, chooseChunkLog2(description.size));
  if (total > limits.blobBytes) throw notSentError('blob_too_large', `encrypted, it exceeds ${limits.blobBytes} bytes`);
  return total;
}

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

function parseExpirySeconds(expiresIn: unknown): number | undefined {
  const [, count, unit] = /^(\d{1,8})([smhd])$/.exec(String(expiresIn)) ?? [];
  const known =
    typeof expiresIn === 'string' ? Number(count) * secondsPerUnit[unit as keyof typeof secondsPerUnit] : expiresIn;
  return checkInteger('expiresIn, in seconds or as 90s, 10m, 24h, 7d,', known, 1, limits.blobExpiryMax);
}

function parseCreatedLink(url: string): BlobLink {
  const link = parseLinkUrl(url);
  if (link === undefined) throw createError('unexpected_response', { detail: 'the link of the blob is invalid' });
  return link;
}

const invalidStateError = () =>
  notSentError('invalid_argument', 'resume must be a complete state from onState, of the same SDK version');

/** The content differs from the content of the state. */
export const contentChangedError = () =>
  createError('content_changed', {
    detail:
      'it differs from what was uploaded. The changed bytes were not sent: encrypting two contents under one key ' +
      'would expose both. Resume with the original content, or start again without resume',
  });
