/** Two verifiers that share no code with lambdas/aws: the AWS SDK's signer, and the verifiers of the local services. */
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { expect } from 'vitest';
import { CredentialStore } from '../../local/aws/iam/credential-store.ts';
import { verifySignature } from '../../local/aws/iam/signature-v4.ts';
import { authenticate } from '../../local/aws/s3/request-authentication.ts';
import type { ReceivedRequest } from './scripted-server.ts';

const store = new CredentialStore();
const issued = store.issueSession(
  { name: 'test', arn: 'arn:aws:iam::000000000000:role/test', tags: {} },
  new Date(Date.now() + 3_600_000),
);
export const issuedCredentials = {
  accessKeyId: issued.accessKeyId,
  secretAccessKey: issued.secretAccessKey,
  sessionToken: issued.sessionToken,
};

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', typeof secret === 'string' ? secret : Buffer.from(secret as Uint8Array));
  }
  update(data: string | ArrayBuffer | ArrayBufferView) {
    this.#hash.update(typeof data === 'string' ? data : Buffer.from(data as Uint8Array));
  }
  async digest() {
    return this.#hash.digest();
  }
  reset() {}
}

/** Signs a received request again with the AWS SDK's signer and returns its `authorization`. */
export async function signAgain(
  { method, path, headers, body }: Omit<ReceivedRequest, 'connection'>,
  service: string,
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined },
  region: string,
): Promise<string> {
  const names = new Set(/SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';'));
  const signed: Record<string, string> = {};
  for (const name of names) signed[name] = String(headers[name]);
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date'])) ?? [];
  const signer = new SignatureV4({
    service,
    region,
    credentials: { accessKeyId: credentials.accessKeyId, secretAccessKey: credentials.secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
    uriEscapePath: service !== 's3',
  });
  const request = await signer.sign(
    { method, protocol: 'http:', hostname: '', path, headers: signed, query: {}, body },
    { signingDate: new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`), signableHeaders: names },
  );
  return request.headers.authorization ?? '';
}

const signatureOf = (authorization: string | undefined) => /Signature=([0-9a-f]{64})$/.exec(authorization ?? '')?.[1];

export async function expectValidSignature(request: ReceivedRequest, service: string): Promise<void> {
  const { method, path, headers, body } = request;
  const again = await signAgain(request, service, issuedCredentials, 'us-east-1');
  expect(signatureOf(headers.authorization)).toBeDefined();
  expect(signatureOf(headers.authorization)).toBe(signatureOf(again));
  const message = { method, path, query: new URLSearchParams(), headers };
  if (service === 's3') {
    expect(authenticate(message, store, new Date()).principal.name).toBe('test');
    expect(headers['x-amz-content-sha256']).toBe(createHash('sha256').update(body).digest('hex'));
  } else {
    const verdict = await verifySignature({ ...message, body: Buffer.from(body) }, service, store);
    expect(verdict).toMatchObject({ ok: true, accessKeyId: issuedCredentials.accessKeyId });
  }
}
