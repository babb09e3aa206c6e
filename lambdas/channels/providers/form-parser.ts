/**
 * Parses forms that providers post: application/x-www-form-urlencoded (URL Standard section 5.1) or multipart/form-data
 * (RFC 7578).
 *
 * The platform's parsers are not used. The time of the URL parser grows faster than its input. The multipart parser
 * ignores data before the first boundary and after the last one, as RFC 2046 section 5.1.1 specifies. A sender who
 * knows the provider's boundary could then end the form inside a field of the email. The later fields, which contain
 * the provider's statements about the sender, would be ignored.
 */
import type { WebhookRequest } from '../channel-ports.ts';
import { mediaTypeOf } from './signature-helpers.ts';

/** Fields by name, in the order sent, without files. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

/** A part that is a file. Name and type are the sender's. */
export interface FormFile {
  readonly filename: string | undefined;
  readonly type: string | undefined;
  readonly bytes: Uint8Array;
}

export interface MultipartForm {
  readonly form: FormFields;
  readonly files: readonly FormFile[];
}

/** Far above the number that any provider posts; Mailgun posts one field per email header. Bounds the decoding work. */
const maxFields = 1_000;

function groupByName(entries: Iterable<readonly [string, string]>): FormFields {
  const form = new Map<string, string[]>();
  for (const [name, value] of entries) {
    const values = form.get(name);
    if (values === undefined) form.set(name, [value]);
    else values.push(value);
  }
  return form;
}

/** Decodes UTF-8 from a string whose characters U+0000 to U+00FF represent bytes. */
const decodeUtf8 = (bytewise: string): string => Buffer.from(bytewise, 'latin1').toString();

const urlDecode = (text: string): string =>
  decodeUtf8(
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  );

/**
 * Parses an application/x-www-form-urlencoded request. Returns undefined for other media types and for more than 1,000
 * fields.
 */
export function parseUrlEncodedForm(request: WebhookRequest): FormFields | undefined {
  if (mediaTypeOf(request) !== 'application/x-www-form-urlencoded') return undefined;
  const fields = Buffer.from(request.body)
    .toString('latin1')
    .split('&', maxFields + 1);
  if (fields.length > maxFields) return undefined;
  return groupByName(
    fields
      .filter((field) => field !== '')
      .map((field) => {
        const end = field.indexOf('=');
        const [name, value] = end < 0 ? [field, ''] : [field.slice(0, end), field.slice(end + 1)];
        return [urlDecode(name), urlDecode(value)] as const;
      }),
  );
}

/** A boundary (RFC 2046 section 5.1.1). The space is not accepted, because no provider uses it. */
const boundaryPattern = /^("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1$/;

/** Returns the boundary of a Content-Type, or undefined unless there is exactly one. */
function parseBoundary(contentType: string): string | undefined {
  const named = contentType
    .split(';')
    .slice(1)
    .map((parameter) => /^boundary=(.*)$/is.exec(parameter.trim())?.[1])
    .filter((value) => value !== undefined);
  return named.length === 1 ? boundaryPattern.exec(named[0] ?? '')?.[2] : undefined;
}

/**
 * Splits a body at its boundaries. Returns undefined if data is outside the boundaries or a boundary is inside a part.
 */
function splitParts(body: string, boundary: string): readonly string[] | undefined {
  const [before, ...parts] = `\r\n${body}`.split(`--${boundary}`, maxFields + 3);
  const after = parts.pop();
  // The body must start with the first boundary. Only "--" and at most one line end may follow the last boundary. Every
  // other boundary must be on a line of its own.
  if (before !== '\r\n' || parts.length > maxFields || !/^--(?:\r\n)?$/.test(after ?? '')) return undefined;
  return parts.every((part) => /^\r\n.*\r\n$/s.test(part)) ? parts.map((part) => part.slice(2, -2)) : undefined;
}

/** A header line of a part. Only `Content-*` names are accepted, so an email header such as From cannot pass as one. */
const partHeaderPattern = /^content-[a-z-]+:[^\r\n]*$/i;
const formDispositionPattern = /^content-disposition:[ \t]*form-data;[ \t]*name="([^"]*)"(;[ \t]*filename\*?=.*)?$/i;

interface FormPart {
  readonly name: string;
  readonly value: string;
  /** Undefined for a field. */
  readonly file: Pick<FormFile, 'filename' | 'type'> | undefined;
}

function parsePart(part: string): FormPart | undefined {
  const end = part.indexOf('\r\n\r\n');
  const lines = part.slice(0, Math.max(end, 0)).split('\r\n');
  const dispositions = lines.filter((line) => /^content-disposition:/i.test(line));
  const [, name, file] = formDispositionPattern.exec(dispositions[0] ?? '') ?? [];
  if (end < 0 || name === undefined || dispositions.length > 1 || !lines.every((line) => partHeaderPattern.test(line)))
    return undefined;
  return { name, value: part.slice(end + 4), file: file === undefined ? undefined : describeFile(file, lines) };
}

function describeFile(parameters: string, lines: readonly string[]): FormPart['file'] {
  const filename = /filename="([^"]*)"/i.exec(parameters)?.[1];
  const types = lines.flatMap((line) => /^content-type:[ \t]*(.*)$/i.exec(line)?.[1] ?? []);
  return { filename: filename === undefined ? undefined : decodeUtf8(filename), type: types[0] };
}

/**
 * Parses a multipart/form-data request. Returns undefined for other media types and for more than 1,000 parts. Also
 * returns undefined for an ambiguous form: data before the first boundary or after the last one, a boundary inside a
 * part, or an unexpected part header.
 * @param keepRawBytes true if the fields have different encodings. They are then not decoded: each character represents
 *   one byte
 */
export function parseMultipartForm(request: WebhookRequest, keepRawBytes = false): MultipartForm | undefined {
  const boundary = parseBoundary(request.headers['content-type'] ?? '');
  if (mediaTypeOf(request) !== 'multipart/form-data' || boundary === undefined) return undefined;
  const parts = splitParts(Buffer.from(request.body).toString('latin1'), boundary)?.map(parsePart);
  if (parts === undefined || !parts.every((part) => part !== undefined)) return undefined;
  const fields = parts.filter(({ file }) => file === undefined);
  const text = keepRawBytes ? (value: string) => value : decodeUtf8;
  return {
    form: groupByName(fields.map(({ name, value }) => [text(name), text(value)])),
    files: parts.flatMap(({ file, value }) =>
      file === undefined ? [] : [{ ...file, bytes: Buffer.from(value, 'latin1') }],
    ),
  };
}

/** Returns the value of a field, or undefined unless the field occurs exactly once. */
export function singleField(form: FormFields, name: string): string | undefined {
  const values = form.get(name);
  return values?.length === 1 ? values[0] : undefined;
}
