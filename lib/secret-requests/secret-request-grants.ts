import type { ApiKeyTable } from '../api-keys/api-key-table.ts';
import type { KeyEncryptionKey } from '../org-keys/key-encryption-key.ts';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { HmacKey } from '../shared/kms-hmac-key.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import type { ValueTable } from '../values/value-table.ts';
import type { SecretRequestTable } from './secret-request-table.ts';

interface OrgData {
  readonly keyrings: KeyringTable;
  readonly apiKeys: ApiKeyTable;
  readonly values: ValueTable;
  readonly kek: KeyEncryptionKey;
  readonly secretRequests: SecretRequestTable;
  readonly secretRequestKey: HmacKey;
}

/** The function that stores what people type on the page: it creates values and can read none. */
export function grantSecretRequests(
  functions: VaultFunctions,
  { keyrings, apiKeys, values, kek, secretRequests, secretRequestKey }: OrgData,
): void {
  const fn = functions['secret-requests'];
  keyrings.grantRead(fn);
  keyrings.grantPut(fn);
  apiKeys.grantRead(fn);
  values.grantCreate(fn);
  kek.grantGenerate(fn);
  kek.grantDecrypt(fn);
  secretRequests.grantUse(fn);
  secretRequestKey.grantMac(fn);
  for (const shredding of [functions.shredder, functions['shred-workflow']]) secretRequests.grantDestroy(shredding);
}
