/** Bodies and files that are stored beside the messages: sealed once, and named in the message with key and hashes. */
import { type Bytes, joinBytes, toHex } from '../../../../core/encoding/bytes.ts';
import {
  attachmentBlobLength,
  openAttachment,
  sealAttachment,
  sealFile,
} from '../../../../core/sessions/attachment.ts';
import { randomId16 } from '../../../../core/sessions/device-secrets.ts';
import { encodeFileList, isFileName, type ListedFile } from '../../../../core/sessions/file-list.ts';
import { maxAttachmentBytes, maxFiles } from '../../../../core/sessions/limits.ts';
import { type AttachmentReference, isMediaType } from '../../../../core/sessions/message-content.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { SessionContext } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import type { FileData, SessionFile, TransferProgress } from '../session-types.ts';

type Report = ((progress: TransferProgress) => void) | undefined;
type Storage = Pick<SessionContext, 'own' | 'requests'>;

/** Seals and stores a body that is too long for a message. */
export async function uploadBody(
  { own, requests }: Storage,
  id: Bytes,
  body: Bytes,
  settings: CallSettings,
  report: Report,
): Promise<AttachmentReference> {
  const { bytes, reference } = sealAttachment(own.org, id, body);
  const blob = toHex(randomId16());
  report?.({ bytes: 0, total: body.length });
  await requests.attachments.put(blob, bytes, settings);
  report?.({ bytes: body.length, total: body.length });
  return { ...reference, blob };
}

interface ReadFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Bytes;
}

/**
 * Seals and stores files, one after the other.
 * @returns the body of the message
 * @throws AnimaError invalid_argument; SessionError body_too_large
 */
export async function uploadFiles(
  { own, requests }: Storage,
  id: Bytes,
  text: string,
  files: readonly SessionFile[],
  settings: CallSettings,
  report: Report,
): Promise<Bytes> {
  if (files.length < 1 || files.length > maxFiles) throw notSentError('invalid_argument', `1 to ${maxFiles} files`);
  // All are read before the first one is sent.
  const read: ReadFile[] = [];
  for (const { name, type = 'application/octet-stream', data } of files) {
    if (!isFileName(name) || !isMediaType(type))
      throw notSentError(
        'invalid_argument',
        'a file needs a name without path, of 255 bytes at most, and a media type',
      );
    read.push({ name, type, bytes: await bytesOf(data) });
  }
  const total = read.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const sealed = read.map(({ name, type, bytes }) => ({ name, type, ...sealFile(own.org, id, bytes) }));
  const listed = sealed.map(({ name, type, reference }) => ({ name, type, ...reference, blob: toHex(randomId16()) }));
  const body = listOf(text, listed);
  let sent = 0;
  report?.({ bytes: sent, total });
  for (const [at, { bytes, reference }] of sealed.entries()) {
    await requests.attachments.put(listed[at]?.blob ?? '', bytes, settings);
    sent += reference.length;
    report?.({ bytes: sent, total });
  }
  return body;
}

function listOf(text: string, files: readonly ListedFile[]): Bytes {
  try {
    return encodeFileList({ text, files });
  } catch {
    throw sessionError('body_too_large', 'the text beside files must be short. Send it as a message of its own');
  }
}

/** @throws SessionError body_too_large */
async function bytesOf(data: FileData): Promise<Bytes> {
  if (data instanceof Uint8Array) return checkLength(new Uint8Array(data));
  if ('arrayBuffer' in data) {
    if (data.size > maxAttachmentBytes) throw sessionError('body_too_large');
    return checkLength(new Uint8Array(await data.arrayBuffer()));
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of data) {
    length += piece.length;
    if (length > maxAttachmentBytes) throw sessionError('body_too_large');
    pieces.push(piece);
  }
  return joinBytes(pieces);
}

function checkLength(bytes: Bytes): Bytes {
  if (bytes.length > maxAttachmentBytes) throw sessionError('body_too_large');
  return bytes;
}

/** Downloads an attachment. The hashes in the message decide whether it is the right one. */
export async function download(
  { own, requests }: Storage,
  id: Bytes,
  reference: AttachmentReference,
  settings: CallSettings,
  report: Report,
): Promise<Bytes> {
  const total = attachmentBlobLength(reference.length);
  const bytes = await requests.attachments.get(reference.blob, total, settings, (arrived) =>
    report?.({ bytes: arrived, total }),
  );
  try {
    return openAttachment(own.org, id, reference, bytes);
  } catch {
    throw sessionError('attachment_damaged');
  }
}
