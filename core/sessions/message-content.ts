/** The plaintext of a message (docs/format-sessions.md, section 5). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { pad, paddedLength } from '../encoding/padding.ts';
import { blake2b256Length } from '../hazmat/blake2b.ts';
import { xchachaKeyLength } from '../hazmat/xchacha20-poly1305.ts';
import { maxAttachmentBytes, maxInlineBody } from './limits.ts';

/** A body that is stored as a blob. */
export interface AttachmentReference {
  /** Name of the blob: 1 to 64 characters of `A-Z a-z 0-9 _ -`. */
  readonly blob: string;
  readonly key: Bytes;
  /** BLAKE2b-256 of the stored bytes, and of the body. */
  readonly ciphertextHash: Bytes;
  readonly bodyHash: Bytes;
  /** Bytes of the body. */
  readonly length: number;
}

export interface MessageContent {
  /** 16 random bytes. The same for all recipients, and when it is sent again. */
  readonly id: Bytes;
  /** 32 characters of lower-case hex. */
  readonly conversation: string;
  /** 1, 2, 3 … for each conversation of the sending device. */
  readonly counter: number;
  /** By the clock of the sender: milliseconds since 1970. */
  readonly time: number;
  /** Newest entry of the directory that the sender has verified. */
  readonly head: { readonly seq: number; readonly hash: Bytes };
  /** Media type of the body: 1 to 127 of the characters 0x21 to 0x7E. */
  readonly type: string;
  readonly body: Bytes | AttachmentReference;
}

const contentVersion = 1;
const prefixLength = 5;
export const messageIdLength = 16;
const bodyForms = { inline: 0, attachment: 1 } as const;

const isConversation = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);
export const isMediaType = (text: string): boolean => /^[\x21-\x7e]{1,127}$/.test(text);
const isBlobName = (text: string): boolean => /^[A-Za-z0-9_-]{1,64}$/.test(text);

const isBytes = (body: MessageContent['body']): body is Bytes => body instanceof Uint8Array;

function isContent({ id, conversation, counter, head, type, body }: MessageContent): boolean {
  const isBody = isBytes(body)
    ? body.length <= maxInlineBody
    : isBlobName(body.blob) && body.length > maxInlineBody && body.length <= maxAttachmentBytes;
  return id.length === messageIdLength && isConversation(conversation) && counter >= 1 && isMediaType(type)
    ? head.hash.length === blake2b256Length && isBody
    : false;
}

/** The fields of a reference (section 6). */
export const referenceFields = ({ blob, key, ciphertextHash, bodyHash, length }: AttachmentReference) =>
  [blob, key, ciphertextHash, bodyHash, u64Bytes(length)] as const;

/** A reference from its fields, in any length of the body. @throws DecryptionError for every other form */
export function parseReference(fields: readonly Bytes[]): AttachmentReference {
  if (fields.length !== 5) throw new DecryptionError();
  const [blob, key, ciphertextHash, bodyHash, length] = fields;
  const reference = {
    blob: required(decodeTextField(blob)),
    key: new Uint8Array(required(fieldOfLength(key, xchachaKeyLength))),
    ciphertextHash: new Uint8Array(required(fieldOfLength(ciphertextHash, blake2b256Length))),
    bodyHash: new Uint8Array(required(fieldOfLength(bodyHash, blake2b256Length))),
    length: required(decodeU64Field(length)),
  };
  if (!isBlobName(reference.blob) || reference.length > maxAttachmentBytes) throw new DecryptionError();
  return reference;
}

const encodeBody = (body: MessageContent['body']): Bytes =>
  isBytes(body) ? body : encodeFieldBytes(...referenceFields(body));

/** The padded plaintext, which the caller zeroes. @throws RangeError for content that no reader accepts */
export function encodeContent(content: MessageContent): Bytes {
  if (!isContent(content)) throw new RangeError('not the content of a message');
  const { id, conversation, counter, time, head, type, body } = content;
  const fields = encodeFieldBytes(
    ...[id, conversation, u64Bytes(counter), u64Bytes(time), u64Bytes(head.seq), head.hash, type],
    Uint8Array.of(isBytes(body) ? bodyForms.inline : bodyForms.attachment),
    encodeBody(body),
  );
  const padded = padContent(fields);
  fields.fill(0);
  return padded;
}

/** 0x01 ‖ u32(length) ‖ bytes ‖ zero bytes. */
export const padContent = (bytes: Uint8Array): Bytes => {
  const framed = concatBytes(Uint8Array.of(contentVersion), u32Bytes(bytes.length), bytes);
  const padded = pad(framed);
  framed.fill(0);
  return padded;
};

/** The inverse of {@link padContent}, as a view; undefined for every other form. */
export function unpadContent(plaintext: Bytes): Bytes | undefined {
  if (plaintext.length < prefixLength || plaintext[0] !== contentVersion) return undefined;
  const end = prefixLength + new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(1);
  if (end > plaintext.length || plaintext.length !== paddedLength(end)) return undefined;
  return plaintext.subarray(end).some((byte) => byte !== 0) ? undefined : plaintext.subarray(prefixLength, end);
}

const required = <T>(value: T | undefined): T => {
  if (value === undefined) throw new DecryptionError();
  return value;
};

/** @throws DecryptionError for every other form */
export function parseContent(plaintext: Bytes): MessageContent {
  const fields = decodeFieldBytes(required(unpadContent(plaintext))) ?? [];
  const [id, conversation, counter, time, seq, hash, type, form, body] = fields;
  if (fields.length !== 9 || form?.length !== 1) throw new DecryptionError();
  const content = {
    id: required(fieldOfLength(id, messageIdLength)),
    conversation: required(decodeTextField(conversation)),
    counter: required(decodeU64Field(counter)),
    time: required(decodeU64Field(time)),
    head: { seq: required(decodeU64Field(seq)), hash: required(fieldOfLength(hash, blake2b256Length)) },
    type: required(decodeTextField(type)),
    body: parseBody(form[0], required(body)),
  };
  if (!isContent(content)) throw new DecryptionError();
  return content;
}

function parseBody(form: number | undefined, body: Bytes): MessageContent['body'] {
  if (form === bodyForms.inline) return new Uint8Array(body);
  if (form !== bodyForms.attachment) throw new DecryptionError();
  return parseReference(decodeFieldBytes(body) ?? []);
}
