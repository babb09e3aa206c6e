/** Invalid multipart uploads: S3 or the vault rejects each with the documented error, and nothing is stored. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GrantPartsRequest, GrantPartsResponse } from '../../contract/blobs/wire.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { limits } from '../../contract/shared/limits.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import { pseudoRandomBytes } from '../sdk/blobs/fake-blob-service.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';
import {
  advanceClock,
  type BegunUpload,
  beginUpload,
  completeUpload,
  expectS3Error,
  expectSucceedsBy,
  oneByteLonger,
  sha256,
  withFlippedBit,
} from './blob-requests.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
afterEach(() => vi.useRealTimers());

const content = pseudoRandomBytes(5000);
const mebi = 2 ** 20;
const key = () => stack.vault.agentKey;

describe('a part that is not as was signed', () => {
  let begun: BegunUpload;
  beforeEach(async () => {
    begun = await beginUpload(stack, content, { size: undefined });
  });
  const grant = async (
    parts: GrantPartsRequest['parts'],
    of: BegunUpload = begun,
  ): Promise<GrantPartsResponse['parts']> => {
    const answer = await stack.http('POST', `/v1/blobs/${of.id}/parts`, { key: key(), body: { parts } });
    expect(answer.status).toBe(200);
    return (await answer.json()).parts;
  };
  const whole = (number = 1) => ({ number, size: begun.bytes.length, checksum: sha256(begun.bytes) });
  const completion = () => ({
    checksum: `${sha256(Buffer.from(sha256(begun.bytes), 'base64'))}-1`,
    verifiers: begun.completion.verifiers,
  });

  /** Uploads a part of `begun` to its presigned URL, with the URL changed. */
  async function put(
    body: Bytes,
    change: (url: string) => string | Promise<string> = (url) => url,
    headers?: Record<string, string>,
  ): Promise<Response> {
    const [granted] = await grant([whole()]);
    if (granted === undefined) return expect.fail('no address');
    return await fetch(await change(granted.url), { method: 'PUT', headers: headers ?? granted.headers, body });
  }
  const arrived = async (): Promise<unknown[]> =>
    (await (await stack.http('GET', `/v1/blobs/${begun.id}/parts`, { key: key() })).json()).parts;
  const set = (name: string, value: string) => (url: string) => {
    const changed = new URL(url);
    expect(changed.searchParams.has(name)).toBe(true);
    changed.searchParams.set(name, value);
    return changed.href;
  };

  const cases: [string, () => Promise<Response>, number, string][] = [
    ['longer', () => put(oneByteLonger(begun.bytes)), 403, 'SignatureDoesNotMatch'],
    ['shorter', () => put(begun.bytes.slice(1)), 403, 'SignatureDoesNotMatch'],
    ['of other bytes', () => put(withFlippedBit(begun.bytes)), 400, 'BadDigest'],
    [
      'of other bytes, with their own checksum',
      () =>
        put(withFlippedBit(begun.bytes), undefined, { 'x-amz-checksum-sha256': sha256(withFlippedBit(begun.bytes)) }),
      403,
      'SignatureDoesNotMatch',
    ],
    ['without its checksum', () => put(begun.bytes, undefined, {}), 403, 'SignatureDoesNotMatch'],
    ['sent as another number', () => put(begun.bytes, set('partNumber', '2')), 403, 'SignatureDoesNotMatch'],
    [
      'sent for longer than was granted',
      () => put(begun.bytes, set('X-Amz-Expires', '604800')),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'sent to another object',
      () => put(begun.bytes, (url) => url.replace('.enc', '0.enc')),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'sent to another upload',
      () =>
        put(begun.bytes, async (url) => {
          const other = await beginUpload(stack, content, { size: undefined });
          const [granted] = await grant([whole()], other);
          return set('uploadId', new URL(granted?.url ?? '').searchParams.get('uploadId') ?? '')(url);
        }),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'made the object itself',
      () =>
        put(begun.bytes, (url) => {
          const changed = new URL(url);
          for (const name of ['partNumber', 'uploadId']) changed.searchParams.delete(name);
          return changed.href;
        }),
      403,
      'SignatureDoesNotMatch',
    ],
  ];
  test.each(cases)(
    '%s: S3 refuses it, nothing has arrived, and done right it comes through',
    async (_, send, status, code) => {
      await expectS3Error(await send(), status, code);
      expect(await arrived()).toEqual([]);
      await expectProblem(await completeUpload(stack, begun, completion()), 'blob_not_uploaded');
      begun = { ...begun, completion: completion() };
      await expectSucceedsBy(stack, content, begun, () => put(begun.bytes));
    },
  );

  test('past its 30 minutes', async () => {
    const [granted] = await grant([whole()]);
    const send = () =>
      fetch(granted?.url ?? '', { method: 'PUT', headers: { ...granted?.headers }, body: begun.bytes });
    advanceClock(31);
    await expectS3Error(await send(), 403, 'AccessDenied');
    vi.useRealTimers();
    expect(await arrived()).toEqual([]);
    expect((await send()).status).toBe(200);
  });

  const full = limits.blobPartChunks * (mebi + 16);
  const claims: [string, number | undefined, { number: number; size: number }[], ErrorCode][] = [
    ['over a full part', undefined, [{ number: 2, size: full + 1 }], 'invalid_request'],
    ['over a full first part', undefined, [{ number: 1, size: 64 + full + 1 }], 'invalid_request'],
    ['beyond the largest blob', undefined, [{ number: 9000, size: full }], 'blob_too_large'],
    ['beyond what was announced', 20 * mebi, [{ number: 4, size: 1 }], 'invalid_request'],
    ['not full in the middle', 20 * mebi, [{ number: 2, size: full - 1 }], 'invalid_request'],
    ['larger than what is left', 20 * mebi, [{ number: 3, size: 20 * mebi - 64 - 2 * full + 1 }], 'invalid_request'],
    [
      'twice',
      undefined,
      [
        { number: 1, size: 5 },
        { number: 1, size: 6 },
      ],
      'invalid_request',
    ],
    ['with no number', undefined, [{ number: 0, size: 5 }], 'invalid_request'],
    ['with a number too large', undefined, [{ number: 10_001, size: 5 }], 'invalid_request'],
    ['17 at once', undefined, Array.from({ length: 17 }, (_, n) => ({ number: n + 1, size: full })), 'invalid_request'],
    ['none', undefined, [], 'invalid_request'],
  ];
  test.each(claims)('%s: no address is given for it', async (_, size, parts, code) => {
    const { id } = size === undefined ? begun : await beginUpload(stack, content, { size });
    const body = { parts: parts.map((part) => ({ ...part, checksum: sha256(content) })) };
    await expectProblem(await stack.http('POST', `/v1/blobs/${id}/parts`, { key: key(), body }), code);
  });
});
