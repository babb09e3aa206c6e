/** Sends replies to provider APIs: one attempt, with a timeout, and without request data in errors. */
import type { ProviderHttp, SendResult } from '../channel-ports.ts';

const timeoutMilliseconds = 10_000;

export interface ProviderRequest {
  /** Origin of the provider's API. */
  readonly origin: string;
  /** Path segment that replaces the origin if `baseUrlOverride` is set. */
  readonly channel: string;
  readonly path: string;
  readonly authorization: string;
  /** URLSearchParams are sent as a form, any other object as JSON. */
  readonly body: URLSearchParams | object;
  /** Interprets the body of a 2xx response, for providers whose status does not indicate success. */
  readonly interpretResponse?: (answer: unknown) => SendResult;
}

export const basicAuthorization = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/**
 * Posts to a provider. Returns `sent` for 2xx, `unknown` for 429, 5xx, timeouts and broken connections, and `refused`
 * for every other status, because a retry would not help. Redirects are not followed, because they would send the
 * credentials to another host.
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
    // The error is discarded because its message might quote the request.
    return 'unknown';
  }
}
