import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { EncryptionContextKey } from '../shared/encryption-context-key.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** The key-encryption key of the deployment: it wraps DEKs. Every use names the org and the version of the DEK. */
export class KeyEncryptionKey extends EncryptionContextKey {
  private readonly previous: readonly string[];

  /** @param previous ARNs of KEKs before this one, whose wrapped DEKs may still be unwrapped */
  constructor(scope: Construct, id: string, alias: string, previous: readonly string[] = []) {
    const description = 'Wraps the data-encryption keys of organizations; losing it loses all their data';
    super(scope, id, { alias, description, contextKeys: ['dek'] });
    this.previous = previous;
  }

  /** Lets a function make new DEKs, and tells it the key. */
  grantGenerate(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:GenerateDataKey');
  }

  /** Lets a function unwrap DEKs, and tells it the key. */
  grantDecrypt(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:Decrypt', this.previous);
  }

  /** Lets a function wrap DEKs anew without seeing them, and tells it the key. */
  grantRewrap(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:ReEncryptFrom', this.previous);
    this.grantUse(fn, 'kms:ReEncryptTo');
  }

  private grantUse(fn: VaultFunction, action: string, also: readonly string[] = []): void {
    this.grant(fn, action, { otherKeyArns: also });
    fn.set(functionEnv.kekId, [this.arn, ...this.previous].join(','));
  }
}
