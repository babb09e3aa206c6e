/** Ciphertext of attachments, over presigned URLs (docs/session-service.md, section 7). */
import { sessionRoutes } from '../../../../contract/sessions/routes.ts';
import type {
  CreateAttachmentRequest,
  CreateAttachmentResponse,
  GetAttachmentResponse,
} from '../../../../contract/sessions/wire.ts';
import { sha256 } from '../../../../core/blobs/blob-key-derivation.ts';
import { type Bytes, toBase64 } from '../../../../core/encoding/bytes.ts';
import {
  checkStorageResponse,
  checkStorageUrl,
  requestStorage,
  startStorageRequest,
  throwConnectionFailed,
  withTransferTimeout,
} from '../../http/object-storage.ts';
import { withRetries, withTimeout } from '../../http/retry.ts';
import type { Transport } from '../../http/transport.ts';
import { AnimaError } from '../../shared/errors.ts';
import { decodeObject, decodeStringMap, decodeText } from '../../shared/json-decoders.ts';
import { rowOf, type SendSigned } from './request-rows.ts';
import type { AttachmentRequests } from './session-requests.ts';

const decodeUpload = decodeObject<CreateAttachmentResponse>({
  url: decodeText,
  headers: decodeStringMap,
  expiresAt: decodeText,
});
const decodeDownload = decodeObject<GetAttachmentResponse>({ url: decodeText, expiresAt: decodeText });

/** The object is there already: an earlier request stored it, and its answer was lost. */
const isStored = (error: unknown): boolean => error instanceof AnimaError && error.status === 412;

export const attachmentRequests = (send: SendSigned, { fetch }: Pick<Transport, 'fetch'>): AttachmentRequests => ({
  put: async (name, bytes, settings) => {
    const body: CreateAttachmentRequest = { name, bytes: bytes.length, sha256: toBase64(await sha256(bytes)) };
    const { url, headers } = await send(rowOf(sessionRoutes.createAttachment), { body }, settings, decodeUpload);
    const request = { method: 'PUT', url: checkStorageUrl(url), headers, body: bytes } as const;
    const upload = () => requestStorage(fetch, request, withTransferTimeout(bytes.length, settings));
    await withRetries(settings, upload).catch((error: unknown) => {
      if (!isStored(error)) throw error;
    });
  },
  get: async (name, length, settings, onProgress) => {
    const { url } = await send(rowOf(sessionRoutes.getAttachment, { name }), {}, settings, decodeDownload);
    const transfer = withTransferTimeout(length, settings);
    const request = { method: 'GET', url: checkStorageUrl(url) } as const;
    return await withRetries(settings, () =>
      withTimeout(transfer, async (signal) => {
        const response = await startStorageRequest(fetch, request, settings, signal);
        await checkStorageResponse(response, 200);
        return await readUpTo(response, length, onProgress).catch(throwConnectionFailed(settings));
      }),
    );
  },
});

/** Reads one byte more than was expected at most: what the storage answers is not trusted. */
async function readUpTo(
  { body }: Response,
  length: number,
  onProgress: ((bytes: number) => void) | undefined,
): Promise<Bytes> {
  const reader = body?.getReader();
  const bytes = new Uint8Array(length + 1);
  let at = 0;
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    const piece = next.value.subarray(0, bytes.length - at);
    bytes.set(piece, at);
    at += piece.length;
    onProgress?.(Math.min(at, length));
    if (at <= length) continue;
    await reader?.cancel().catch(() => undefined);
    break;
  }
  return bytes.subarray(0, at);
}
