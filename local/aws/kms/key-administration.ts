/** The administrative operations of the KMS emulator. Source: AWS KMS API reference, 2014-11-01. */
import { z } from 'zod';
import { account, arn } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/json.ts';
import { keySpecs, keyUsages } from '../shared/kms-key-specs.ts';
import {
  addDays,
  type Caller,
  invalidState,
  type KmsKeyRegistry,
  keyArn,
  nextRotation,
  requireEnabled,
  requireNotPendingDeletion,
  requireSymmetric,
} from './key-registry.ts';
import type { KeyRecord } from './key-store.ts';
import { type KmsOperation, operation } from './kms-operation.ts';

const keyOnly = z.strictObject({ KeyId: z.string() });
const rotationPeriod = z.int().min(90).max(2560).default(365);

/** Creates an operation whose only input is a key. */
const keyOperation = (name: string, run: (keyring: KmsKeyRegistry, key: KeyRecord) => JsonObject): KmsOperation =>
  operation(keyOnly, (keyring, { KeyId }, caller) => run(keyring, findAuthorizedKey(name, keyring, KeyId, caller)));

function findAuthorizedKey(name: string, keyring: KmsKeyRegistry, keyId: string, caller: Caller): KeyRecord {
  const key = keyring.find(keyId, name === 'DescribeKey' ? 'key-or-alias' : 'key');
  keyring.authorize(key, name, caller);
  return key;
}

const setState = (name: string, state: 'Enabled' | 'Disabled') =>
  keyOperation(name, (keyring, key) => {
    requireNotPendingDeletion(key);
    keyring.store.put({ ...key, state });
    return {};
  });

export const administrativeOperations = {
  CreateKey: operation(
    z.strictObject({
      Description: z.string().max(8192).default(''),
      KeySpec: z.enum(keySpecs).default('SYMMETRIC_DEFAULT'),
      KeyUsage: z.enum(Object.values(keyUsages)).default('ENCRYPT_DECRYPT'),
      Origin: z.literal('AWS_KMS').optional(),
      MultiRegion: z.literal(false).optional(),
    }),
    (keyring, { Description, KeySpec, KeyUsage }) => {
      if (keyUsages[KeySpec] !== KeyUsage) {
        throw new ServiceError('ValidationException', `KeyUsage ${KeyUsage} is not compatible with KeySpec ${KeySpec}`);
      }
      const key = { resource: null, description: Description, keySpec: KeySpec, rotationPeriodInDays: null };
      return { KeyMetadata: metadataOf(keyring.store.create(key, keyring.now())) };
    },
  ),

  CreateAlias: operation(
    z.strictObject({
      AliasName: z
        .string()
        .regex(/^alias\/(?!aws\/)[\w/-]+$/)
        .max(256),
      TargetKeyId: z.string(),
    }),
    (keyring, { AliasName, TargetKeyId }, caller) => {
      const key = findAuthorizedKey('CreateAlias', keyring, TargetKeyId, caller);
      requireNotPendingDeletion(key);
      if (keyring.store.aliases.has(AliasName)) {
        throw new ServiceError(
          'AlreadyExistsException',
          `An alias with the name ${arn('kms', AliasName)} already exists`,
        );
      }
      keyring.store.putAlias(AliasName, key.keyId);
      return {};
    },
  ),

  DescribeKey: operation(
    keyOnly.extend({ GrantTokens: z.array(z.never()).optional() }),
    (keyring, { KeyId }, caller) => ({
      KeyMetadata: metadataOf(findAuthorizedKey('DescribeKey', keyring, KeyId, caller)),
    }),
  ),

  ListKeys: operation(z.strictObject({ Limit: z.int().min(1).max(1000).optional() }), (keyring) => {
    keyring.applyAllDueChanges();
    const keys = keyring.store.all().filter(({ state }) => state !== 'Deleted');
    return { Keys: keys.map(({ keyId }) => ({ KeyId: keyId, KeyArn: keyArn(keyId) })), Truncated: false };
  }),

  EnableKey: setState('EnableKey', 'Enabled'),
  DisableKey: setState('DisableKey', 'Disabled'),

  EnableKeyRotation: operation(
    keyOnly.extend({ RotationPeriodInDays: rotationPeriod }),
    (keyring, { KeyId, RotationPeriodInDays }, caller) => {
      const key = findAuthorizedKey('EnableKeyRotation', keyring, KeyId, caller);
      requireSymmetric(key);
      requireEnabled(key);
      keyring.store.put({ ...key, rotationPeriodInDays: RotationPeriodInDays });
      return {};
    },
  ),

  DisableKeyRotation: keyOperation('DisableKeyRotation', (keyring, key) => {
    requireSymmetric(key);
    requireEnabled(key);
    keyring.store.put({ ...key, rotationPeriodInDays: null });
    return {};
  }),

  GetKeyRotationStatus: keyOperation('GetKeyRotationStatus', (_, key) => {
    requireSymmetric(key);
    const next = nextRotation(key);
    return {
      KeyId: keyArn(key.keyId),
      KeyRotationEnabled: key.rotationPeriodInDays !== null,
      ...(key.rotationPeriodInDays !== null && { RotationPeriodInDays: key.rotationPeriodInDays }),
      ...(next !== undefined && { NextRotationDate: epochSeconds(next) }),
    };
  }),

  RotateKeyOnDemand: keyOperation('RotateKeyOnDemand', (keyring, key) => {
    requireSymmetric(key);
    requireEnabled(key);
    keyring.rotate(key);
    return { KeyId: keyArn(key.keyId) };
  }),

  ScheduleKeyDeletion: operation(
    keyOnly.extend({ PendingWindowInDays: z.int().min(7).max(30).default(30) }),
    (keyring, { KeyId, PendingWindowInDays }, caller) => {
      const key = findAuthorizedKey('ScheduleKeyDeletion', keyring, KeyId, caller);
      requireNotPendingDeletion(key);
      const deletionDate = addDays(keyring.now(), PendingWindowInDays);
      keyring.store.put({ ...key, state: 'PendingDeletion', deletionDate: deletionDate.toISOString() });
      return {
        KeyId: keyArn(key.keyId),
        KeyState: 'PendingDeletion',
        DeletionDate: epochSeconds(deletionDate),
        PendingWindowInDays,
      };
    },
  ),

  CancelKeyDeletion: keyOperation('CancelKeyDeletion', (keyring, key) => {
    if (key.state !== 'PendingDeletion') throw invalidState(key.keyId, key.state);
    // KMS leaves the key disabled when its deletion is canceled. It must be enabled separately.
    keyring.store.put({ ...key, state: 'Disabled', deletionDate: null });
    return { KeyId: keyArn(key.keyId) };
  }),
};

function metadataOf(key: KeyRecord): JsonObject {
  return {
    AWSAccountId: account.id,
    KeyId: key.keyId,
    Arn: keyArn(key.keyId),
    CreationDate: epochSeconds(new Date(key.createdAt)),
    Description: key.description,
    Enabled: key.state === 'Enabled',
    KeyState: key.state,
    KeyUsage: keyUsages[key.keySpec],
    KeyManager: 'CUSTOMER',
    KeySpec: key.keySpec,
    CustomerMasterKeySpec: key.keySpec,
    ...algorithms[key.keySpec],
    Origin: 'AWS_KMS',
    MultiRegion: false,
    ...(key.deletionDate !== null && { DeletionDate: epochSeconds(new Date(key.deletionDate)) }),
  };
}

const algorithms = {
  SYMMETRIC_DEFAULT: { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] },
  ECC_NIST_P256: { SigningAlgorithms: ['ECDSA_SHA_256'] },
  HMAC_256: { MacAlgorithms: ['HMAC_SHA_256'] },
};

const epochSeconds = (date: Date) => date.getTime() / 1000;
