import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { EncryptionContextKey } from '../shared/encryption-context-key.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** As core/jobs/job-envelope.ts has them; a test holds the two together. */
const jobKinds = ['message', 'erase'] as const;
type JobKind = (typeof jobKinds)[number];

/**
 * Wraps the keys of jobs while they are in the queue (docs/format.md, section 13). Every use names the org, the job and what kind it is
 * of: who may make jobs of one kind can't pass one off as another. Losing the key loses the messages that are waiting, and nothing that
 * is stored.
 */
export class JobWrappingKey extends EncryptionContextKey {
  constructor(scope: Construct, id: string, alias: string) {
    super(scope, id, {
      alias,
      description: 'Wraps the keys of jobs that wait in the queue',
      contextKeys: ['job', 'kind'],
    });
  }

  /** Lets a function make keys for jobs of one kind, and tells it the key. */
  grantGenerate(fn: VaultFunction, kind: JobKind): void {
    this.grantUse(fn, 'kms:GenerateDataKey', [kind]);
  }

  /** Lets a function open jobs of all kinds, and tells it the key. */
  grantDecrypt(fn: VaultFunction): void {
    this.grantUse(fn, 'kms:Decrypt', jobKinds);
  }

  private grantUse(fn: VaultFunction, action: string, kinds: readonly JobKind[]): void {
    this.grant(fn, action, { allowedContextValues: { kind: kinds } });
    fn.set(functionEnv.transitKeyId, this.arn);
  }
}
