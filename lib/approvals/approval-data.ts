import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { DirectoryTable } from '../sessions/directory-table.ts';
import { HmacKey } from '../shared/kms-hmac-key.ts';
import type { LockedBucket } from '../shared/locked-bucket.ts';
import type { StatefulNames } from '../shared/physical-names.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import { ApprovalTable } from './approval-table.ts';

interface OrgData {
  readonly keyrings: KeyringTable;
  readonly locked: LockedBucket;
  readonly sessions: { readonly directories: DirectoryTable };
}

/** The table of approvals, and the key from which the signing keys of brokers are derived. */
export class ApprovalData extends Construct {
  readonly table: ApprovalTable;
  readonly brokerKey: HmacKey;

  /** @param name name of the deployment, prefix of the alias */
  constructor(scope: Construct, id: string, name: string, names: StatefulNames) {
    super(scope, id);
    this.table = new ApprovalTable(this, 'Questions', names.table('approvals'));
    this.brokerKey = new HmacKey(this, 'BrokerKey', {
      alias: `${name}-broker`,
      description: 'Derives the keys with which the broker signs questions; if lost, list the new ones in directories',
      setting: functionEnv.brokerKeyId,
    });
  }

  /**
   * The broker asks. The function of the devices has no key but the one that authenticates records. The sealer tells it
   * the ids of orgs whose tripwires were hit; it knows the devices, and has them woken.
   */
  grantAll(functions: VaultFunctions, { keyrings, locked, sessions }: OrgData): void {
    const { broker, approvals, notifier, sealer, shredder } = functions;
    this.table.grantAsk(broker);
    this.brokerKey.grantMac(broker);
    locked.grantDirectoryMark(broker);
    for (const fn of [broker, approvals]) notifier.grantInvoke(fn, functionEnv.notifierFunction);
    approvals.grantInvoke(sealer, functionEnv.approvalsFunction);
    this.table.grantAnswer(approvals);
    keyrings.grantRead(approvals);
    for (const fn of [broker, approvals]) sessions.directories.grantRead(fn);
    for (const fn of [shredder, functions['shred-workflow']]) this.table.grantDestroy(fn);
  }
}
