import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallLog } from '../../local/aws/endpoint/engine-hooks.ts';
import { type SignedServiceServer, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../../local/aws/iam/credential-store.ts';
import { KmsKeyRegistry } from '../../local/aws/kms/key-registry.ts';
import { KmsKeyStore } from '../../local/aws/kms/key-store.ts';
import { kmsEngine } from '../../local/aws/kms/kms-engine.ts';

let folder: string;
let front: SignedServiceServer;
let kms: KMSClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-kms-'));
  await open();
});
afterEach(async () => {
  await shut();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const credentials = new CredentialStore();
  front = await startSignedServiceServer({
    engines: [kmsEngine(new KmsKeyRegistry(new KmsKeyStore(folder), () => new Date()))],
    credentials,
    calls: new CallLog(),
    hooks: () => ({}),
    onError: (message) => expect.fail(message),
  });
  const principal = { name: 'test', arn: 'arn:aws:iam::000000000000:user/test', tags: {} };
  kms = new KMSClient({ endpoint: front.url, region: 'us-east-1', credentials: credentials.issue(principal) });
}

async function shut(): Promise<void> {
  kms.destroy();
  await front.close();
}

async function signingKey(): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }));
  expect(KeyMetadata).toMatchObject({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', KeyState: 'Enabled' });
  return KeyMetadata?.KeyId ?? expect.fail();
}

async function publicKeyOf(KeyId: string) {
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  return createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' });
}

const ecdsa = { SigningAlgorithm: 'ECDSA_SHA_256' } as const;

describe('a signing key', () => {
  test('signs messages and digests so that its public key verifies both, and nothing else', async () => {
    const KeyId = await signingKey();
    const publicKey = await publicKeyOf(KeyId);
    const message = Buffer.from('a statement');
    const digest = createHash('sha256').update(message).digest();
    for (const input of [
      { MessageType: 'RAW', Message: message },
      { MessageType: 'DIGEST', Message: digest },
    ] as const) {
      const { Signature = new Uint8Array() } = await kms.send(new SignCommand({ KeyId, ...input, ...ecdsa }));
      expect(verify('sha256', message, publicKey, Signature)).toBe(true);
      expect(verify('sha256', Buffer.from('another'), publicKey, Signature)).toBe(false);
      expect(verify('sha256', message, await publicKeyOf(await signingKey()), Signature)).toBe(false);
    }
  });

  test('is the same after a restart', async () => {
    const KeyId = await signingKey();
    const before = (await publicKeyOf(KeyId)).export({ format: 'jwk' });
    await shut();
    await open();
    expect((await publicKeyOf(KeyId)).export({ format: 'jwk' })).toEqual(before);
  });

  test('takes no digest of another length, no long message and no other algorithm', async () => {
    const KeyId = await signingKey();
    for (const input of [
      { MessageType: 'DIGEST', Message: Buffer.alloc(31), ...ecdsa },
      { MessageType: 'RAW', Message: Buffer.alloc(4097), ...ecdsa },
      { MessageType: 'RAW', Message: Buffer.alloc(4), SigningAlgorithm: 'ECDSA_SHA_384' },
    ] as const) {
      await expect(kms.send(new SignCommand({ KeyId, ...input }))).rejects.toMatchObject({
        name: 'ValidationException',
      });
    }
  });

  test('neither encrypts nor rotates, as the other kind does not sign', async () => {
    const KeyId = await signingKey();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const symmetric = KeyMetadata?.KeyId ?? expect.fail();
    const wrongUsage = { name: 'InvalidKeyUsageException' };
    const unsupported = { name: 'UnsupportedOperationException' };
    const Plaintext = Buffer.from('x');
    await expect(kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject(wrongUsage);
    await expect(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).rejects.toMatchObject(wrongUsage);
    await expect(kms.send(new EnableKeyRotationCommand({ KeyId }))).rejects.toMatchObject(unsupported);
    await expect(kms.send(new RotateKeyOnDemandCommand({ KeyId }))).rejects.toMatchObject(unsupported);
    const sign = new SignCommand({ KeyId: symmetric, Message: Plaintext, ...ecdsa });
    await expect(kms.send(sign)).rejects.toMatchObject(wrongUsage);
    await expect(kms.send(new GetPublicKeyCommand({ KeyId: symmetric }))).rejects.toMatchObject(unsupported);
    const odd = new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'ENCRYPT_DECRYPT' });
    await expect(kms.send(odd)).rejects.toMatchObject({ name: 'ValidationException' });
  });

  test('does not sign while it is disabled or about to be deleted', async () => {
    const KeyId = await signingKey();
    const sign = () => kms.send(new SignCommand({ KeyId, Message: Buffer.from('x'), ...ecdsa }));
    await kms.send(new DisableKeyCommand({ KeyId }));
    await expect(sign()).rejects.toMatchObject({ name: 'DisabledException' });
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await expect(sign()).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.SigningAlgorithms).toEqual(['ECDSA_SHA_256']);
  });
});
