import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListKeysCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallLog } from '../../local/aws/endpoint/engine-hooks.ts';
import { type SignedServiceServer, startSignedServiceServer } from '../../local/aws/endpoint/signed-service-server.ts';
import { CredentialStore } from '../../local/aws/iam/credential-store.ts';
import { compileKeyPolicy } from '../../local/aws/kms/key-policy.ts';
import { KmsKeyRegistry } from '../../local/aws/kms/key-registry.ts';
import { KmsKeyStore } from '../../local/aws/kms/key-store.ts';
import { kmsEngine } from '../../local/aws/kms/kms-engine.ts';

const day = 86_400_000;
const context = { org: 'org_a', dek: '1' };
const secret = Buffer.from('thirty-two bytes of a secret key');

let folder: string;
let now: Date;
let front: SignedServiceServer;
let kms: KMSClient;
let keyring: KmsKeyRegistry;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-kms-'));
  now = new Date();
  await open();
});
afterEach(async () => {
  await shut();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const credentials = new CredentialStore();
  keyring = new KmsKeyRegistry(new KmsKeyStore(folder), () => now);
  front = await startSignedServiceServer({
    engines: [kmsEngine(keyring)],
    credentials,
    calls: new CallLog(),
    hooks: () => ({}),
    onError: (message) => {
      throw new Error(message);
    },
  });
  kms = new KMSClient({
    region: 'us-east-1',
    endpoint: front.url,
    credentials: credentials.issue({ name: 'local', arn: 'arn:aws:iam::000000000000:role/tester', tags: {} }),
    maxAttempts: 1,
  });
}

async function shut(): Promise<void> {
  kms.destroy();
  await front.close();
}

async function newKey(): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  return KeyMetadata?.KeyId ?? '';
}
const encrypt = async (KeyId: string, EncryptionContext: Record<string, string> = context) => {
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: secret, EncryptionContext }));
  return Buffer.from(CiphertextBlob ?? []);
};
const decrypt = async (
  CiphertextBlob: Uint8Array,
  EncryptionContext: Record<string, string> = context,
  KeyId?: string,
) => {
  const { Plaintext } = await kms.send(
    new DecryptCommand({ CiphertextBlob, EncryptionContext, ...(KeyId && { KeyId }) }),
  );
  return Buffer.from(Plaintext ?? []);
};
const named = (name: string) => ({ name });

describe('encryption', () => {
  test('opens under the same context, in any order of its pairs', async () => {
    const blob = await encrypt(await newKey());
    expect(await decrypt(blob, { dek: '1', org: 'org_a' })).toEqual(secret);
  });

  test('does not open under any other context', async () => {
    const blob = await encrypt(await newKey(), { a: 'bc' });
    for (const other of [{}, { a: 'b' }, { ab: 'c' }, { a: 'bc', d: '' }, { A: 'bc' }]) {
      await expect(decrypt(blob, other)).rejects.toMatchObject(named('InvalidCiphertextException'));
    }
  });

  test('does not open with any single byte of the blob changed', async () => {
    const blob = await encrypt(await newKey());
    for (let i = 0; i < blob.length; i++) {
      const changed = Buffer.from(blob);
      changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
      await expect(decrypt(changed), `byte ${i}`).rejects.toMatchObject(named('InvalidCiphertextException'));
    }
    await expect(decrypt(blob.subarray(0, -1))).rejects.toMatchObject(named('InvalidCiphertextException'));
  });

  test('does not open under the name of another key', async () => {
    const blob = await encrypt(await newKey());
    await expect(decrypt(blob, context, await newKey())).rejects.toMatchObject(named('IncorrectKeyException'));
  });

  test('makes data keys, with plaintext and without, that Decrypt brings back', async () => {
    const KeyId = await newKey();
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext: context }));
    expect(await decrypt(made.CiphertextBlob ?? secret)).toEqual(Buffer.from(made.Plaintext ?? []));
    const hidden = await kms.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 64, EncryptionContext: context }),
    );
    expect(hidden).not.toHaveProperty('Plaintext');
    expect(await decrypt(hidden.CiphertextBlob ?? secret)).toHaveLength(64);
  });

  test('ReEncrypt moves a ciphertext to another key and context', async () => {
    const [from, to] = [await newKey(), await newKey()];
    const moved = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob: await encrypt(from),
        SourceEncryptionContext: context,
        DestinationKeyId: to,
        DestinationEncryptionContext: { org: 'org_a', dek: '2' },
      }),
    );
    const blob = moved.CiphertextBlob ?? secret;
    expect(await decrypt(blob, { org: 'org_a', dek: '2' }, to)).toEqual(secret);
    await expect(decrypt(blob, { org: 'org_a', dek: '2' }, from)).rejects.toMatchObject(named('IncorrectKeyException'));
    await expect(decrypt(blob)).rejects.toMatchObject(named('InvalidCiphertextException'));
  });

  test('refuses what is too large or not of the documented form', async () => {
    const KeyId = await newKey();
    const refused = [
      new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(4097) }),
      new EncryptCommand({ KeyId, Plaintext: secret, EncryptionContext: { k: 'x'.repeat(8192) } }),
      new EncryptCommand({ KeyId, Plaintext: secret, GrantTokens: ['token'] }),
      new EncryptCommand({ KeyId, Plaintext: secret, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }),
    ];
    for (const command of refused) await expect(kms.send(command)).rejects.toMatchObject(named('ValidationException'));
    const bothSizes = new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', NumberOfBytes: 32 });
    await expect(kms.send(bothSizes)).rejects.toMatchObject(named('ValidationException'));
    const dry = new EncryptCommand({ KeyId, Plaintext: secret, DryRun: true });
    await expect(kms.send(dry)).rejects.toMatchObject(named('DryRunOperationException'));
  });
});

describe('keys', () => {
  test('are found by id, ARN, alias and alias ARN, and by nothing else', async () => {
    const KeyId = await newKey();
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: KeyId }));
    const arn = 'arn:aws:kms:us-east-1:000000000000:';
    for (const name of [KeyId, `${arn}key/${KeyId}`, 'alias/mine', `${arn}alias/mine`]) {
      expect((await kms.send(new DescribeKeyCommand({ KeyId: name }))).KeyMetadata?.KeyId).toBe(KeyId);
      expect(await decrypt(await encrypt(name))).toEqual(secret);
    }
    for (const name of [
      'alias/other',
      'mine',
      `key/${KeyId}`,
      `${arn}${KeyId}`,
      `arn:aws:kms:eu-west-1:000000000000:key/${KeyId}`,
    ]) {
      await expect(encrypt(name)).rejects.toMatchObject(named('NotFoundException'));
    }
    const again = new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: KeyId });
    await expect(kms.send(again)).rejects.toMatchObject(named('AlreadyExistsException'));
  });

  test('do nothing while disabled, and work again once enabled', async () => {
    const KeyId = await newKey();
    const blob = await encrypt(KeyId);
    await kms.send(new DisableKeyCommand({ KeyId }));
    await expect(decrypt(blob)).rejects.toMatchObject(named('DisabledException'));
    await expect(encrypt(KeyId)).rejects.toMatchObject(named('DisabledException'));
    await kms.send(new EnableKeyCommand({ KeyId }));
    expect(await decrypt(blob)).toEqual(secret);
  });

  test('pending deletion do nothing; a rescued key is disabled first', async () => {
    const KeyId = await newKey();
    const blob = await encrypt(KeyId);
    const { DeletionDate } = await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    expect(Math.abs((DeletionDate?.getTime() ?? 0) - (now.getTime() + 7 * day))).toBeLessThan(1000);
    await expect(decrypt(blob)).rejects.toMatchObject(named('KMSInvalidStateException'));
    await expect(kms.send(new EnableKeyCommand({ KeyId }))).rejects.toMatchObject(named('KMSInvalidStateException'));
    await kms.send(new CancelKeyDeletionCommand({ KeyId }));
    await expect(decrypt(blob)).rejects.toMatchObject(named('DisabledException'));
    await kms.send(new EnableKeyCommand({ KeyId }));
    expect(await decrypt(blob)).toEqual(secret);
  });

  test('are gone from the disk once their day of deletion has come, and no key takes their place', async () => {
    const { keyId, backingKeys } = keyring.store.getOrCreate('Kek', now);
    const material = backingKeys[0]?.material ?? '';
    const blob = await encrypt(keyId);
    expect(readFileSync(join(folder, `${keyId}.json`), 'utf8')).toContain(material);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }));
    now = new Date(now.getTime() + 7 * day + 1);
    await expect(decrypt(blob)).rejects.toMatchObject(named('NotFoundException'));
    for (const name of readdirSync(folder)) expect(readFileSync(join(folder, name), 'utf8')).not.toContain(material);
    expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual([]);
    await shut();
    await open();
    expect(keyring.store.getOrCreate('Kek', now).keyId).toBe(keyId);
    await expect(encrypt(keyId)).rejects.toMatchObject(named('NotFoundException'));
  });

  test('rotate on demand and by themselves; what was encrypted before still opens', async () => {
    const KeyId = await newKey();
    const blobs = [await encrypt(KeyId)];
    await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
    blobs.push(await encrypt(KeyId));
    await kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    expect(await kms.send(new GetKeyRotationStatusCommand({ KeyId }))).toMatchObject({
      KeyRotationEnabled: true,
      RotationPeriodInDays: 90,
    });
    const before = keyring.store.get(KeyId)?.backingKeys.length;
    keyring = new KmsKeyRegistry(keyring.store, () => new Date(now.getTime() + 91 * day));
    keyring.applyAllDueChanges();
    expect([before, keyring.store.get(KeyId)?.backingKeys.length]).toEqual([2, 3]);
    blobs.push(await encrypt(KeyId));
    expect(new Set(blobs.map((blob) => blob.readUInt32BE(17)))).toEqual(new Set([1, 2, 3]));
    for (const blob of blobs) expect(await decrypt(blob)).toEqual(secret);
  });

  test('survive a restart, in files that only their owner reads', async () => {
    const blob = await encrypt(await newKey());
    await shut();
    await open();
    expect(await decrypt(blob)).toEqual(secret);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  test('are not made anew when their file is damaged: the start is refused', async () => {
    writeFileSync(join(folder, `${await newKey()}.json`), '{"half":');
    expect(() => new KmsKeyStore(folder)).toThrow(/damaged.*Nothing was started/s);
  });
});

describe('a key policy', () => {
  const deny = (
    Condition: object,
    Action = ['kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    Principal: unknown = '*',
  ) => ({
    Statement: [{ Effect: 'Deny', Principal, Action, Resource: '*', Condition }],
  });
  const protect = (keyId: string, policy: unknown) => keyring.setPolicy(keyId, compileKeyPolicy(policy, 'Kek'));
  const denied = named('AccessDeniedException');

  test('that demands a context key refuses every use without it', async () => {
    const KeyId = await newKey();
    const bare = await encrypt(KeyId, {});
    protect(KeyId, deny({ Null: { 'kms:EncryptionContext:org': 'true' } }));
    await expect(decrypt(bare, {})).rejects.toMatchObject(denied);
    await expect(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).rejects.toMatchObject(denied);
    const out = new ReEncryptCommand({
      CiphertextBlob: bare,
      DestinationKeyId: KeyId,
      DestinationEncryptionContext: context,
    });
    await expect(kms.send(out)).rejects.toMatchObject(denied);
    expect(await decrypt(await encrypt(KeyId))).toEqual(secret);
  });

  test('denies only when every condition of a statement holds, and only whom it names', async () => {
    const KeyId = await newKey();
    const both = { Null: { 'kms:EncryptionContext:org': 'true' }, StringEquals: { 'kms:EncryptionContext:dek': '9' } };
    protect(KeyId, deny(both, ['kms:Encrypt']));
    expect(await encrypt(KeyId, { dek: '1' })).toBeInstanceOf(Buffer);
    await expect(encrypt(KeyId, { dek: '9' })).rejects.toMatchObject(denied);
    protect(KeyId, deny({}, ['kms:*'], { AWS: 'arn:aws:iam::000000000000:role/another' }));
    expect(await encrypt(KeyId)).toBeInstanceOf(Buffer);
    protect(KeyId, deny({}, ['kms:*'], { AWS: 'arn:aws:iam::000000000000:role/tester' }));
    await expect(encrypt(KeyId)).rejects.toMatchObject(denied);
  });

  test.for([
    [deny({ IpAddress: { 'aws:SourceIp': '1.2.3.4' } }), /IpAddress/],
    [{ Statement: [{ Effect: 'Deny', NotPrincipal: '*', Action: 'kms:*', Resource: '*' }] }, /Principal/],
    [{ Statement: [{ Effect: 'Deny', Principal: '*', NotAction: 'kms:*', Resource: '*' }] }, /Action/],
    [{ Statement: [{ Effect: 'Perhaps' }] }, /Effect/],
  ] as const)('that denies in an unknown way is an error, not ignored: %j', ([policy, what]) => {
    expect(() => compileKeyPolicy(policy, 'Kek')).toThrow(what);
  });
});

describe('the front', () => {
  test('refuses unknown credentials, other regions and unsigned requests', async () => {
    const strange = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' };
    const stranger = new KMSClient({ region: 'us-east-1', endpoint: front.url, credentials: strange, maxAttempts: 1 });
    await expect(stranger.send(new ListKeysCommand({}))).rejects.toMatchObject(named('UnrecognizedClientException'));
    const elsewhere = new KMSClient({
      region: 'eu-west-1',
      endpoint: front.url,
      credentials: kms.config.credentials,
      maxAttempts: 1,
    });
    await expect(elsewhere.send(new ListKeysCommand({}))).rejects.toMatchObject(named('InvalidSignatureException'));
    const unsigned = await fetch(front.url, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.ListKeys' },
      body: '{}',
    });
    expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
  });
});
