/** Operator requests, signed with AWS credentials (Signature Version 4). No other requests are. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { fetchFor } from './node-fetch.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Matches the region in the host name of an API Gateway API. */
const gatewayHost = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/**
 * Sends a signed request and returns the response.
 * @param url whole address; must be validated (https or loopback)
 * @throws CommandError if there are no credentials, no region, or no connection
 */
export async function signedPost(
  url: URL,
  body: string,
  region: string | undefined,
  env: Environment,
): Promise<Response> {
  // Loaded on demand: large, and needed by operators only.
  const [{ SignatureV4 }, { defaultProvider }] = await Promise.all([
    import('@smithy/signature-v4'),
    import('@aws-sdk/credential-provider-node'),
  ]);
  const credentials = await defaultProvider()().catch(() => {
    throw new CommandError('There are no AWS credentials; nothing was sent', {
      exit: exitCodes.denied,
      next: 'Log in to AWS (`aws sso login`, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY).',
    });
  });
  const signer = new SignatureV4({
    service: 'execute-api',
    region: regionOf(url, region, env),
    credentials,
    sha256: Sha256,
  });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { host: url.host, 'content-type': 'application/json' },
    body,
  });
  try {
    return await fetchFor(env)(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new CommandError('The vault could not be reached; an organization may or may not have been created', {
      exit: exitCodes.unavailable,
      next: 'Check the address with `anima doctor`.',
    });
  }
}

function regionOf(url: URL, region: string | undefined, env: Environment): string {
  const found = region ?? gatewayHost.exec(url.hostname)?.[1] ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION);
  if (found !== undefined && /^[a-z0-9-]{3,30}$/.test(found)) return found;
  throw usageError('The AWS region of the vault is unknown; nothing was sent', 'Give --region, or set AWS_REGION.');
}

/** The hash interface of the signer, based on node:crypto. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('The signer takes a new hash for each use.');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
