/** The cryptographic operations of the KMS emulator. Source: AWS KMS API reference, 2014-11-01. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ServiceError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import {
  decryptBlob,
  type EncryptionContext,
  encryptBlob,
  encryptionContextBytes,
  readBlobHeader,
} from './ciphertext-blob.ts';
import { type Caller, type KmsKeyRegistry, keyArn, requireUsable } from './key-registry.ts';
import type { KeyRecord } from './key-store.ts';
import { operation } from './kms-operation.ts';

const maxContextBytes = 8192;
const algorithm = 'SYMMETRIC_DEFAULT';

export const keyId = z.string().min(1).max(2048);
const encryptionContext = z
  .record(z.string(), z.string())
  .default({})
  .refine((context) => encryptionContextBytes(context) <= maxContextBytes, `Must be at most ${maxContextBytes} bytes`);
const encryptionAlgorithm = z.literal(algorithm).default(algorithm);
export const bytes = (max: number) =>
  z
    .base64()
    .transform((value) => Buffer.from(value, 'base64'))
    .refine(({ length }) => length >= 1 && length <= max, `Must be 1 to ${max} bytes`);
const plaintext = bytes(4096);
const ciphertextBlob = bytes(6144);
export const common = {
  GrantTokens: z.array(z.never(), 'Grants are not supported by this emulator').optional(),
  DryRun: z.boolean().default(false),
};
const dataKeyInput = z
  .strictObject({
    KeyId: keyId,
    EncryptionContext: encryptionContext,
    KeySpec: z.enum(['AES_256', 'AES_128']).optional(),
    NumberOfBytes: z.int().min(1).max(1024).optional(),
    ...common,
  })
  .refine(
    ({ KeySpec, NumberOfBytes }) => (KeySpec === undefined) !== (NumberOfBytes === undefined),
    'Please specify either number of bytes or key spec',
  );

const generateDataKey = (
  keyring: KmsKeyRegistry,
  input: z.infer<typeof dataKeyInput>,
  caller: Caller,
  action: string,
) => {
  const key = keyring.find(input.KeyId, 'key-or-alias');
  keyring.authorize(key, action, caller, input.EncryptionContext);
  requireUsable(key, 'ENCRYPT_DECRYPT');
  refuseDryRun(input);
  const dataKey = randomBytes(input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32));
  return { key, dataKey, blob: encryptUnder(key, dataKey, input.EncryptionContext) };
};

export const cryptographicOperations = {
  Encrypt: operation(
    z.strictObject({
      KeyId: keyId,
      Plaintext: plaintext,
      EncryptionContext: encryptionContext,
      EncryptionAlgorithm: encryptionAlgorithm,
      ...common,
    }),
    (keyring, input, caller) => {
      const key = keyring.find(input.KeyId, 'key-or-alias');
      keyring.authorize(key, 'Encrypt', caller, input.EncryptionContext);
      requireUsable(key, 'ENCRYPT_DECRYPT');
      refuseDryRun(input);
      const blob = encryptUnder(key, input.Plaintext, input.EncryptionContext);
      return { CiphertextBlob: base64(blob), KeyId: keyArn(key.keyId), EncryptionAlgorithm: algorithm };
    },
  ),

  Decrypt: operation(
    z.strictObject({
      CiphertextBlob: ciphertextBlob,
      KeyId: keyId.optional(),
      EncryptionContext: encryptionContext,
      EncryptionAlgorithm: encryptionAlgorithm,
      ...common,
    }),
    (keyring, input, caller) => {
      const key = keyOfBlob(keyring, input.CiphertextBlob, input.KeyId);
      keyring.authorize(key, 'Decrypt', caller, input.EncryptionContext);
      requireUsable(key, 'ENCRYPT_DECRYPT');
      const opened = decryptUnder(key, input.CiphertextBlob, input.EncryptionContext);
      refuseDryRun(input);
      return { Plaintext: base64(opened), KeyId: keyArn(key.keyId), EncryptionAlgorithm: algorithm };
    },
  ),

  GenerateDataKey: operation(dataKeyInput, (keyring, input, caller) => {
    const { key, dataKey, blob } = generateDataKey(keyring, input, caller, 'GenerateDataKey');
    return { Plaintext: base64(dataKey), CiphertextBlob: base64(blob), KeyId: keyArn(key.keyId) };
  }),

  GenerateDataKeyWithoutPlaintext: operation(dataKeyInput, (keyring, input, caller) => {
    const { key, blob } = generateDataKey(keyring, input, caller, 'GenerateDataKeyWithoutPlaintext');
    return { CiphertextBlob: base64(blob), KeyId: keyArn(key.keyId) };
  }),

  ReEncrypt: operation(
    z.strictObject({
      CiphertextBlob: ciphertextBlob,
      SourceKeyId: keyId.optional(),
      SourceEncryptionContext: encryptionContext,
      SourceEncryptionAlgorithm: encryptionAlgorithm,
      DestinationKeyId: keyId,
      DestinationEncryptionContext: encryptionContext,
      DestinationEncryptionAlgorithm: encryptionAlgorithm,
      ...common,
    }),
    (keyring, input, caller): JsonObject => {
      const source = keyOfBlob(keyring, input.CiphertextBlob, input.SourceKeyId);
      const destination = keyring.find(input.DestinationKeyId, 'key-or-alias');
      keyring.authorize(source, 'ReEncryptFrom', caller, input.SourceEncryptionContext);
      keyring.authorize(destination, 'ReEncryptTo', caller, input.DestinationEncryptionContext);
      requireUsable(source, 'ENCRYPT_DECRYPT');
      requireUsable(destination, 'ENCRYPT_DECRYPT');
      const opened = decryptUnder(source, input.CiphertextBlob, input.SourceEncryptionContext);
      refuseDryRun(input);
      return {
        CiphertextBlob: base64(encryptUnder(destination, opened, input.DestinationEncryptionContext)),
        SourceKeyId: keyArn(source.keyId),
        KeyId: keyArn(destination.keyId),
        SourceEncryptionAlgorithm: algorithm,
        DestinationEncryptionAlgorithm: algorithm,
      };
    },
  ),
};

function keyOfBlob(keyring: KmsKeyRegistry, blob: Buffer, expectedKeyId: string | undefined): KeyRecord {
  const header = readBlobHeader(blob);
  if (header === undefined) throw invalidCiphertext();
  if (expectedKeyId !== undefined && keyring.find(expectedKeyId, 'key-or-alias').keyId !== header.keyId) {
    throw new ServiceError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  // A blob with an unknown key ID was created elsewhere or modified. KMS does not report which.
  if (keyring.store.get(header.keyId) === undefined) throw invalidCiphertext();
  return keyring.find(header.keyId, 'key');
}

function encryptUnder(key: KeyRecord, message: Buffer, context: EncryptionContext): Buffer {
  const backingKeyVersion = key.backingKeys.length;
  return encryptBlob({ keyId: key.keyId, backingKeyVersion }, materialOf(key, backingKeyVersion), message, context);
}

function decryptUnder(key: KeyRecord, blob: Buffer, context: EncryptionContext): Buffer {
  const opened = decryptBlob(blob, materialOf(key, readBlobHeader(blob)?.backingKeyVersion ?? 0), context);
  if (opened === undefined) throw invalidCiphertext();
  return opened;
}

function materialOf(key: KeyRecord, version: number): Buffer {
  const backingKey = key.backingKeys[version - 1];
  if (backingKey === undefined) throw invalidCiphertext();
  return Buffer.from(backingKey.material, 'base64');
}

export function refuseDryRun({ DryRun }: { DryRun: boolean }): void {
  if (!DryRun) return;
  throw new ServiceError(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
    412,
  );
}

const invalidCiphertext = () => new ServiceError('InvalidCiphertextException', '');
export const base64 = (value: Buffer) => value.toString('base64');
