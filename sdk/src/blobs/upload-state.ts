/** The beginning of an upload, new or resumed, and the state that it is resumed from. */
import type { CreateBlobResponse, FormUpload, PartsUpload } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import {
  type BlobDescription,
  chunkLog2For,
  encodeDescription,
  parseHeader,
  sealedChunkLength,
  sealedLength,
} from '../../../core/blobs/blob-format.ts';
import { newFragmentKey } from '../../../core/blobs/blob-key-derivation.ts';
import { BlobSealer } from '../../../core/blobs/blob-stream.ts';
import { type BlobLink, formatLinkUrl, parseLinkUrl } from '../../../core/blobs/share-link.ts';
import { fromBase64Url, toBase64Url } from '../../../core/encoding/bytes.ts';
import type { Transport } from '../http/transport.ts';
import { checkWhole, refused } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { errorOf } from '../shared/errors.ts';
import { listOf, number, object, oneOf, optional, type Reader, strings, text } from '../shared/json-decoders.ts';
import type { BlobUploadState, PutBlobOptions } from './blob-types.ts';
import type { Source } from './content-source.ts';
import { linkFields, linking } from './link-requests.ts';

/** An upload that can go on. */
export interface Upload {
  readonly state: BlobUploadState;
  readonly link: BlobLink;
  readonly sealer: BlobSealer;
  /** Bytes of each part but the last, and beside the header. */
  readonly partLength: number;
  /** Bytes of the whole blob; undefined when the length of the content is not known. */
  readonly total: number | undefined;
}

const form = object<FormUpload>({ kind: oneOf<'form'>(['form']), url: text, fields: strings, expiresAt: text });
/** More than this would not be held in memory on a vault's word. */
const mostChunks = 4 * limits.blobPartChunks;
const chunkCount: Reader<number> = (json) =>
  typeof json === 'number' && Number.isInteger(json) && json >= 1 && json <= mostChunks ? json : undefined;
const inParts = object<PartsUpload>({ kind: oneOf<'parts'>(['parts']), chunks: chunkCount });
const ticket: Reader<FormUpload | PartsUpload> = (json) => form(json) ?? inParts(json);

const decodeCreated = linking(
  object<CreateBlobResponse>({ id: text, ...linkFields, upload: ticket, uploadUntil: text }),
);
const decodeState = object<BlobUploadState>({
  version: (json) => (json === 1 ? json : undefined),
  id: text,
  url: text,
  header: text,
  type: text,
  name: text,
  size: optional(number),
  upload: ticket,
  parts: listOf(text),
});

/** Begins a blob. @throws AnimaError invalid_argument, blob_too_large, and what the vault refuses */
export async function begun(
  transport: Transport,
  source: Source,
  options: PutBlobOptions,
  settings: CallSettings,
): Promise<Upload> {
  const { type = source.type, name = source.name } = options;
  const description = { type, name, size: source.size };
  const total = checkDescription(description);
  const body = {
    size: total,
    expiresIn: seconds(options.expiresIn),
    maxOpens: checkWhole('maxOpens', options.maxOpens, 1, limits.blobOpeningsMax),
    burn: options.burn,
  };
  const { id, url, upload } = await transport.request({ route: 'createBlob', body }, settings, (json) => {
    const created = decodeCreated(json);
    // A form takes what was announced, to the byte.
    return total === undefined && created?.upload.kind === 'form' ? undefined : created;
  });
  const link = linkOf(formatLinkUrl(url, newFragmentKey()));
  const sealer = await BlobSealer.create(link.key, link, description);
  const state: BlobUploadState = {
    version: 1,
    id,
    url: formatLinkUrl(url, link.key),
    header: toBase64Url(sealer.header),
    type,
    name,
    ...(source.size !== undefined && { size: source.size }),
    upload,
    parts: [],
  };
  return uploadOf(state, link, sealer, total);
}

/** Goes on with the upload of a state. @throws AnimaError invalid_argument, content_changed */
export async function resumed(source: Source, given: unknown): Promise<Upload> {
  const state = decodeState(given);
  const header = state && fromBase64Url(state.header);
  const link = state && parseLinkUrl(state.url);
  if (state === undefined || header === undefined || link === undefined || link.id !== state.id) throw noState();
  // Of a stream the length is not known beforehand: the parts themselves are compared.
  if (source.size !== undefined && state.size !== undefined && source.size !== state.size) throw contentChanged();
  const { type, name, size } = state;
  const total = checkDescription({ type, name, size });
  const sealer = await BlobSealer.again(link.key, link, { type, name, size }, header).catch(() => {
    throw noState();
  });
  return uploadOf(state, link, sealer, total);
}

function uploadOf(state: BlobUploadState, link: BlobLink, sealer: BlobSealer, total: number | undefined): Upload {
  const { chunkLog2 } = parseHeader(sealer.header);
  // Parts are counted in chunks of 2^20 bytes: with smaller ones there are more of them.
  const chunks = state.upload.kind === 'form' ? 0 : state.upload.chunks * 2 ** (20 - chunkLog2);
  return { state, link, sealer, partLength: chunks * sealedChunkLength(chunkLog2), total };
}

/** Bytes of the whole blob, where they are known. */
function checkDescription(description: BlobDescription): number | undefined {
  try {
    encodeDescription(description);
  } catch {
    throw refused('invalid_argument', 'type and name must be well-formed strings of 1000 bytes of UTF-8 together');
  }
  if (description.size === undefined) return undefined;
  const total = sealedLength(description.size, chunkLog2For(description.size));
  if (total > limits.blobBytes) throw refused('blob_too_large', `encrypted, it is over ${limits.blobBytes} bytes`);
  return total;
}

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

function seconds(expiresIn: unknown): number | undefined {
  const [, count, unit] = /^(\d{1,8})([smhd])$/.exec(String(expiresIn)) ?? [];
  const known = typeof expiresIn === 'string' ? Number(count) * units[unit as keyof typeof units] : expiresIn;
  return checkWhole('expiresIn, in seconds or as 90s, 10m, 24h, 7d,', known, 1, limits.blobExpiryMax);
}

function linkOf(url: string): BlobLink {
  const link = parseLinkUrl(url);
  if (link === undefined) throw errorOf('unexpected_response', { detail: 'the link of the blob is none' });
  return link;
}

const noState = () =>
  refused(
    'invalid_argument',
    'resume is not a state that onState was given, whole, or is of another version of the SDK',
  );

/** The content differs from that of the state. */
export const contentChanged = () =>
  errorOf('content_changed', {
    detail:
      'what it gives now differs from what was uploaded. Nothing of the difference was sent, since encrypting two contents by one key ' +
      'would give both away. Resume with the content as it was, or begin anew without resume',
  });
