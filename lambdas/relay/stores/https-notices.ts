/** Sends push notices to addresses of the public internet only. Follows no redirect, and reads no body. */
import { type Network, nodeNetwork, sendOutboundRequest } from '../../../egress/exchange/outbound-http.ts';
import type { PostNotice } from '../web-push.ts';

/** Milliseconds until the head of the answer. */
const timeoutMs = 10_000;

const limits = { connectMs: 5000, totalMs: timeoutMs, bodyBytes: 0, headerBytes: 16_384 };

/** @param network replaced in tests */
export const httpsNotices =
  (network: Network = nodeNetwork): PostNotice =>
  async (url, headers) => {
    const request = { url, method: 'POST', headers: new Map(Object.entries(headers)), body: undefined };
    return (await sendOutboundRequest({ ...request, allowsLoopback: false }, limits, network)).status;
  };

/** In a local vault, the emulator of providers takes the place of all push services: `<base>/push/<host><path>`. */
export const emulatedNotices =
  (base: string): PostNotice =>
  async (url, headers) => {
    const response = await fetch(`${base}/push/${url.host}${url.pathname}${url.search}`, {
      method: 'POST',
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  };
