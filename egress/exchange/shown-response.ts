/** The parts of an HTTP response that are shown to the caller of a request. */
import { isUtf8 } from 'node:buffer';
import type { ResponseRedactor } from '../redaction/response-redactor.ts';
import type { OutboundResponse } from './outbound-http.ts';

/** What the caller of a request receives. */
export interface ShownResponse {
  readonly status: number;
  readonly statusText: string;
  /** Selected headers by lower-case name. */
  readonly headers: Record<string, string>;
  /** Host of a redirect, which was not followed. */
  readonly redirectHost?: string;
  /** The body, if it is text. */
  readonly body?: string;
  /** Why there is a body that is not returned. */
  readonly bodyOmitted?: 'redirect' | 'compressed' | 'binary';
  /** Whether the body is longer than what is returned. */
  readonly truncated?: true;
}

/**
 * Headers that are returned. Cookies are excluded because they are credentials, and so are all headers that are not
 * listed.
 */
const returnedHeaders =
  /^(content-type|content-language|date|last-modified|etag|age|allow|link|retry-after|deprecation|sunset|www-authenticate|(x-)?request-id|x-total-count|(x-)?ratelimit(-[a-z-]+)?)$/;

const maxHeaderLength = 1024;
const maxHeaders = 32;

/**
 * Control characters that do not occur in text. NUL also reveals UTF-16, which would pass as text in which no value is
 * found.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches these characters on purpose.
const binaryCharacters = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/;

/** The response without the values, with at most `bodyBytes` of its body. */
export function toShownResponse(
  incoming: OutboundResponse,
  echoes: ResponseRedactor,
  bodyBytes: number,
  url: URL,
): ShownResponse {
  const { status, statusText, headers } = incoming;
  const told = headers.filter(([name]) => returnedHeaders.test(name)).slice(0, maxHeaders);
  const redirectHost = redirectHostOf(incoming, url);
  return {
    status,
    statusText: redactedText(echoes, statusText, 128),
    headers: Object.fromEntries(
      told.map(([name, text]) => [echoes.redactText(name), redactedText(echoes, text, maxHeaderLength)]),
    ),
    ...(redirectHost === undefined ? {} : { redirectHost: redactedText(echoes, redirectHost, 255) }),
    ...redactedBody(incoming, echoes, bodyBytes),
  };
}

/** Node decodes headers as latin1; converted back to bytes, they are redacted like a body. */
function redactedText(echoes: ResponseRedactor, text: string, longest: number): string {
  return echoes
    .redactBytes(Buffer.from(text, 'latin1'))
    .toString()
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, longest);
}

function redirectHostOf({ status, headers }: OutboundResponse, url: URL): string | undefined {
  const [, location] = headers.find(([name]) => name === 'location') ?? [];
  if (location === undefined || status < 300 || status > 399) return undefined;
  return URL.canParse(location, url) ? new URL(location, url).host : 'an invalid address';
}

function redactedBody(
  { status, headers, body }: OutboundResponse,
  echoes: ResponseRedactor,
  most: number,
): Pick<ShownResponse, 'body' | 'bodyOmitted' | 'truncated'> {
  if (status >= 300 && status <= 399) return { bodyOmitted: 'redirect' };
  if (body.length === 0) return {};
  const [, encoding = 'identity'] = headers.find(([name]) => name === 'content-encoding') ?? [];
  if (encoding.trim().toLowerCase() !== 'identity') {
    return { bodyOmitted: 'compressed' };
  }
  const cut = body.length > most;
  const text = utf8TextOf(body, cut);
  if (text === undefined) return { bodyOmitted: 'binary' };
  const shown = new TextDecoder().decode(echoes.redactBytes(text, most), { stream: true });
  return { body: shown, ...(cut ? { truncated: true } : {}) };
}

/** The bytes of a text, without an incomplete character at the cut; undefined if the body is not text. */
function utf8TextOf(body: Buffer, cut: boolean): Buffer | undefined {
  if (binaryCharacters.test(body.toString('latin1'))) return undefined;
  for (let missing = 0; missing <= (cut ? 3 : 0); missing++) {
    const whole = body.subarray(0, body.length - missing);
    if (isUtf8(whole)) return whole;
  }
  return undefined;
}
