/**
 * Parses form uploads of browsers. The fields before the file are kept in memory; the file is streamed. Source: RFC
 * 7578.
 */
import { S3Error } from './s3-errors.ts';
import { ByteReader } from './stream-reader.ts';

/** Maximum size of everything before the file, in bytes. Source: S3 API reference, "POST Object". */
const maxFieldBytes = 20_480;
const headEnd = Buffer.from('\r\n\r\n');

export interface Form {
  /** By lower-case name, because S3 ignores the case. */
  readonly fields: ReadonlyMap<string, string>;
  /** `filename` of the file's part; empty if absent. */
  readonly fileName: string;
  /** Must be read to its end. Fields after the file are ignored, as in S3. */
  readonly file: AsyncIterable<Buffer>;
}

/** @throws S3Error MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument, IncompleteBody */
export async function readForm(body: AsyncIterable<Buffer>, contentType: string): Promise<Form> {
  const boundary = /^multipart\/form-data\s*;.*?boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  if (boundary === null) throw malformedForm();
  const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`);
  // With a leading line break, the first delimiter has the same form as all others.
  const reader = new ByteReader(prepend(Buffer.from('\r\n'), body));
  const fields = new Map<string, string>();
  let left = maxFieldBytes;
  const take = async (until: Buffer): Promise<string> => {
    const bytes = await reader.until(until, left, fieldsTooLarge);
    left -= bytes.length;
    return bytes.toString();
  };
  if ((await take(delimiter)) !== '') throw malformedForm();
  for (;;) {
    const line = await reader.line();
    if (line === '--') throw noFile();
    if (line !== '') throw malformedForm();
    const { name, fileName } = readDisposition(await take(headEnd));
    if (name === 'file') return { fields, fileName, file: streamFile(reader, delimiter) };
    if (fields.has(name)) throw new S3Error('InvalidArgument', `POST requires exactly one field named ${name}.`);
    fields.set(name, await take(delimiter));
  }
}

async function* prepend(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

async function* streamFile(reader: ByteReader, delimiter: Buffer): AsyncGenerator<Buffer> {
  yield* reader.streamUntil(delimiter);
  await reader.drain();
}

function readDisposition(head: string): { name: string; fileName: string } {
  const line = head.split('\r\n').find((text) => /^content-disposition:/i.test(text)) ?? '';
  const name = /;\s*name="([^"]*)"/i.exec(line)?.[1];
  if (name === undefined) throw malformedForm();
  return { name: name.toLowerCase(), fileName: /;\s*filename="([^"]*)"/i.exec(line)?.[1] ?? '' };
}

const malformedForm = () =>
  new S3Error('MalformedPOSTRequest', 'The body of your POST request is not well-formed multipart/form-data.');
const noFile = () => new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.');
const fieldsTooLarge = () =>
  new S3Error('MaxPostPreDataLengthExceeded', 'Your POST request fields preceding the upload file were too large.');
