/** What of an HTTP answer is told. */
import { isUtf8 } from 'node:buffer';
import * as z from 'zod';
import type { OutboundResponse } from './outbound-http.ts';
import type { ResponseRedactor } from './response-redaction.ts';

export const httpRequestOutput = z.strictObject({
  status: z.number().int(),
  statusText: z.string(),
  headers: z.record(z.string(), z.string()).describe('A few of the headers'),
  redirectHost: z.string().optional().describe('Host that a redirect leads to; it was not followed'),
  body: z.string().optional().describe('The body, when it is text'),
  bodyNote: z.string().optional().describe('Why the body is not there, or not whole'),
});

type HttpRequestOutput = z.infer<typeof httpRequestOutput>;

/** Headers that are told. Not among them: cookies, which are credentials, and all that nobody named here. */
const returnedHeaders =
  /^(content-type|content-language|date|last-modified|etag|age|allow|link|retry-after|deprecation|sunset|www-authenticate|(x-)?request-id|x-total-count|(x-)?ratelimit(-[a-z-]+)?)$/;

const maxHeaderLength = 1024;
const maxHeaders = 32;

/** Control characters that no text has; NUL also gives UTF-16 away, which would pass as text in which nothing is found. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const binaryCharacters = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/;

/** The answer without the values, at most `bodyBytes` of its body. */
export function toHttpRequestOutput(
  incoming: OutboundResponse,
  echoes: ResponseRedactor,
  bodyBytes: number,
  url: URL,
): HttpRequestOutput {
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

/** Node gives header text byte by byte (latin1): as bytes it is read like a body. */
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
  return URL.canParse(location, url) ? new URL(location, url).host : 'an address that is none';
}

function redactedBody(
  { status, headers, body }: OutboundResponse,
  echoes: ResponseRedactor,
  most: number,
): Pick<HttpRequestOutput, 'body' | 'bodyNote'> {
  if (status >= 300 && status <= 399) return { bodyNote: 'The body of a redirect is not told.' };
  if (body.length === 0) return {};
  const [, encoding = 'identity'] = headers.find(([name]) => name === 'content-encoding') ?? [];
  if (encoding.trim().toLowerCase() !== 'identity') {
    return { bodyNote: 'The body is compressed although that was not asked for, and is not told.' };
  }
  const cut = body.length > most;
  const text = utf8TextOf(body, cut);
  if (text === undefined) return { bodyNote: 'The body is not text in UTF-8, and is not told.' };
  const shown = new TextDecoder().decode(echoes.redactBytes(text, most), { stream: true });
  return { body: shown, ...(cut ? { bodyNote: `The body is longer: these are its first ${most} bytes.` } : {}) };
}

/** The bytes of a text, without the part of a character at the end where it was cut; undefined when it is none. */
function utf8TextOf(body: Buffer, cut: boolean): Buffer | undefined {
  if (binaryCharacters.test(body.toString('latin1'))) return undefined;
  for (let missing = 0; missing <= (cut ? 3 : 0); missing++) {
    const whole = body.subarray(0, body.length - missing);
    if (isUtf8(whole)) return whole;
  }
  return undefined;
}
