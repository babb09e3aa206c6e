/** Sends push notices to addresses of the public internet only. Follows no redirect, and reads no body. */
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { PostNotice } from '../web-push.ts';
import { isPublicAddress } from './public-addresses.ts';

const https = process.getBuiltinModule('node:https');
const dns = process.getBuiltinModule('node:dns/promises');

/** For the resolution of the name, and again for the request until the head of the answer. Milliseconds. */
const timeoutMs = 5000;

export interface NoticeNetwork {
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly open: (url: URL, options: RequestOptions) => ClientRequest;
}

const internet: NoticeNetwork = {
  resolve: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
  open: (url, options) => https.request(url, options),
};

/** @param network replaced in tests */
export const httpsNotices =
  ({ resolve, open }: NoticeNetwork = internet): PostNotice =>
  async (url, headers) => {
    const addresses = await withTimeout(resolve(url.hostname));
    const [address] = addresses;
    // One private address among public ones would be an attempt to make the notifier connect to it.
    if (address === undefined || !addresses.every(isPublicAddress)) throw new Error('not a public address');
    const family = address.includes(':') ? 6 : 4;
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...headers, 'content-length': '0' },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      // The name is not resolved again: it could have another address then. TLS verifies the certificate of the name.
      lookup: (_host, { all }, found) => {
        if (all === true) found(null, [{ address, family }]);
        else found(null, address, family);
      },
    };
    return await statusOf(open(url, options));
  };

/** The status of an answer, whose body is not read. */
function statusOf(request: ClientRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (answer: IncomingMessage) => {
      resolve(answer.statusCode ?? 0);
      answer.destroy();
    });
    request.end();
  });
}

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

/** The resolver of the system takes no signal. */
async function withTimeout<T>(running: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the name was not resolved in time')), timeoutMs);
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
