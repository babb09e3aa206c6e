import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { EncryptionContextKey } from '../shared/encryption-context-key.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** The same kinds as in core/jobs/job-envelope.ts. A test compares both lists. */
const jobKinds = ['message', 'erase'] as const;
type JobKind = (typeof jobKinds)[number];

/**
 * Wraps the keys of jobs in the queue (docs/format.md, section 13). The encryption context of every use has the org,
 * the job and its kind, so that a function with permission for one kind cannot create a job of another kind. If the key
 * is lost, waiting messages are lost, but no stored data.
 */
export class JobWrappingKey extends EncryptionContextKey {
  constructor(scope: Construct, id: string, alias: string) {
    super(scope, id, {
      alias,
      description: 'Wraps the keys of jobs that wait in the queue',
      contextKeys: ['job', 'kind'],
    });
  }

  /** Allows a function to generate keys for jobs of one kind and sets its key ID. */
  grantGenerate(fn: VaultFunction, kind: JobKind): void {
    this.grantUse(fn, 'kms:GenerateDataKey', [kind]);
  }

  /** Allows a function to decrypt the keys of all jobs and sets its key ID. */
  grantDecrypt(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:Decrypt', jobKinds);
  }

  private grantUse(fn: VaultFunction, action: string, kinds: readonly JobKind[]): void {
    this.grant(fn, action, { allowedContextValues: { kind: kinds } });
    fn.set(functionEnv.transitKeyId, this.arn);
  }
}
