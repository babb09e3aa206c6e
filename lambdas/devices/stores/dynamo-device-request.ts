import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { userItemId } from '../../users/stores/user-item-codec.ts';
import type { DeviceRequestData, DeviceRequestReader } from '../device-ports.ts';
import { parseRosterItem, rosterId } from './device-item-codec.ts';

export interface DeviceTables {
  readonly keyrings: string;
  readonly userKeyrings: string;
  readonly rosters: string;
}

/** Reads both keyrings and the roster in one strongly consistent BatchGetItem, so a removal applies at once. */
export class DynamoDeviceRequest implements DeviceRequestReader {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #tables: DeviceTables;

  constructor(clientOf: (org: string) => DynamoClient, tables: DeviceTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(scope: VaultScope): Promise<DeviceRequestData> {
    const { org, user } = scope;
    const { keyrings, userKeyrings, rosters } = this.#tables;
    const found = await batchGet(this.#clientOf(org), {
      [keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [userKeyrings]: { Keys: [toItem({ org, id: userItemId(user) })], ConsistentRead: true },
      [rosters]: { Keys: [toItem({ org, id: rosterId(scope) })], ConsistentRead: true },
    });
    const [orgKeyring] = found.get(keyrings) ?? [];
    const [userKeyring] = found.get(userKeyrings) ?? [];
    const [roster] = found.get(rosters) ?? [];
    return {
      orgKeyring: orgKeyring && unmarshallKeyring(orgKeyring),
      userKeyring: userKeyring && unmarshallKeyring(userKeyring),
      roster: roster && parseRosterItem(roster, org),
    };
  }
}
