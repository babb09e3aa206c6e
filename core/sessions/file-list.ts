/** A text with files, as the body of a message (docs/format-sessions.md, section 6). */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes, utf8Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField } from '../encoding/field-reader.ts';
import { maxFileNameBytes, maxFiles, maxInlineBody } from './limits.ts';
import { type AttachmentReference, isMediaType, parseReference, referenceFields } from './message-content.ts';

/** Type of a message with files. */
export const filesType = 'anima/files';

export interface ListedFile extends AttachmentReference {
  /** For people. No path: see {@link isFileName}. */
  readonly name: string;
  /** Media type. */
  readonly type: string;
}

export interface FileList {
  readonly text: string;
  readonly files: readonly ListedFile[];
}

/** Without separators of paths and control characters, and not `.` or `..`: it can be the name of a file in a folder. */
export const isFileName = (name: string): boolean =>
  !/[/\\]|\p{Cc}|\p{Cs}/u.test(name) && !/^\.{0,2}$/.test(name) && utf8Bytes(name).length <= maxFileNameBytes;

const isFileList = ({ files }: FileList): boolean =>
  files.length >= 1 &&
  files.length <= maxFiles &&
  files.every(({ name, type }) => isFileName(name) && isMediaType(type));

/** @throws RangeError for a list that no reader accepts, and one that is too long for a message */
export function encodeFileList(list: FileList): Bytes {
  const files = list.files.map((file) => encodeFieldBytes(file.name, file.type, ...referenceFields(file)));
  const body = encodeFieldBytes(list.text, encodeFieldBytes(...files));
  if (!isFileList(list) || body.length > maxInlineBody) throw new RangeError('not a list of files');
  return body;
}

/** @throws DecryptionError for every other form */
export function parseFileList(body: Uint8Array): FileList {
  const fields = decodeFieldBytes(body) ?? [];
  const [text, files] = [decodeTextField(fields[0]), fields[1] && decodeFieldBytes(fields[1])];
  if (fields.length !== 2 || text === undefined || files === undefined) throw new DecryptionError();
  const list = { text, files: files.map(parseFile) };
  if (!isFileList(list)) throw new DecryptionError();
  return list;
}

function parseFile(bytes: Uint8Array): ListedFile {
  const [name, type, ...reference] = decodeFieldBytes(bytes) ?? [];
  const [nameText, typeText] = [decodeTextField(name), decodeTextField(type)];
  if (nameText === undefined || typeText === undefined) throw new DecryptionError();
  return { name: nameText, type: typeText, ...parseReference(reference) };
}
