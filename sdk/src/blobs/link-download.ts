/**
 * Downloads (docs/blobs.md): opens a link with a proof of its key and decrypts the ciphertext as it arrives. Loaded
 * on first use.
 */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { OpenLinkResponse } from '../../../contract/blobs/wire.ts';
import { computeBlobLayout, parseBlobHeader } from '../../../core/blobs/blob-format.ts';
import { BlobRangeReader } from '../../../core/blobs/blob-range-reader.ts';
import { openBlob } from '../../../core/blobs/blob-stream.ts';
import { eachPiece, type PieceGroup } from '../../../core/blobs/byte-source.ts';
import { FileSetReader } from '../../../core/blobs/file-set.ts';
import { computeLinkProof } from '../../../core/blobs/link-proof.ts';
import { type BlobLink, type ParsedLinkUrl, parseLinkUrl } from '../../../core/blobs/share-link.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Bytes, toBase64 } from '../../../core/encoding/bytes.ts';
import { checkStorageUrl, requestStorage, withTransferTimeout } from '../http/object-storage.ts';
import { withRetries } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import { newWriteId, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { decodeBoolean, decodeObject, decodeText } from '../shared/json-decoders.ts';
import type { GetBlobOptions } from './blob-types.ts';
import { CiphertextDownload } from './ciphertext-download.ts';
import { linkInfoFields } from './link-requests.ts';
import { OpenedBlob } from './opened-blob.ts';

const downloadOutcomeHint =
  'The blob was not read to the end. Opening it again is a new opening; the interrupted one may have been counted';

const decodeOpenedLink = decodeObject<OpenLinkResponse>({
  ...linkInfoFields,
  url: decodeText,
  urlExpiresAt: decodeText,
});
const decodeBurned = decodeObject<{ burned: boolean }>({ burned: decodeBoolean });

/** Opens a link. @throws AnimaError */
export async function downloadBlob(
  transport: Transport,
  address: string,
  options: GetBlobOptions,
): Promise<OpenedBlob> {
  const settings = { ...transport.callSettings(options, 'onProgress', 'burn'), outcomeHint: downloadOutcomeHint };
  const link = parseLinkArgument(address);
  // The burn proof is computed now, so that the key is not kept longer than opening requires.
  const proof = toBase64(await computeLinkProof(link.key, link, 'burn'));
  const burn = async (): Promise<void> => {
    const call = { route: blobRoutes.burnLink, link: link.link, body: { proof } } as const;
    const burnSettings = { ...settings, outcomeHint: 'It may or may not be destroyed; burn it again' };
    await transport.request(call, burnSettings, decodeBurned);
  };
  try {
    const opening = await requestLinkOpening(transport, link, settings);
    const sealed = new CiphertextDownload(transport.fetch, opening, settings, options.onProgress);
    const { description, content } = await openBlob(link.key, link, sealed.pieces(), opening.size);
    const { chunkLog2 } = parseBlobHeader(sealed.header());
    const { contentLength } = computeBlobLayout(opening.size, chunkLog2);
    const burns = opening.burn && options.burn !== false;
    const { type, name, indexLength } = description;
    const checked = withPublicErrors(content);
    if (indexLength === undefined) return new OpenedBlob({ type, name, size: contentLength }, checked, burn, burns);
    const reader = new FileSetReader(checked);
    const entries = await reader.readIndex(indexLength, contentLength);
    return new OpenedBlob({ type, name, size: contentLength - indexLength }, checked, burn, burns, { entries, reader });
  } catch (error) {
    throw toPublicError(error);
  } finally {
    link.key.fill(0);
  }
}

/** Opens a link and reads content bytes `start` (inclusive) to `end` (exclusive). @throws AnimaError */
export async function downloadRange(
  transport: Transport,
  address: string,
  [start, end]: readonly [number, number],
  options: CallOptions,
): Promise<Uint8Array> {
  const settings = { ...transport.callSettings(options), outcomeHint: downloadOutcomeHint };
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw notSentError(
      'invalid_argument',
      'start and end must be whole numbers, 0 or more, and end not less than start',
    );
  }
  const link = parseLinkArgument(address);
  try {
    const { url, size } = await requestLinkOpening(transport, link, settings);
    const read = (from: number, to: number): Promise<Uint8Array> => {
      const headers = { range: `bytes=${from}-${to - 1}` };
      const within = withTransferTimeout(to - from, settings);
      return withRetries(within, () => requestStorage(transport.fetch, { method: 'GET', url, headers }, within, 206));
    };
    const ranges = await BlobRangeReader.open(link.key, link, size, read);
    return await ranges.readRange(start, end);
  } catch (error) {
    throw toPublicError(error);
  } finally {
    link.key.fill(0);
  }
}

/** @throws AnimaError invalid_link */
export function parseLinkArgument(address: unknown): ParsedLinkUrl {
  const link = typeof address === 'string' ? parseLinkUrl(address) : undefined;
  if (link === undefined) {
    throw notSentError('invalid_link', 'it must end in /b/, 58 characters, # and the 43 characters of the key');
  }
  return link;
}

/**
 * The only request that counts as an opening. It carries an opening id, so a retry after a lost response is not
 * counted again.
 */
async function requestLinkOpening(
  transport: Transport,
  link: BlobLink,
  settings: CallSettings,
): Promise<OpenLinkResponse> {
  const body = { proof: toBase64(await computeLinkProof(link.key, link, 'open')), opening: newWriteId() };
  const opening = await transport.request(
    { route: blobRoutes.openLink, link: link.link, body },
    settings,
    decodeOpenedLink,
  );
  checkStorageUrl(opening.url);
  return opening;
}

async function* withPublicErrors(
  content: AsyncGenerator<PieceGroup, void, undefined>,
): AsyncGenerator<Bytes, void, undefined> {
  try {
    yield* eachPiece(content);
  } catch (error) {
    throw toPublicError(error);
  }
}

/** Maps every decryption failure to one error. */
const toPublicError = (error: unknown): unknown =>
  error instanceof DecryptionError && !(error instanceof AnimaError)
    ? createError('decryption_failed', {
        detail:
          'the key of the link is wrong, or the blob was altered or truncated. The bytes delivered so far are authentic, ' +
          'but incomplete. Ask the sender to share it again',
      })
    : error;
