/** Shared functions of the KMS operations: key lookup, key states, policies and lifetime. */
import { arn } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import { type KeyUsage, keyUsages } from '../shared/kms-key-specs.ts';
import type { EncryptionContext } from './ciphertext-blob.ts';
import type { DenyPredicate } from './key-policy.ts';
import { type KeyRecord, type KmsKeyStore, newBackingKey } from './key-store.ts';

const dayMs = 86_400_000;

export interface Caller {
  readonly principalArn: string;
}

export class KmsKeyRegistry {
  readonly store: KmsKeyStore;
  readonly #clock: () => Date;
  readonly #policies = new Map<string, DenyPredicate>();

  constructor(store: KmsKeyStore, clock: () => Date) {
    this.store = store;
    this.#clock = clock;
  }

  now(): Date {
    return this.#clock();
  }

  setPolicy(keyId: string, denies: DenyPredicate): void {
    this.#policies.set(keyId, denies);
  }

  /**
   * Finds a key by key ID or key ARN and, if KMS allows it for the operation, by alias name or alias ARN. Throws
   * NotFoundException. A due deletion or rotation of the key is applied first, so that no timer is needed.
   */
  find(keyId: string, accepts: 'key' | 'key-or-alias'): KeyRecord {
    const prefix = arn('kms', '');
    const path = keyId.startsWith(prefix) ? keyId.slice(prefix.length) : keyId.replace(/^(?!alias\/)/, 'key/');
    const isAlias = path.startsWith('alias/');
    const id = isAlias ? this.store.aliases.get(path) : path.slice('key/'.length);
    if (isAlias ? accepts === 'key' : !path.startsWith('key/')) throw notFound(`Invalid keyId '${keyId}'`);
    const record = this.store.get(id ?? '');
    const current = record && this.#applyDueChanges(record);
    if (current === undefined || current.state === 'Deleted') {
      throw notFound(isAlias ? `Alias ${arn('kms', path)} is not found.` : `Key '${arn('kms', path)}' does not exist`);
    }
    return current;
  }

  /** Throws AccessDeniedException if the key policy denies the action. */
  authorize(key: KeyRecord, action: string, caller: Caller, encryptionContext: EncryptionContext = {}): void {
    const { principalArn } = caller;
    if (this.#policies.get(key.keyId)?.({ action: `kms:${action}`, principalArn, encryptionContext }) !== true) return;
    throw new ServiceError(
      'AccessDeniedException',
      `User: ${principalArn} is not authorized to perform: kms:${action} on resource: ${keyArn(key.keyId)} ` +
        `with an explicit deny in a resource-based policy`,
    );
  }

  rotate(record: KeyRecord): KeyRecord {
    const rotated = { ...record, backingKeys: [...record.backingKeys, newBackingKey(this.now(), record.keySpec)] };
    this.store.put(rotated);
    return rotated;
  }

  #applyDueChanges(record: KeyRecord): KeyRecord {
    const now = this.now();
    if (record.state === 'PendingDeletion' && record.deletionDate !== null && new Date(record.deletionDate) <= now) {
      const deleted: KeyRecord = { ...record, state: 'Deleted', backingKeys: [] };
      this.store.put(deleted);
      return deleted;
    }
    const due = nextRotation(record);
    return record.state === 'Enabled' && due !== undefined && due <= now ? this.rotate(record) : record;
  }

  /** Applies all due deletions and rotations. */
  applyAllDueChanges(): void {
    for (const record of this.store.all()) this.#applyDueChanges(record);
  }
}

export const keyArn = (keyId: string): string => arn('kms', `key/${keyId}`);

/** The time of the next automatic rotation; undefined if automatic rotation is disabled. */
export function nextRotation({ rotationPeriodInDays, backingKeys }: KeyRecord): Date | undefined {
  const last = backingKeys.at(-1);
  if (rotationPeriodInDays === null || last === undefined) return undefined;
  return new Date(Date.parse(last.createdAt) + rotationPeriodInDays * dayMs);
}

export const addDays = (now: Date, days: number): Date => new Date(now.getTime() + days * dayMs);

/** Throws the KMS error for a cryptographic operation on a key that is not enabled. */
export function requireEnabled({ keyId, state }: KeyRecord): void {
  if (state === 'Disabled') throw new ServiceError('DisabledException', `${keyArn(keyId)} is disabled.`);
  if (state !== 'Enabled') throw invalidState(keyId, state);
}

/** Throws the KMS error for a cryptographic operation on a key that is not enabled or has a different key usage. */
export function requireUsable(key: KeyRecord, usage: KeyUsage): void {
  requireEnabled(key);
  if (keyUsages[key.keySpec] === usage) return;
  throw new ServiceError(
    'InvalidKeyUsageException',
    `${keyArn(key.keyId)} key usage is ${keyUsages[key.keySpec]} which is not valid for this operation.`,
  );
}

/** Throws the KMS error for an operation that supports only symmetric encryption keys. */
export function requireSymmetric({ keyId, keySpec }: KeyRecord): void {
  if (keySpec === 'SYMMETRIC_DEFAULT') return;
  throw new ServiceError('UnsupportedOperationException', `${keyArn(keyId)} is not a symmetric encryption key.`);
}

/** Throws the KMS error for an administrative operation on a key that is pending deletion. */
export function requireNotPendingDeletion({ keyId, state }: KeyRecord): void {
  if (state === 'PendingDeletion') throw invalidState(keyId, state);
}

export const invalidState = (keyId: string, state: string): ServiceError =>
  new ServiceError(
    'KMSInvalidStateException',
    `${keyArn(keyId)} is ${state === 'PendingDeletion' ? 'pending deletion' : `in state ${state}`}.`,
  );

const notFound = (message: string) => new ServiceError('NotFoundException', message);
