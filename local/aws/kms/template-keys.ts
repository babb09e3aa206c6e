/** Applies the template's keys to the KMS emulator. */
import type { Deployment } from '../cloudformation/deployment-spec.ts';
import type { KeySpec } from '../shared/kms-key-specs.ts';
import { compileKeyPolicy } from './key-policy.ts';
import type { KmsKeyRegistry } from './key-registry.ts';

/** Returns key IDs by logical ID. Missing keys are created. */
export function ensureKmsKeys(
  keyring: KmsKeyRegistry,
  specs: ReadonlyMap<string, KeySpec>,
): ReadonlyMap<string, string> {
  return new Map([...specs].map(([id, spec]) => [id, keyring.store.getOrCreate(id, keyring.now(), spec).keyId]));
}

/** Sets the settings and policies of the keys, and the targets of the aliases. */
export function applyTemplateToKeys(keyring: KmsKeyRegistry, { kmsKeys, aliases }: Deployment): void {
  const { store } = keyring;
  for (const { logicalId, keyId, Description, EnableKeyRotation, RotationPeriodInDays, KeyPolicy } of kmsKeys) {
    const rotationPeriodInDays = EnableKeyRotation ? RotationPeriodInDays : null;
    const record = store.get(keyId);
    if (record !== undefined && record.state !== 'Deleted') {
      store.put({ ...record, description: Description, rotationPeriodInDays });
    }
    keyring.setPolicy(keyId, compileKeyPolicy(KeyPolicy, logicalId));
  }
  for (const { AliasName, TargetKeyId } of aliases) {
    store.putAlias(AliasName, TargetKeyId.split('/').at(-1) ?? TargetKeyId);
  }
  keyring.applyAllDueChanges();
}
