/** Sending of a reply: one try, a limit of time, and nothing of it in any error. */
import type { ProviderHttp, SendResult } from '../channel-ports.ts';

const timeoutMilliseconds = 10_000;

export interface ProviderRequest {
  /** Origin of the provider's API, and the name of the channel that stands for it on one machine. */
  readonly origin: string;
  readonly channel: string;
  readonly path: string;
  readonly authorization: string;
  /** An object goes as JSON. */
  readonly body: URLSearchParams | object;
  /** Tells what an answer of status 2xx means, where that alone says nothing. */
  readonly interpretResponse?: (answer: unknown) => SendResult;
}

export const basicAuthorization = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/**
 * Posts to a provider. `sent` for 2xx; `refused` for what no repetition changes; `unknown` for 429, 5xx, time-outs and broken
 * connections. Redirects are not followed: they would carry the credentials elsewhere.
 */
export async function postToProvider(
  { fetch, baseUrlOverride }: ProviderHttp,
  request: ProviderRequest,
): Promise<SendResult> {
  const { origin, channel, path, authorization, body, interpretResponse } = request;
  const form = body instanceof URLSearchParams;
  try {
    const response = await fetch(`${baseUrlOverride === undefined ? origin : `${baseUrlOverride}/${channel}`}${path}`, {
      method: 'POST',
      headers: {
        authorization,
        accept: 'application/json',
        'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json; charset=utf-8',
      },
      body: form ? body.toString() : JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    if (response.ok && interpretResponse !== undefined) return interpretResponse(await response.json());
    await response.body?.cancel();
    if (response.ok) return 'sent';
    return response.status === 429 || response.status >= 500 ? 'unknown' : 'refused';
  } catch {
    // The cause may quote the request.
    return 'unknown';
  }
}

/** The beginning of a text, at most so many UTF-16 units long, that ends between two characters. */
export function truncateText(text: string, length: number): string {
  if (text.length <= length) return text;
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, length + 1))) {
    if (index + segment.length > length) break;
    end = index + segment.length;
  }
  // One character alone can be longer than all there is room for.
  return end > 0 ? text.slice(0, end) : text.slice(0, length).toWellFormed();
}
