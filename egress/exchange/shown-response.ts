/** The parts of an HTTP response that are shown to the caller of a request. */
import { isUtf8 } from 'node:buffer';
import { concealedMarker } from '../redaction/concealed-marker.ts';
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
  const redirectHost = redirectHostOf(incoming, echoes, url);
  return {
    status,
    statusText: redactedText(echoes, statusText, 128),
    headers: Object.fromEntries(
      told.map(([name, text]) => [echoes.redactText(name), redactedText(echoes, text, maxHeaderLength)]),
    ),
    ...(redirectHost === undefined ? {} : { redirectHost }),
    ...redactedBody(incoming, echoes, bodyBytes),
  };
}

/**
 * Node decodes headers as latin1; converted back to bytes, they are redacted like a body. Control characters are replaced
 * before the search, because a replacement after it could complete a value.
 */
function redactedText(echoes: ResponseRedactor, text: string, longest: number): string {
  const bytes = Buffer.from(text, 'latin1');
  const shown = isUtf8(bytes) ? Buffer.from(bytes.toString().replace(/\p{Cc}/gu, ' ')) : bytes;
  return echoes
    .redactBytes(shown)
    .toString()
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, longest);
}

/** URL parsing rewrites a host (numbers as addresses, Unicode as `xn--`), so a value is also searched for before. */
function redirectHostOf({ status, headers }: OutboundResponse, echoes: ResponseRedactor, url: URL): string | undefined {
  const [, location] = headers.find(([name]) => name === 'location') ?? [];
  if (location === undefined || status < 300 || status > 399) return undefined;
  if (!URL.canParse(location, url)) return 'an invalid address';
  const { host } = new URL(location, url);
  const isWritten = location.toLowerCase().includes(host);
  return isWritten || host === url.host ? redactedText(echoes, host, 255) : concealedIfValue(echoes, location, host);
}

const concealedIfValue = (echoes: ResponseRedactor, written: string, text: string): string => {
  const bytes = Buffer.from(written, 'latin1');
  return echoes.redactBytes(bytes).equals(bytes) ? redactedText(echoes, text, 255) : concealedMarker;
};

function redactedBody(
  { status, headers, body }: OutboundResponse,
  echoes: ResponseRedactor,
  most: number,
): Pick<ShownResponse, 'body' | 'bodyOmitted' | 'truncated'> {
  if (status >= 300 && status <= 399) return { bodyOmitted: 'redirect' };
  if (body.length === 0) return {};
  const codings = headers.flatMap(([name, text]) => (name === 'content-encoding' ? text.split(',') : []));
  if (codings.some((coding) => !['', 'identity'].includes(coding.trim().toLowerCase())))
    return { bodyOmitted: 'compressed' };
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
