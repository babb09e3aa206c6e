/** Downloads (docs/blobs.md): opens a link by a proof of its key, and decrypts as the ciphertext arrives. Loaded when first needed. */
import type { OpenLinkResponse } from '../../../contract/blobs/wire.ts';
import { computeBlobLayout, parseBlobHeader } from '../../../core/blobs/blob-format.ts';
import { BlobRangeReader } from '../../../core/blobs/blob-range-reader.ts';
import { openBlob } from '../../../core/blobs/blob-stream.ts';
import { computeLinkProof } from '../../../core/blobs/link-proof.ts';
import { type BlobLink, parseLinkUrl } from '../../../core/blobs/share-link.ts';
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
  'The blob was not read to its end. To open it anew is another opening; whether one that broke off counted is not known';

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
  const settings = { ...transport.callSettings(options), outcomeHint: downloadOutcomeHint };
  const link = parseLinkArgument(address);
  // Made now: the key is not held for longer than it takes to open.
  const proof = toBase64(await computeLinkProof(link.key, link, 'burn'));
  const burn = async (): Promise<void> => {
    const call = { route: 'burnLink', link: link.link, body: { proof } } as const;
    const settings = {
      ...transport.callSettings(options),
      outcomeHint: 'Whether it was destroyed is not known; burn it again',
    };
    await transport.request(call, settings, decodeBurned);
  };
  try {
    const opening = await requestLinkOpening(transport, link, settings);
    const sealed = new CiphertextDownload(transport.fetch, opening, settings, options.onProgress);
    const { description, content } = await openBlob(link.key, link, sealed.pieces(), opening.size);
    const { chunkLog2 } = parseBlobHeader(sealed.header());
    const { contentLength } = computeBlobLayout(opening.size, chunkLog2);
    const burns = opening.burn && options.burn !== false;
    return new OpenedBlob(
      { type: description.type, name: description.name, size: contentLength },
      withPublicErrors(content),
      burn,
      burns,
    );
  } catch (error) {
    throw toPublicError(error);
  } finally {
    link.key.fill(0);
  }
}

/** Opens a link and reads bytes `start` to `end`, excluded, of its content. @throws AnimaError */
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
      'a range is two whole numbers of bytes, from 0 on, the second not below the first',
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
function parseLinkArgument(address: unknown): BlobLink {
  const link = typeof address === 'string' ? parseLinkUrl(address) : undefined;
  if (link === undefined) {
    throw notSentError('invalid_link', 'it must end in /b/, 58 characters, # and the 43 characters of the key');
  }
  return link;
}

/** The one request that counts; by its name, a retry after an answer that got lost counts no second time. */
async function requestLinkOpening(
  transport: Transport,
  link: BlobLink,
  settings: CallSettings,
): Promise<OpenLinkResponse> {
  const body = { proof: toBase64(await computeLinkProof(link.key, link, 'open')), opening: newWriteId() };
  const opening = await transport.request({ route: 'openLink', link: link.link, body }, settings, decodeOpenedLink);
  checkStorageUrl(opening.url);
  return opening;
}

async function* withPublicErrors(
  content: AsyncGenerator<Bytes, void, undefined>,
): AsyncGenerator<Bytes, void, undefined> {
  try {
    yield* content;
  } catch (error) {
    throw toPublicError(error);
  }
}

/** One error for every cause of what does not open. */
const toPublicError = (error: unknown): unknown =>
  error instanceof DecryptionError && !(error instanceof AnimaError)
    ? createError('decryption_failed', {
        detail:
          'the key of the link is not that of the blob, or the blob is not as it was uploaded. What was given before is authentic, ' +
          'but not all there was. Ask its sender for it anew',
      })
    : error;
