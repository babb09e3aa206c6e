/** Arguments of `http_request`, checked, and made into a request once the values are there. */
import * as z from 'zod';
import type { Outgoing } from './outbound-http.ts';
import { type Filler, filled, fillerOf, jsonFiller, plain, type Use, type Values } from './request-placeholders.ts';
import { Refusal } from './tool-refusal.ts';
import { methods, type RequestPart } from './usage-rules.ts';

const text = (longest: number) => z.string().max(longest);
const pairs = (longestName: number, longest: number) => z.record(text(longestName).min(1), text(longest));

export const httpRequestInput = z.strictObject({
  method: z.enum(methods).default('GET'),
  url: text(4096).describe('https://host/path; no placeholder may stand in it'),
  headers: pairs(128, 8192).default({}).describe('Headers by name; placeholders in their values'),
  query: pairs(128, 8192).default({}).describe('Added to the URL, encoded; placeholders in their values'),
  basicAuth: z
    .strictObject({ user: text(512), password: text(512) })
    .optional()
    .describe('Authorization: Basic, encoded for you; placeholders in either'),
  body: text(262_144).optional().describe('Body as text; placeholders are filled in as they are'),
  json: z.unknown().optional().describe('Body as JSON instead; placeholders in its strings, escaped as JSON'),
  form: pairs(128, 8192).optional().describe('Body as application/x-www-form-urlencoded instead'),
});

export type HttpRequestInput = z.infer<typeof httpRequestInput>;

/** A request without the values that belong into it. */
export interface Draft {
  readonly url: URL;
  readonly uses: readonly Use[];
  /**
   * The request with the values, and texts made of values that would give them away.
   * @throws Refusal when a value can't stand where it is to
   */
  fill(values: Values): { readonly outgoing: Omit<Outgoing, 'local'>; readonly composites: readonly string[] };
}

const mostPlaceholders = 16;
const mostEntries = 64;
const mostHeaderBytes = 16_384;
const mostBodyBytes = 1_048_576;

/** A token of RFC 9110 section 5.6.2. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Headers that are this program's own: of the connection and the message, of ranges (an echo in parts is none), and those by which some servers take one
 * method for another.
 */
const ownHeaders =
  /^(host|connection|keep-alive|upgrade|te|trailer|transfer-encoding|content-length|content-encoding|expect|accept-encoding|range|if-range|http2-settings|proxy-.*|sec-.*|x-http-method|x-http-method-override|x-method-override|forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url)$/;

/** @throws Refusal */
export function draftOf(input: HttpRequestInput): Draft {
  const url = urlOf(input.url);
  const uses: Use[] = [];
  const note = (part: RequestPart) => (filler: Filler) => {
    uses.push(...filler.places.map(({ reference }) => ({ reference, part })));
    return filler;
  };
  const headers = headersOf(input, note('header'));
  const query = entriesOf('query', input.query, note('query'));
  const basic = basicOf(input, note('header'));
  const body = bodyOf(input, note('body'));
  if (uses.length > mostPlaceholders) throw new Refusal(`There are more than ${mostPlaceholders} placeholders`);
  return {
    url,
    uses,
    fill: (values) => {
      const to = new URL(url);
      for (const [name, filler] of query) to.searchParams.append(name, filled(filler, values));
      const filledHeaders = new Map(headers.map(([name, filler]) => [name, headerValue(name, filled(filler, values))]));
      const credentials = basic?.(values);
      if (credentials !== undefined) {
        filledHeaders.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
      }
      const content = body?.(values);
      if (content !== undefined && !filledHeaders.has('content-type')) filledHeaders.set('content-type', content.type);
      checkSizes(to, filledHeaders, content?.bytes);
      return {
        outgoing: { url: to, method: input.method, headers: filledHeaders, body: content?.bytes },
        composites: credentials === undefined ? [] : [credentials],
      };
    },
  };
}

function urlOf(address: string): URL {
  plain('url', address);
  if (!URL.canParse(address)) throw new Refusal('url is not an absolute URL');
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Refusal('url must begin with https://');
  if (url.username !== '' || url.password !== '') throw new Refusal('url may hold no user or password; use basicAuth');
  // Percent-encoded, a placeholder would pass the look above and be one again for whoever decodes it.
  if (/%7b%7b\s*anima/i.test(url.href)) throw new Refusal('No placeholder may stand in url');
  url.hash = '';
  return url;
}

type Noted = (filler: Filler) => Filler;

function entriesOf(label: string, record: Readonly<Record<string, string>>, noted: Noted): [string, Filler][] {
  const entries = Object.entries(record);
  if (entries.length > mostEntries) throw new Refusal(`${label} has more than ${mostEntries} entries`);
  return entries.map(([name, value]) => [plain(`a name of ${label}`, name), noted(fillerOf(label, value))]);
}

function headersOf({ headers, basicAuth }: HttpRequestInput, noted: Noted): [string, Filler][] {
  const entries = entriesOf('headers', headers, noted).map(
    ([name, filler]) => [name.toLowerCase(), filler] as [string, Filler],
  );
  const names = entries.map(([name]) => name);
  if (new Set(names).size < names.length) throw new Refusal('A header stands twice');
  for (const name of names) {
    if (!headerName.test(name)) throw new Refusal('A name of headers is not a token');
    if (ownHeaders.test(name)) throw new Refusal(`The header ${name} can't be set`);
  }
  if (basicAuth !== undefined && names.includes('authorization')) {
    throw new Refusal('Give the header authorization or basicAuth, not both');
  }
  return entries;
}

function basicOf({ basicAuth }: HttpRequestInput, noted: Noted): ((values: Values) => string) | undefined {
  if (basicAuth === undefined) return undefined;
  const user = noted(fillerOf('basicAuth', basicAuth.user));
  const password = noted(fillerOf('basicAuth', basicAuth.password));
  return (values) => {
    const name = filled(user, values);
    // RFC 7617 section 2: what follows the first colon is the password.
    if (name.includes(':')) throw new Refusal('The user of basicAuth holds a colon, which it can not');
    return `${name}:${filled(password, values)}`;
  };
}

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

function bodyOf(input: HttpRequestInput, noted: Noted): ((values: Values) => Content) | undefined {
  const { body, json, form, method } = input;
  const given = [body, json, form].filter((one) => one !== undefined).length;
  if (given === 0) return undefined;
  if (given > 1) throw new Refusal('Give one of body, json and form');
  if (method === 'GET' || method === 'HEAD') throw new Refusal(`A ${method} request has no body`);
  if (body !== undefined) {
    const filler = noted(fillerOf('body', body));
    return (values) => ({ type: 'text/plain; charset=utf-8', bytes: Buffer.from(filled(filler, values)) });
  }
  if (form !== undefined) {
    const entries = entriesOf('form', form, noted);
    return (values) => {
      const encoded = new URLSearchParams(entries.map(([name, filler]) => [name, filled(filler, values)]));
      return { type: 'application/x-www-form-urlencoded', bytes: Buffer.from(encoded.toString()) };
    };
  }
  const make = jsonFiller('json', json, noted);
  return (values) => ({ type: 'application/json', bytes: Buffer.from(JSON.stringify(make(values))) });
}

/** RFC 9110 section 5.5, and no more than ASCII: beyond it, what is sent depends on who reads. */
function headerValue(name: string, value: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new Refusal(`What the header ${name} would be holds a line end or a character that no header can carry`);
  }
  return value;
}

function checkSizes(url: URL, headers: ReadonlyMap<string, string>, body: Buffer | undefined): void {
  const bytes = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, url.href.length);
  if (bytes > mostHeaderBytes) throw new Refusal(`Address and headers are over ${mostHeaderBytes} bytes`);
  if ((body?.length ?? 0) > mostBodyBytes) throw new Refusal(`The body is over ${mostBodyBytes} bytes`);
}
