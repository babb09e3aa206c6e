/** Helpers of blob tests: uploads in single steps, so that each step can be done wrong, and a view of the bucket. */
import { createHash } from 'node:crypto';
import {
  GetObjectTaggingCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, vi } from 'vitest';
import type {
  CompleteBlobRequest,
  CreateBlobRequest,
  CreateBlobResponse,
  FormUpload,
} from '../../contract/blobs/wire.ts';
import { chooseChunkLog2, sealedLength } from '../../core/blobs/blob-format.ts';
import { newFragmentKey } from '../../core/blobs/blob-key-derivation.ts';
import { BlobSealer } from '../../core/blobs/blob-stream.ts';
import { collectGroups } from '../../core/blobs/byte-source.ts';
import { computeLinkProof, verifierOf } from '../../core/blobs/link-proof.ts';
import { formatLinkUrl, parseLinkUrl } from '../../core/blobs/share-link.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import type { LocalVault } from '../../local/vault/local-vault.ts';
import { openBlob } from '../../sdk/src/index.ts';
import type { LocalStack } from '../shared/local-stack.ts';

export const sha256 = (...bytes: Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const one of bytes) hash.update(one);
  return hash.digest('base64');
};

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Size in bytes of a blob with this content length. */
export const sealedSize = (contentLength: number): number =>
  sealedLength(contentLength, chooseChunkLog2(contentLength));

/** The content of the bucket, from the owner's view. */
export interface BucketView {
  keys(org: string): Promise<string[]>;
  /** IDs of unfinished uploads. */
  uploads(org: string): Promise<string[]>;
  /** @param what the object, or what a form has uploaded */
  lifetime(org: string, id: string, what?: 'enc' | 'form'): Promise<string | undefined>;
}

export function bucketView({ endpoints, operator, credentials, resources }: LocalVault): BucketView {
  const client = new S3Client({ endpoint: endpoints.s3, region: operator.region, credentials });
  const [, Bucket] = Object.entries(resources).find(([id]) => id.startsWith('BlobObjects')) ?? expect.fail('no bucket');
  return {
    keys: async (org) => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: `${org}/` }));
      return Contents.map(({ Key = '' }) => Key);
    },
    uploads: async (org) => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: `${org}/` }));
      return Uploads.map(({ UploadId = '' }) => UploadId);
    },
    lifetime: async (org, id, what = 'enc') => {
      const Key = `${org}/${id}.${what}`;
      const { TagSet = [] } = await client.send(new GetObjectTaggingCommand({ Bucket, Key }));
      return TagSet.find(({ Key }) => Key === 'lifetime')?.Value;
    },
  };
}

/** A started upload: the blob is encrypted, but no bytes are sent. */
export interface BegunUpload extends CreateBlobResponse {
  readonly org: string;
  readonly bytes: Bytes;
  /** The link, including its key. */
  readonly linkWithKey: string;
  readonly completion: CompleteBlobRequest;
}

export async function beginUpload(
  stack: LocalStack,
  content: Uint8Array,
  options: CreateBlobRequest = {},
  key: string = stack.vault.agentKey,
): Promise<BegunUpload> {
  const body = { size: sealedSize(content.length), ...options };
  const answer = await stack.http('POST', '/v1/blobs', { key, body });
  expect(answer.status).toBe(201);
  const created: CreateBlobResponse = await answer.json();
  const whole = formatLinkUrl(created.url, newFragmentKey());
  const link = parseLinkUrl(whole) ?? expect.fail('no link');
  const sealer = await BlobSealer.create(link.key, link, { type: '', name: '', size: content.length });
  const bytes = await collectGroups(sealer.seal([content]));
  const verifier = async (verb: 'open' | 'burn') =>
    toBase64(await verifierOf(await computeLinkProof(link.key, link, verb)));
  const verifiers = { open: await verifier('open'), burn: await verifier('burn') };
  return { ...created, org: link.org, bytes, linkWithKey: whole, completion: { checksum: sha256(bytes), verifiers } };
}

export const formOf = ({ upload }: Pick<CreateBlobResponse, 'upload'>): FormUpload =>
  upload.kind === 'form' ? upload : expect.fail('the upload is not by form');

/** Posts a form with its fields in this order. The default checksum is that of the file. */
export async function postForm(
  { url, fields }: Pick<FormUpload, 'url' | 'fields'>,
  file: Uint8Array<ArrayBuffer>,
  checksum: string | null = sha256(file),
): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (checksum !== null) form.append('x-amz-checksum-sha256', checksum);
  form.append('file', new Blob([file]));
  return await fetch(url, { method: 'POST', body: form });
}

export const completeUpload = (
  stack: LocalStack,
  { id }: { readonly id: string },
  body: CompleteBlobRequest,
  key: string = stack.vault.agentKey,
): Promise<Response> => stack.http('POST', `/v1/blobs/${id}/completion`, { key, body });

/** The proof of a link's key, base64-encoded. */
export async function linkProof(whole: string, verb: 'open' | 'burn'): Promise<string> {
  const link = parseLinkUrl(whole) ?? expect.fail('no link');
  return toBase64(await computeLinkProof(link.key, link, verb));
}

/** Asserts that a response is this S3 error. */
export async function expectS3Error(answer: Response, status: number, code: string): Promise<void> {
  expect([answer.status, /<Code>(\w+)<\/Code>/.exec(await answer.text())?.[1]]).toEqual([status, code]);
}

/** Appends one byte. */
export const oneByteLonger = (bytes: Bytes): Bytes => new Uint8Array([...bytes, 0]);

/** Flips one bit. */
export const withFlippedBit = (bytes: Bytes): Bytes => bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte));

/**
 * Advances the clock of the engines, which run in this process. The clock of the functions, which signed the ticket,
 * does not change. Until the end of the test, only S3 can be called, and only with URLs signed before.
 */
export const advanceClock = (minutes: number) =>
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });

/** Checks that the request was rejected only because of its fault: the corrected request succeeds. */
export async function expectSucceedsBy(
  stack: LocalStack,
  content: Uint8Array,
  begun: BegunUpload,
  send: () => Promise<Response>,
): Promise<void> {
  expect((await send()).status).toBeLessThan(300);
  expect((await completeUpload(stack, begun, begun.completion)).status).toBe(200);
  expect(equalBytes(await (await openBlob(begun.linkWithKey)).bytes(), content)).toBe(true);
}
