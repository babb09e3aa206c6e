import type { PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import { DynamoUserItems } from '../../users/stores/dynamo-user-records.ts';
import type { AttachmentKind, RosterStore, StoredRoster } from '../device-ports.ts';
import {
  attachmentId,
  bytesOfItem,
  otherIdPrefix,
  otherKinds,
  parseRosterItem,
  parseRosterOrDamaged,
  rosterId,
  rosterIdPrefix,
} from './device-item-codec.ts';

/** More rosters than a user can have, so that one page lists all. */
const rosterPage = 100;
/** Keys of one BatchGetItem. */
const keysAtOnce = 100;

/** Rosters, wraps and recovery boxes, one item each, in the table without backups. */
export class DynamoDeviceRosters implements RosterStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;
  readonly #items: DynamoUserItems;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
    this.#items = new DynamoUserItems(clientOf, table);
  }

  async get(scope: VaultScope): Promise<StoredRoster | undefined> {
    const { org } = scope;
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: rosterId(scope) });
    return item === undefined ? undefined : parseRosterItem(item, org);
  }

  async list({ org, user }: UserRef): ReturnType<RosterStore['list']> {
    const query = idPrefixQuery(this.#table, org, rosterIdPrefix(user));
    const { items } = await queryPage(this.#clientOf(org), query, rosterPage);
    return items.map((item) => parseRosterOrDamaged(item, org));
  }

  create({ scope, ...fields }: StoredRoster): Promise<boolean> {
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org: scope.org, id: rosterId(scope), ...fields }),
      // The equality accepts the client's retry after a lost reply.
      ConditionExpression: 'attribute_not_exists(#id) OR #mac = :mac',
      ExpressionAttributeNames: namePlaceholders('id', 'mac'),
      ExpressionAttributeValues: toItem({ ':mac': fields.mac }),
    };
    return writeConditionally(() => this.#clientOf(scope.org).putItem(input), writeOutcomeUnknownDetail);
  }

  replace({ scope, seq, state, mac, logBytes }: StoredRoster, before: number): Promise<boolean> {
    // An update, so that a deletion that was requested meanwhile stays requested.
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org: scope.org, id: rosterId(scope) }),
      UpdateExpression: 'SET #seq = :seq, #state = :state, #mac = :mac, #logBytes = :logBytes',
      ConditionExpression: '#seq = :before OR #mac = :mac',
      ExpressionAttributeNames: namePlaceholders('seq', 'state', 'mac', 'logBytes'),
      ExpressionAttributeValues: toItem({
        ':seq': seq,
        ':state': state,
        ':mac': mac,
        ':logBytes': logBytes,
        ':before': before,
      }),
    };
    return writeConditionally(() => this.#clientOf(scope.org).updateItem(input), writeOutcomeUnknownDetail);
  }

  async setDeletable(scope: VaultScope, at: string | undefined): Promise<void> {
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org: scope.org, id: rosterId(scope) }),
      UpdateExpression: at === undefined ? 'REMOVE #deletableAt' : 'SET #deletableAt = :at',
      // Without this condition, the update would create an item for a vault that was deleted in the meantime.
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id', 'deletableAt'),
      ...(at === undefined ? {} : { ExpressionAttributeValues: toItem({ ':at': at }) }),
    };
    await writeConditionally(() => this.#clientOf(scope.org).updateItem(input), writeOutcomeUnknownDetail);
  }

  async delete(scope: VaultScope): Promise<void> {
    await this.#items.delete(scope.org, [rosterId(scope)]);
  }

  async putAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array, bytes: Uint8Array): Promise<void> {
    const { org } = scope;
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id: attachmentId(scope, kind, hash), bytes }),
    };
    await mapTransientErrors(writeOutcomeUnknownDetail, () => this.#clientOf(org).putItem(input));
  }

  async getAttachments(
    scope: VaultScope,
    kind: AttachmentKind,
    hashes: readonly Uint8Array[],
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const { org } = scope;
    const found = new Map<string, Uint8Array>();
    // A batch refuses a key that occurs twice.
    const ids = [...new Set(hashes.map((hash) => attachmentId(scope, kind, hash)))];
    for (let at = 0; at < ids.length; at += keysAtOnce) {
      const Keys = ids.slice(at, at + keysAtOnce).map((id) => toItem({ org, id }));
      const items = await batchGet(this.#clientOf(org), { [this.#table]: { Keys, ConsistentRead: true } });
      for (const item of items.get(this.#table) ?? []) {
        found.set((item.id?.S ?? '').split('/').at(-1) ?? '', bytesOfItem(item));
      }
    }
    return found;
  }

  async deleteAttachment(scope: VaultScope, kind: AttachmentKind, hash: Uint8Array): Promise<void> {
    await this.#items.delete(scope.org, [attachmentId(scope, kind, hash)]);
  }

  async deleteOthers(scope: VaultScope, limit: number): Promise<boolean> {
    for (const kind of otherKinds) {
      const { items, more } = await this.#items.list(scope.org, otherIdPrefix(scope, kind), limit);
      await this.#items.delete(scope.org, items);
      if (more) return false;
    }
    return true;
  }
}
