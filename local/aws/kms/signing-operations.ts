/** The signing operations of the KMS emulator. Source: AWS KMS API reference, 2014-11-01. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';
import { keyUsages } from '../shared/kms-key-specs.ts';
import { base64, bytes, common, keyId, refuseDryRun } from './encryption-operations.ts';
import { type Caller, type KmsKeyRegistry, keyArn, requireUsable } from './key-registry.ts';
import type { KeyRecord } from './key-store.ts';
import { operation } from './kms-operation.ts';

const algorithm = z.literal('ECDSA_SHA_256');
const digestLength = 32;
/** KMS accepts messages of at most 4,096 bytes. For a longer message, the caller sends the digest. */
const message = bytes(4096);
const signInput = {
  KeyId: keyId,
  Message: message,
  MessageType: z.enum(['RAW', 'DIGEST']).default('RAW'),
  SigningAlgorithm: algorithm,
  ...common,
};
// node:crypto always hashes its input. To sign a given digest, a function without hashing is needed.
const prehashedSigning = { prehash: false, lowS: false, format: 'der' } as const;

export const signingOperations = {
  Sign: operation(z.strictObject(signInput), (keyring, input, caller) => {
    const key = findSigningKey(keyring, input.KeyId, 'Sign', caller);
    requireUsable(key, 'SIGN_VERIFY');
    const digest = digestOf(input);
    refuseDryRun(input);
    const { d = '' } = privateKeyOf(key).export({ format: 'jwk' });
    const signature = p256.sign(digest, Buffer.from(d, 'base64url'), prehashedSigning);
    return { KeyId: keyArn(key.keyId), Signature: base64(Buffer.from(signature)), SigningAlgorithm: algorithm.value };
  }),

  GetPublicKey: operation(
    z.strictObject({ KeyId: keyId, GrantTokens: common.GrantTokens }),
    (keyring, input, caller) => {
      const key = findSigningKey(keyring, input.KeyId, 'GetPublicKey', caller);
      if (key.keySpec !== 'ECC_NIST_P256') {
        throw new ServiceError('UnsupportedOperationException', `${keyArn(key.keyId)} has no public key.`);
      }
      requireUsable(key, 'SIGN_VERIFY');
      const publicKey = createPublicKey(privateKeyOf(key)).export({ format: 'der', type: 'spki' });
      return {
        KeyId: keyArn(key.keyId),
        PublicKey: base64(publicKey),
        KeySpec: key.keySpec,
        CustomerMasterKeySpec: key.keySpec,
        KeyUsage: keyUsages[key.keySpec],
        SigningAlgorithms: [algorithm.value],
      };
    },
  ),
};

function findSigningKey(keyring: KmsKeyRegistry, id: string, action: string, caller: Caller): KeyRecord {
  const key = keyring.find(id, 'key-or-alias');
  keyring.authorize(key, action, caller);
  return key;
}

function digestOf({ Message, MessageType }: { Message: Buffer; MessageType: 'RAW' | 'DIGEST' }): Buffer {
  if (MessageType === 'RAW') return createHash('sha256').update(Message).digest();
  if (Message.length === digestLength) return Message;
  throw new ServiceError('ValidationException', 'Digest is invalid length for algorithm ECDSA_SHA_256.');
}

/** Asymmetric keys are not rotated, so there is only one version. */
const privateKeyOf = (key: KeyRecord): KeyObject =>
  createPrivateKey({ key: Buffer.from(key.backingKeys[0]?.material ?? '', 'base64'), format: 'der', type: 'pkcs8' });
