import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { EncryptionContextKey } from '../shared/encryption-context-key.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The key-encryption key (KEK) of the deployment, which wraps DEKs. The encryption context has the org and the DEK
 * version.
 */
export class KeyEncryptionKey extends EncryptionContextKey {
  private readonly previous: readonly string[];

  /** @param previous ARNs of previous KEKs, with which DEKs can still be unwrapped */
  constructor(scope: Construct, id: string, alias: string, previous: readonly string[] = []) {
    const description = 'Wraps the data-encryption keys of organizations; losing it loses all their data';
    super(scope, id, { alias, description, contextKeys: ['dek'] });
    this.previous = previous;
  }

  /** Allows a function to generate DEKs and sets its key ID. */
  grantGenerate(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:GenerateDataKeyWithoutPlaintext');
  }

  /** Allows a function to unwrap DEKs and sets its key ID. */
  grantDecrypt(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:Decrypt', this.previous);
  }

  /** Allows a function to rewrap DEKs with ReEncrypt, without plaintext access, and sets its key ID. */
  grantRewrap(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:ReEncryptFrom', this.previous);
    this.grantUse(fn, 'kms:ReEncryptTo');
  }

  private grantUse(fn: VaultFunction, action: string, also: readonly string[] = []): void {
    this.grant(fn, action, { otherKeyArns: also });
    fn.set(functionEnv.kekId, [this.arn, ...this.previous].join(','));
  }
}
