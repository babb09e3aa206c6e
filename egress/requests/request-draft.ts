/** Validates a request with placeholders and builds the request after the values are read. */

import { UseRefusal } from '../refusals/use-refusal.ts';
import type { Method, RequestPart } from '../rules/usage-rules.ts';
import type { OutboundRequest } from './outbound-request.ts';
import {
  assertNoPlaceholder,
  fillPlaceholders,
  type PlaceholderText,
  type PlaceholderUse,
  parsePlaceholderJson,
  parsePlaceholderText,
  type ValuesByReference,
} from './request-placeholders.ts';

/** What a caller asks for, already checked against a schema. Texts may contain placeholders where said. */
export interface RequestTemplate {
  readonly method: Method;
  /** `https://host/path`, without placeholders. */
  readonly url: string;
  /** By name; values may contain placeholders. */
  readonly headers: Readonly<Record<string, string>>;
  /** By name, not encoded; values may contain placeholders. */
  readonly query: Readonly<Record<string, string>>;
  /** Both texts may contain placeholders. */
  readonly basicAuth?: { readonly user: string; readonly password: string } | undefined;
  /** At most one of the four bodies. Placeholders in `body` are replaced without escaping. */
  readonly body?: string | undefined;
  /** Strings may contain placeholders, which are escaped as JSON. */
  readonly json?: unknown;
  /** By name, not encoded; values may contain placeholders. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** A body without placeholders, sent as it is. */
  readonly bytes?: Buffer | undefined;
}

/** A request before its placeholders are replaced with values. */
export interface RequestDraft {
  readonly url: URL;
  readonly uses: readonly PlaceholderUse[];
  /**
   * Fills in the values. Returns the request and the texts derived from values that would reveal them.
   * @throws UseRefusal if a value cannot be used at its position
   */
  fill(values: ValuesByReference): {
    readonly outgoing: Omit<OutboundRequest, 'allowsLoopback'>;
    readonly composites: readonly string[];
  };
}

const maxPlaceholders = 16;
const maxEntries = 64;
const maxHeaderBytes = 16_384;
const maxBodyBytes = 1_048_576;

/** A token of RFC 9110 section 5.6.2. */
const headerNamePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Headers that only this program sets: connection and message headers, range headers (partial responses would evade
 * redaction), and headers that some servers use to override the method.
 */
const reservedHeaders =
  /^(host|connection|keep-alive|upgrade|te|trailer|transfer-encoding|content-length|content-encoding|expect|accept-encoding|range|if-range|http2-settings|proxy-.*|sec-.*|x-http-method|x-http-method-override|x-method-override|forwarded|x-forwarded-.*|x-real-ip|x-original-.*|x-rewrite-url)$/;

/** @throws UseRefusal */
export function createDraft(input: RequestTemplate): RequestDraft {
  const url = parseUrl(input.url);
  const uses: PlaceholderUse[] = [];
  const note =
    (part: RequestPart, header?: string): RecordPlaceholders =>
    (filler) => {
      uses.push(...filler.places.map(({ reference }) => ({ reference, part, header })));
      return filler;
    };
  const headers = parseHeaders(input, (name) => note('header', name.toLowerCase()));
  const query = parseEntries('query', input.query, () => note('query'));
  const basic = parseBasicAuth(input, note('header', 'authorization'));
  const body = parseBody(input, note('body'));
  if (uses.length > maxPlaceholders) throw new UseRefusal(`There are more than ${maxPlaceholders} placeholders`);
  return {
    url,
    uses,
    fill: (values) => {
      const to = new URL(url);
      for (const [name, filler] of query) to.searchParams.append(name, fillPlaceholders(filler, values));
      const filledHeaders = new Map(
        headers.map(([name, filler]) => [name, checkHeaderValue(name, fillPlaceholders(filler, values))]),
      );
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

function parseUrl(address: string): URL {
  assertNoPlaceholder('url', address);
  if (!URL.canParse(address)) throw new UseRefusal('url is not an absolute URL');
  const url = new URL(address);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new UseRefusal('url must begin with https://');
  if (url.username !== '' || url.password !== '')
    throw new UseRefusal('url must not contain a user or password; use basicAuth');
  // A percent-encoded placeholder would pass the check above and become a placeholder again when decoded.
  if (/%7b%7b\s*anima/i.test(url.href)) throw new UseRefusal('url must not contain a placeholder');
  url.hash = '';
  return url;
}

type RecordPlaceholders = (filler: PlaceholderText) => PlaceholderText;

function parseEntries(
  label: string,
  record: Readonly<Record<string, string>>,
  notedFor: (name: string) => RecordPlaceholders,
): [string, PlaceholderText][] {
  const entries = Object.entries(record);
  if (entries.length > maxEntries) throw new UseRefusal(`${label} has more than ${maxEntries} entries`);
  return entries.map(([name, value]) => [
    assertNoPlaceholder(`a name of ${label}`, name),
    notedFor(name)(parsePlaceholderText(label, value)),
  ]);
}

function parseHeaders(
  { headers, basicAuth }: RequestTemplate,
  notedFor: (name: string) => RecordPlaceholders,
): [string, PlaceholderText][] {
  const entries = parseEntries('headers', headers, notedFor).map(
    ([name, filler]) => [name.toLowerCase(), filler] as [string, PlaceholderText],
  );
  const names = entries.map(([name]) => name);
  if (new Set(names).size < names.length) throw new UseRefusal('A header occurs twice');
  for (const name of names) {
    if (!headerNamePattern.test(name)) throw new UseRefusal('A header name is not a valid token');
    if (reservedHeaders.test(name)) throw new UseRefusal(`The header ${name} can't be set`);
  }
  if (basicAuth !== undefined && names.includes('authorization')) {
    throw new UseRefusal('Give the header authorization or basicAuth, not both');
  }
  return entries;
}

function parseBasicAuth(
  { basicAuth }: RequestTemplate,
  noted: RecordPlaceholders,
): ((values: ValuesByReference) => string) | undefined {
  if (basicAuth === undefined) return undefined;
  const user = noted(parsePlaceholderText('basicAuth', basicAuth.user));
  const password = noted(parsePlaceholderText('basicAuth', basicAuth.password));
  return (values) => {
    const name = fillPlaceholders(user, values);
    // RFC 7617 section 2: what follows the first colon is the password.
    if (name.includes(':')) throw new UseRefusal('The user of basicAuth must not contain a colon');
    return `${name}:${fillPlaceholders(password, values)}`;
  };
}

interface RequestContent {
  readonly type: string;
  readonly bytes: Buffer;
}

function parseBody(
  input: RequestTemplate,
  noted: RecordPlaceholders,
): ((values: ValuesByReference) => RequestContent) | undefined {
  const { body, json, form, bytes, method } = input;
  const given = [body, json, form, bytes].filter((one) => one !== undefined).length;
  if (given === 0) return undefined;
  if (given > 1) throw new UseRefusal('Give only one of body, json and form');
  if (method === 'GET' || method === 'HEAD') throw new UseRefusal(`A ${method} request has no body`);
  if (bytes !== undefined) return () => ({ type: 'application/octet-stream', bytes });
  if (body !== undefined) {
    const filler = noted(parsePlaceholderText('body', body));
    return (values) => ({ type: 'text/plain; charset=utf-8', bytes: Buffer.from(fillPlaceholders(filler, values)) });
  }
  if (form !== undefined) {
    const entries = parseEntries('form', form, () => noted);
    return (values) => {
      const encoded = new URLSearchParams(entries.map(([name, filler]) => [name, fillPlaceholders(filler, values)]));
      return { type: 'application/x-www-form-urlencoded', bytes: Buffer.from(encoded.toString()) };
    };
  }
  const make = parsePlaceholderJson('json', json, noted);
  return (values) => ({ type: 'application/json', bytes: Buffer.from(JSON.stringify(make(values))) });
}

/** RFC 9110 section 5.5, restricted to ASCII, because recipients interpret other characters differently. */
function checkHeaderValue(name: string, value: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new UseRefusal(
      `The header ${name} would contain a line end or a character that is not allowed in headers`,
      'value_unusable',
    );
  }
  return value;
}

function checkSizes(url: URL, headers: ReadonlyMap<string, string>, body: Buffer | undefined): void {
  const bytes = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, url.href.length);
  if (bytes > maxHeaderBytes) throw new UseRefusal(`Address and headers exceed ${maxHeaderBytes} bytes`);
  if ((body?.length ?? 0) > maxBodyBytes) throw new UseRefusal(`The body exceeds ${maxBodyBytes} bytes`);
}
