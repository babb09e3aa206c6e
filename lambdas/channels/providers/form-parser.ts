/**
 * Forms as providers post them: application/x-www-form-urlencoded (URL Standard section 5.1) or multipart/form-data (RFC 7578).
 *
 * Read here, not by the platform's parsers: the one of URLs takes a time that grows faster than its input, the one of parts passes over what
 * stands before the first boundary and behind the last, as RFC 2046 section 5.1.1 has it. A sender who knows the provider's boundary could
 * end the form within his own field then, and what the provider says of him in later fields would not be heard.
 */
import type { WebhookRequest } from '../channel-ports.ts';
import { mediaTypeOf } from './signature-helpers.ts';

/** Fields by name, in the order sent. Files are left out: attachments are not taken. */
export type FormFields = ReadonlyMap<string, readonly string[]>;

export interface MultipartForm {
  readonly form: FormFields;
  /** How many of the parts are files. */
  readonly fileCount: number;
}

/** Far above what any provider posts; Mailgun has a field for each header of a mail. What is decoded stays bounded. */
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

/** A text whose characters U+0000 to U+00FF are bytes, taken for UTF-8. */
const decodeUtf8 = (bytewise: string): string => Buffer.from(bytewise, 'latin1').toString();

const urlDecode = (text: string): string =>
  decodeUtf8(
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  );

/** The form of a request of type application/x-www-form-urlencoded; undefined for any other, and for one of over 1,000 fields. */
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

/** Characters of a boundary (RFC 2046 section 5.1.1), without the space, which nobody uses. */
const boundaryPattern = /^("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1$/;

/** The one boundary of a Content-Type. */
function parseBoundary(contentType: string): string | undefined {
  const named = contentType
    .split(';')
    .slice(1)
    .map((parameter) => /^boundary=(.*)$/is.exec(parameter.trim())?.[1])
    .filter((value) => value !== undefined);
  return named.length === 1 ? boundaryPattern.exec(named[0] ?? '')?.[2] : undefined;
}

/** What stands between the boundaries of a body; undefined when any of it stands elsewhere, or a boundary within a part. */
function splitParts(body: string, boundary: string): readonly string[] | undefined {
  const [before, ...parts] = `\r\n${body}`.split(`--${boundary}`, maxFields + 3);
  const after = parts.pop();
  // The first boundary begins the body, "--" and at most one line end follow the last, and each of the others is a line.
  if (before !== '\r\n' || parts.length > maxFields || !/^--(?:\r\n)?$/.test(after ?? '')) return undefined;
  return parts.every((part) => /^\r\n.*\r\n$/s.test(part)) ? parts.map((part) => part.slice(2, -2)) : undefined;
}

/** A line of the head of a part: none that a header of a mail could pass for. */
const partHeaderPattern = /^content-[a-z-]+:[^\r\n]*$/i;
const formDispositionPattern = /^content-disposition:[ \t]*form-data;[ \t]*name="([^"]*)"(;[ \t]*filename\*?=.*)?$/i;

function parsePart(part: string): { name: string; value: string; file: boolean } | undefined {
  const end = part.indexOf('\r\n\r\n');
  const lines = part.slice(0, Math.max(end, 0)).split('\r\n');
  const dispositions = lines.filter((line) => /^content-disposition:/i.test(line));
  const [, name, file] = formDispositionPattern.exec(dispositions[0] ?? '') ?? [];
  if (end < 0 || name === undefined || dispositions.length > 1 || !lines.every((line) => partHeaderPattern.test(line)))
    return undefined;
  return { name, value: part.slice(end + 4), file: file !== undefined };
}

/**
 * The form of a request of type multipart/form-data; undefined for any other, for one of over 1,000 parts, and for one that could be read
 * in two ways: with anything before its first boundary or behind its last, or with a boundary or a line of a part's head where none belongs.
 * @param keepRawBytes whether fields are in encodings of their own: each character of theirs then is one byte
 */
export function parseMultipartForm(request: WebhookRequest, keepRawBytes = false): MultipartForm | undefined {
  const boundary = parseBoundary(request.headers['content-type'] ?? '');
  if (mediaTypeOf(request) !== 'multipart/form-data' || boundary === undefined) return undefined;
  const parts = splitParts(Buffer.from(request.body).toString('latin1'), boundary)?.map(parsePart);
  if (parts === undefined || !parts.every((part) => part !== undefined)) return undefined;
  const fields = parts.filter(({ file }) => !file);
  const text = keepRawBytes ? (value: string) => value : decodeUtf8;
  return {
    form: groupByName(fields.map(({ name, value }) => [text(name), text(value)])),
    fileCount: parts.length - fields.length,
  };
}

/** The one value of a field; undefined when there is none, or more than one. */
export function singleField(form: FormFields, name: string): string | undefined {
  const values = form.get(name);
  return values?.length === 1 ? values[0] : undefined;
}
