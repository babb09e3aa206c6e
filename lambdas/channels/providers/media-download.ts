/**
 * Fetches files of messages. Addresses come from messages and from answers of providers, so only known hosts are
 * called, redirects are followed only to known hosts and without credentials, and the size is limited while reading.
 */
import type { FetchedMedia, ProviderHttp } from '../channel-ports.ts';

/** Time for one attempt, including all of the body. */
const timeoutMilliseconds = 15_000;
const maxAttempts = 2;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface MediaDownload {
  /** Path segment that replaces the origin if `baseUrlOverride` is set. */
  readonly channel: string;
  readonly url: string;
  /** Sent to `origin` only. */
  readonly authorization: string;
  /** The only origin that `url` may have: `https://files.slack.com`. */
  readonly origin: string;
  /** Beginnings of addresses that the answer may redirect to, each with a host and a path. None by default. */
  readonly redirectTargets?: readonly string[];
  readonly maxBytes: number;
}

const unavailable = { refusal: 'unavailable' } as const;
const tooLarge = { refusal: 'too-large' } as const;

/** Fetches a file, in at most two attempts. */
export async function downloadMedia(http: ProviderHttp, download: MediaDownload): Promise<FetchedMedia> {
  for (let attempt = 1; attempt < maxAttempts; attempt++) {
    const fetched = await downloadOnce(http, download);
    if (fetched !== 'retry') return fetched;
  }
  const last = await downloadOnce(http, download);
  return last === 'retry' ? unavailable : last;
}

async function downloadOnce(http: ProviderHttp, download: MediaDownload): Promise<FetchedMedia | 'retry'> {
  const { authorization, origin, redirectTargets = [], maxBytes } = download;
  const url = parseHttpsUrl(download.url);
  if (url?.origin !== origin) return { refusal: 'elsewhere' };
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  const get = async (target: URL, headers: Record<string, string>): Promise<Response> =>
    await http.fetch(addressOf(http, download.channel, target), { headers, redirect: 'manual', signal });
  try {
    let response = await get(url, { authorization });
    if (redirectStatuses.has(response.status)) {
      await response.body?.cancel();
      const target = parseHttpsUrl(response.headers.get('location') ?? '', url);
      if (target === undefined || !redirectTargets.some((allowed) => target.href.startsWith(allowed)))
        return unavailable;
      response = await get(target, {});
    }
    if (response.ok) return await readBody(response, maxBytes);
    await response.body?.cancel();
    return response.status === 429 || response.status >= 500 ? 'retry' : unavailable;
  } catch {
    // The error is discarded because its message might quote the address.
    return 'retry';
  }
}

async function readBody(response: Response, maxBytes: number): Promise<FetchedMedia> {
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
    await response.body?.cancel();
    return tooLarge;
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the body.
    if (length > maxBytes) return tooLarge;
    chunks.push(chunk);
  }
  if (length === 0) return unavailable;
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  return { bytes: Buffer.concat(chunks, length), type: type === '' ? undefined : type };
}

/** Fetches JSON of at most 64 KiB from a provider's API. Returns undefined for every failure. */
export async function fetchProviderJson(
  http: ProviderHttp,
  request: Omit<MediaDownload, 'maxBytes'>,
): Promise<unknown> {
  const fetched = await downloadMedia(http, { ...request, maxBytes: 65_536 });
  if ('refusal' in fetched) return undefined;
  try {
    return JSON.parse(Buffer.from(fetched.bytes).toString());
  } catch {
    return undefined;
  }
}

/** Parses an address. Returns undefined unless it is an https address without credentials. */
function parseHttpsUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base?.href);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url : undefined;
}

const addressOf = ({ baseUrlOverride }: ProviderHttp, channel: string, { href, origin }: URL): string =>
  baseUrlOverride === undefined ? href : `${baseUrlOverride}/${channel}${href.slice(origin.length)}`;
