import { Construct } from 'constructs';
import type { KeyringTable } from '../org-keys/org-keyring-table.ts';
import type { StatefulNames } from '../shared/physical-names.ts';
import type { VaultFunctions } from '../shared/vault-functions.ts';
import type { UserKeyringTable } from '../users/user-keyring-table.ts';
import { DeviceLogTable } from './device-log-table.ts';
import { DeviceRosterTable } from './device-roster-table.ts';

/** The keyrings that tell whether an org and a user are active. */
interface Keyrings {
  readonly keyrings: KeyringTable;
  readonly users: { readonly keyrings: UserKeyringTable };
}

/**
 * The tables of device vaults. No key of the deployment opens what they hold, so the function of their routes has no
 * permission for any KMS key but the one that authenticates records.
 */
export class DeviceData extends Construct {
  readonly rosters: DeviceRosterTable;
  readonly logs: DeviceLogTable;

  constructor(scope: Construct, id: string, names: StatefulNames) {
    super(scope, id);
    this.rosters = new DeviceRosterTable(this, 'Rosters', names.table('device-rosters'));
    this.logs = new DeviceLogTable(this, 'Logs', names.table('device-logs'));
  }

  /** The function of the routes, and the ones that delete vaults with their users and orgs. */
  grantAll(functions: VaultFunctions, { keyrings, users }: Keyrings): void {
    const { devices, explainer, worker, shredder } = functions;
    keyrings.grantRead(devices);
    users.keyrings.grantRead(devices);
    this.rosters.grantLook(explainer);
    for (const table of [this.rosters, this.logs]) {
      table.grantManage(devices);
      for (const fn of [worker, shredder, functions['shred-workflow']]) table.grantDestroy(fn);
    }
  }
}
