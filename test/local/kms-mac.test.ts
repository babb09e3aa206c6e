import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  KMSClient,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kmsKeySchema } from '../../local/aws/cloudformation/resource-schemas.ts';
import { CallLog } from '../../local/aws/endpoint/engine-hooks.ts';
import { type SignedServiceServer, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../../local/aws/iam/credential-store.ts';
import { compileKeyPolicy } from '../../local/aws/kms/key-policy.ts';
import { KmsKeyRegistry } from '../../local/aws/kms/key-registry.ts';
import { KmsKeyStore } from '../../local/aws/kms/key-store.ts';
import { kmsEngine } from '../../local/aws/kms/kms-engine.ts';

const arn = 'arn:aws:iam::000000000000:role/test';
const MacAlgorithm = 'HMAC_SHA_256';
const Message = Buffer.from('tel:+447700900123');

let folder: string;
let keyring: KmsKeyRegistry;
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
  keyring = new KmsKeyRegistry(new KmsKeyStore(folder), () => new Date());
  front = await startSignedServiceServer({
    engines: [kmsEngine(keyring)],
    credentials,
    calls: new CallLog(),
    hooks: () => ({}),
    onError: (message) => expect.fail(message),
  });
  const issued = credentials.issue({ name: 'test', arn, tags: {} });
  kms = new KMSClient({ endpoint: front.url, region: 'us-east-1', credentials: issued });
}

async function shut(): Promise<void> {
  kms.destroy();
  await front.close();
}

async function hmacKey(): Promise<string> {
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
  );
  expect(KeyMetadata).toMatchObject({ KeySpec: 'HMAC_256', MacAlgorithms: [MacAlgorithm], KeyState: 'Enabled' });
  return KeyMetadata?.KeyId ?? expect.fail();
}

async function macOf(KeyId: string, message: Uint8Array = Message): Promise<Buffer> {
  const { Mac } = await kms.send(new GenerateMacCommand({ KeyId, Message: message, MacAlgorithm }));
  return Buffer.from(Mac ?? []);
}
const verify = (KeyId: string, Mac: Uint8Array, message: Uint8Array = Message) =>
  kms.send(new VerifyMacCommand({ KeyId, Mac, Message: message, MacAlgorithm }));
const named = (name: string) => ({ name });

describe('an HMAC key', () => {
  test('gives the HMAC-SHA256 of a message under its material, for any length that KMS takes', async () => {
    const material = randomBytes(32);
    const keyId = randomUUID();
    const createdAt = new Date().toISOString();
    keyring.store.put({
      format: 1,
      keyId,
      resource: null,
      description: '',
      keySpec: 'HMAC_256',
      createdAt,
      state: 'Enabled',
      deletionDate: null,
      rotationPeriodInDays: null,
      backingKeys: [{ material: material.toString('base64'), createdAt }],
    });
    for (const message of [Buffer.from([0]), Message, randomBytes(4096)]) {
      expect(await macOf(keyId, message)).toEqual(createHmac('sha256', material).update(message).digest());
    }
  });

  test('verifies its own MAC, and none that is changed, cut, longer, of another message or key', async () => {
    const KeyId = await hmacKey();
    const mac = await macOf(KeyId);
    expect(await verify(KeyId, mac)).toMatchObject({ MacValid: true, MacAlgorithm });
    const changed = Buffer.from(mac);
    changed.writeUInt8(changed.readUInt8(31) ^ 1, 31);
    for (const attempt of [
      () => verify(KeyId, changed),
      () => verify(KeyId, mac.subarray(0, 31)),
      () => verify(KeyId, Buffer.concat([mac, Buffer.alloc(1)])),
      () => verify(KeyId, mac, Buffer.from('tel:+447700900124')),
      async () => verify(await hmacKey(), mac),
    ]) {
      await expect(attempt()).rejects.toMatchObject(named('KMSInvalidMacException'));
    }
  });

  test('is the same after a restart, and its own', async () => {
    const KeyId = await hmacKey();
    const before = await macOf(KeyId);
    await shut();
    await open();
    expect(await macOf(KeyId)).toEqual(before);
    expect(await macOf(await hmacKey())).not.toEqual(before);
  });

  test('takes no empty message, none over 4,096 bytes, and no algorithm but its own', async () => {
    const KeyId = await hmacKey();
    for (const message of [Buffer.alloc(0), Buffer.alloc(4097)]) {
      await expect(macOf(KeyId, message)).rejects.toMatchObject(named('ValidationException'));
    }
    const other = new GenerateMacCommand({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_512' });
    await expect(kms.send(other)).rejects.toMatchObject(named('InvalidKeyUsageException'));
  });

  test('does nothing else, and no other key does this', async () => {
    const KeyId = await hmacKey();
    const wrongUsage = named('InvalidKeyUsageException');
    const unsupported = named('UnsupportedOperationException');
    await expect(kms.send(new EncryptCommand({ KeyId, Plaintext: Message }))).rejects.toMatchObject(wrongUsage);
    const sign = new SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' });
    await expect(kms.send(sign)).rejects.toMatchObject(wrongUsage);
    await expect(kms.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject(unsupported);
    await expect(kms.send(new EnableKeyRotationCommand({ KeyId }))).rejects.toMatchObject(unsupported);
    await expect(kms.send(new RotateKeyOnDemandCommand({ KeyId }))).rejects.toMatchObject(unsupported);
    for (const other of [{}, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }] as const) {
      const { KeyMetadata } = await kms.send(new CreateKeyCommand(other));
      await expect(macOf(KeyMetadata?.KeyId ?? '')).rejects.toMatchObject(wrongUsage);
      await expect(verify(KeyMetadata?.KeyId ?? '', Message)).rejects.toMatchObject(wrongUsage);
    }
    const odd = new CreateKeyCommand({ KeySpec: 'HMAC_256', KeyUsage: 'ENCRYPT_DECRYPT' });
    await expect(kms.send(odd)).rejects.toMatchObject(named('ValidationException'));
  });

  test('gives nothing while it is disabled or about to be deleted', async () => {
    const KeyId = await hmacKey();
    const mac = await macOf(KeyId);
    await kms.send(new DisableKeyCommand({ KeyId }));
    for (const attempt of [() => macOf(KeyId), () => verify(KeyId, mac)]) {
      await expect(attempt()).rejects.toMatchObject(named('DisabledException'));
    }
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    for (const attempt of [() => macOf(KeyId), () => verify(KeyId, mac)]) {
      await expect(attempt()).rejects.toMatchObject(named('KMSInvalidStateException'));
    }
    expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState).toBe('PendingDeletion');
  });

  test('is tried out by DryRun without giving a MAC', async () => {
    const KeyId = await hmacKey();
    const dry = { KeyId, Message, MacAlgorithm, DryRun: true } as const;
    const would = named('DryRunOperationException');
    await expect(kms.send(new GenerateMacCommand(dry))).rejects.toMatchObject(would);
    await expect(kms.send(new VerifyMacCommand({ ...dry, Mac: Message }))).rejects.toMatchObject(would);
  });

  test('is bound by the key policy, action by action', async () => {
    const KeyId = await hmacKey();
    const mac = await macOf(KeyId);
    const deny = { Effect: 'Deny', Principal: '*', Action: 'kms:GenerateMac', Resource: '*' };
    keyring.setPolicy(KeyId, compileKeyPolicy({ Statement: [deny] }, 'Key'));
    await expect(macOf(KeyId)).rejects.toMatchObject(named('AccessDeniedException'));
    expect(await verify(KeyId, mac)).toMatchObject({ MacValid: true });
  });
});

test('a template has HMAC keys for that usage alone, and does not rotate them', () => {
  const key = { KeyPolicy: { Statement: [] }, KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' };
  expect(kmsKeySchema.safeParse(key).success).toBe(true);
  expect(kmsKeySchema.safeParse({ ...key, KeyUsage: 'ENCRYPT_DECRYPT' }).success).toBe(false);
  expect(kmsKeySchema.safeParse({ ...key, EnableKeyRotation: true }).success).toBe(false);
});
