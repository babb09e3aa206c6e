import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { KmsSigningKey } from '../shared/kms-signing-key.ts';

/**
 * The key that signs push notices (RFC 8292). Browsers subscribe with its public half. If it is lost, devices get no
 * notices until they subscribe again; no data is lost.
 */
export class PushKey extends KmsSigningKey {
  constructor(scope: Construct, id: string, alias: string) {
    super(scope, id, {
      alias,
      description: 'Signs push notices for browsers, which contain nothing; its public half is published',
      setting: functionEnv.pushKeyId,
    });
  }
}
