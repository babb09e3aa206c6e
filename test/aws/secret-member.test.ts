import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { takeSecret } from '../../lambdas/aws/secret-member.ts';

const bodyWith = (member: string) => Buffer.from(`{"CiphertextBlob":"AAAA","KeyId":"arn:key",${member}}`);

describe('a secret in the response of KMS', () => {
  test('is decoded, and nothing of it stays in the body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.boolean(), (secret, escaped) => {
        const text = Buffer.from(secret).toString('base64');
        const written = escaped ? text.replaceAll('/', '\\/') : text;
        const body = bodyWith(`"Plaintext":"${written}"`);
        const taken = takeSecret(body, 'Plaintext');
        expect([...(taken ?? [])]).toEqual([...secret]);
        expect(JSON.parse(body.toString())).toEqual({
          CiphertextBlob: 'AAAA',
          KeyId: 'arn:key',
          Plaintext: ' '.repeat(written.length),
        });
      }),
    );
  });

  test('is in memory of its own, so that zeroing it clears no other data', () => {
    const body = bodyWith(`"Mac": "${randomBytes(32).toString('base64')}"`);
    const taken = takeSecret(body, 'Mac');
    expect(taken).toHaveLength(32);
    expect(taken?.buffer.byteLength).toBe(32);
  });

  test.each([
    ['absent', '"Other":"AAAA"'],
    ['not a text', '"Plaintext":null,"Other":"AAAA"'],
  ])('is undefined if it is %s', (_, member) => {
    expect(takeSecret(bodyWith(member), 'Plaintext')).toBeUndefined();
  });

  test.each([['"Plaintext":"AA*A"'], ['"Plaintext":"AAAA']])('in %s is a damaged reply', (member) => {
    const body = Buffer.from(`{${member}`);
    expect(() => takeSecret(body, 'Plaintext')).toThrow('DamagedReply');
  });
});
