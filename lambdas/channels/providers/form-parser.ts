/**
 * Forms as providers post them: application/x-www-form-urlencoded (URL Standard section 5.1) or multipart/form-data (RFC 7578).
 *
 * Read here, not by the platform's parsers: the one of URLs takes a time that grows faster than its input, the one of parts passes over what
 * stands before the first boundary and behind the last, as RFC 2046 section 5.1.1 has it. A sender who knows the provider's boundary could
 * end the form within his own field then, and what the provider says of him in later fields would not be heard.
 */
import type { HookRequest } from '../channel-ports.ts';
import { mediaType } from './signature-helpers.ts';

/** Fields by name, in the order sent. Files are left out: attachments are not taken. */
export type Form = ReadonlyMap<string, readonly string[]>;

export interface Multipart {
  readonly form: Form;
  /** How many of the parts are files. */
  readonly files: number;
}

/** Far above what any provider posts; Mailgun has a field for each header of a mail. What is decoded stays bounded. */
const mostFields = 1_000;

function grouped(entries: Iterable<readonly [string, string]>): Form {
  const form = new Map<string, string[]>();
  for (const [name, value] of entries) {
    const values = form.get(name);
    if (values === undefined) form.set(name, [value]);
    else values.push(value);
  }
  return form;
}

/** A text whose characters U+0000 to U+00FF are bytes, taken for UTF-8. */
const utf8 = (bytewise: string): string => Buffer.from(bytewise, 'latin1').toString();

const urldecoded = (text: string): string =>
  utf8(
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  );

/** The form of a request of type application/x-www-form-urlencoded; undefined for any other, and for one of over 1,000 fields. */
export function urlencoded(request: HookRequest): Form | undefined {
  if (mediaType(request) !== 'application/x-www-form-urlencoded') return undefined;
  const fields = Buffer.from(request.body)
    .toString('latin1')
    .split('&', mostFields + 1);
  if (fields.length > mostFields) return undefined;
  return grouped(
    fields
      .filter((field) => field !== '')
      .map((field) => {
        const end = field.indexOf('=');
        const [name, value] = end < 0 ? [field, ''] : [field.slice(0, end), field.slice(end + 1)];
        return [urldecoded(name), urldecoded(value)] as const;
      }),
  );
}

/** Characters of a boundary (RFC 2046 section 5.1.1), without the space, which nobody uses. */
const boundaryForm = /^("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1$/;

/** The one boundary of a Content-Type. */
function boundaryOf(contentType: string): string | undefined {
  const named = contentType
    .split(';')
    .slice(1)
    .map((parameter) => /^boundary=(.*)$/is.exec(parameter.trim())?.[1])
    .filter((value) => value !== undefined);
  return named.length === 1 ? boundaryForm.exec(named[0] ?? '')?.[2] : undefined;
}

/** What stands between the boundaries of a body; undefined when any of it stands elsewhere, or a boundary within a part. */
function partsOf(body: string, boundary: string): readonly string[] | undefined {
  const [before, ...parts] = `\r\n${body}`.split(`--${boundary}`, mostFields + 3);
  const after = parts.pop();
  // The first boundary begins the body, "--" and at most one line end follow the last, and each of the others is a line.
  if (before !== '\r\n' || parts.length > mostFields || !/^--(?:\r\n)?$/.test(after ?? '')) return undefined;
  return parts.every((part) => /^\r\n.*\r\n$/s.test(part)) ? parts.map((part) => part.slice(2, -2)) : undefined;
}

/** A line of the head of a part: none that a header of a mail could pass for. */
const headLine = /^content-[a-z-]+:[^\r\n]*$/i;
const disposition = /^content-disposition:[ \t]*form-data;[ \t]*name="([^"]*)"(;[ \t]*filename\*?=.*)?$/i;

function partOf(part: string): { name: string; value: string; file: boolean } | undefined {
  const end = part.indexOf('\r\n\r\n');
  const lines = part.slice(0, Math.max(end, 0)).split('\r\n');
  const dispositions = lines.filter((line) => /^content-disposition:/i.test(line));
  const [, name, file] = disposition.exec(dispositions[0] ?? '') ?? [];
  if (end < 0 || name === undefined || dispositions.length > 1 || !lines.every((line) => headLine.test(line)))
    return undefined;
  return { name, value: part.slice(end + 4), file: file !== undefined };
}

/**
 * The form of a request of type multipart/form-data; undefined for any other, for one of over 1,000 parts, and for one that could be read
 * in two ways: with anything before its first boundary or behind its last, or with a boundary or a line of a part's head where none belongs.
 * @param bytewise whether fields are in encodings of their own: each character of theirs then is one byte
 */
export function multipart(request: HookRequest, bytewise = false): Multipart | undefined {
  const boundary = boundaryOf(request.headers['content-type'] ?? '');
  if (mediaType(request) !== 'multipart/form-data' || boundary === undefined) return undefined;
  const parts = partsOf(Buffer.from(request.body).toString('latin1'), boundary)?.map(partOf);
  if (parts === undefined || !parts.every((part) => part !== undefined)) return undefined;
  const fields = parts.filter(({ file }) => !file);
  const text = bytewise ? (value: string) => value : utf8;
  return {
    form: grouped(fields.map(({ name, value }) => [text(name), text(value)])),
    files: parts.length - fields.length,
  };
}

/** The one value of a field; undefined when there is none, or more than one. */
export function only(form: Form, name: string): string | undefined {
  const values = form.get(name);
  return values?.length === 1 ? values[0] : undefined;
}
