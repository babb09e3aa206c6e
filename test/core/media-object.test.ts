/** Files of messages: the format of docs/format.md, read by WebCrypto, and every change that must be noticed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { openMedia, sealMedia } from '../../core/messages/media-object.ts';

const org = '0123456789abcdef';
const id = 'ghjkmnpqrstvwxyz';
/** The fields of docs/format.md, section 1, spelled out. */
const aad = Buffer.concat(
  ['anima:media:v1', org, id].flatMap((field) => [Buffer.from([0, 0, 0, field.length]), Buffer.from(field)]),
);

describe('a file of a message', () => {
  test('is opened by its key, and by another implementation of the format', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { object, key } = sealMedia(org, id, bytes);
        expect(openMedia(org, id, key, object)).toEqual(Buffer.from(bytes));
        const secret = await crypto.subtle.importKey('raw', Buffer.from(key, 'base64'), 'AES-GCM', false, ['decrypt']);
        const algorithm = { name: 'AES-GCM', iv: new Uint8Array(object.subarray(0, 12)), additionalData: aad };
        const opened = await crypto.subtle.decrypt(algorithm, secret, new Uint8Array(object.subarray(12)));
        expect(Buffer.from(opened)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 30 },
    );
  });

  test('has a new key and nonce each time', () => {
    const [a, b] = [sealMedia(org, id, Buffer.from('x')), sealMedia(org, id, Buffer.from('x'))];
    expect(a.key).not.toBe(b.key);
    expect(a.object.subarray(0, 12)).not.toEqual(b.object.subarray(0, 12));
  });

  test('is not opened if anything differs: org, ID, key, or a bit of the object', () => {
    const { object, key } = sealMedia(org, id, Buffer.from('file'));
    const otherKey = sealMedia(org, id, Buffer.from('file')).key;
    const attempts = [
      () => openMedia('0123456789abcdeg', id, key, object),
      () => openMedia(org, org, key, object),
      () => openMedia(org, id, otherKey, object),
      () => openMedia(org, id, '', object),
      () => openMedia(org, id, key.slice(4), object),
      () => openMedia(org, id, `${key}\n`, object),
      () => openMedia(org, id, key, object.subarray(0, -1)),
      () => openMedia(org, id, key, object.subarray(0, 11)),
      ...Array.from({ length: object.length }, (_, at) => () => {
        const changed = Buffer.from(object);
        changed[at] = (changed[at] ?? 0) ^ 1;
        return openMedia(org, id, key, changed);
      }),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(DecryptionError);
  });
});
