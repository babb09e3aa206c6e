/** AWS Signature Version 4 with the credentials of a caller, for any service of AWS. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { OutboundRequest } from '../requests/outbound-request.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Names of the headers that a signature sets. */
export const awsSignatureHeaders = ['authorization', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'];

type SignableRequest = Pick<OutboundRequest, 'url' | 'method' | 'headers' | 'body'>;

/** All headers of the request, with those of its signature. Every header and the body are signed. */
export async function signAwsRequest(
  { url, method, headers, body }: SignableRequest,
  { accessKeyId, secretAccessKey, sessionToken }: AwsKeys,
  { region, service }: { readonly region: string; readonly service: string },
  now: Date,
): Promise<Map<string, string>> {
  const signer = new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    // S3 signs the path as it is sent; other services encode it once more.
    uriEscapePath: service !== 's3',
  });
  const signed = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: { host: url.host, 'x-amz-content-sha256': sha256(body), ...Object.fromEntries(headers) },
      body,
    },
    { signingDate: now },
  );
  const { host: _, ...rest } = signed.headers;
  return new Map(Object.entries(rest));
}

const sha256 = (body: Uint8Array | undefined): string =>
  createHash('sha256')
    .update(body ?? '')
    .digest('hex');

function queryOf({ searchParams }: URL): Record<string, string | string[]> {
  return Object.fromEntries([...new Set(searchParams.keys())].map((name) => [name, searchParams.getAll(name)]));
}

/** The hash and HMAC in the form that the signer takes. */
class Sha256 {
  readonly #state: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#state = secret === undefined ? createHash('sha256') : createHmac('sha256', toBytes(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#state.update(toBytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#state.digest());
  }

  reset(): void {
    throw new Error('a signature does not reset its hash');
  }
}

const toBytes = (data: string | ArrayBuffer | ArrayBufferView): Uint8Array => {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
};
