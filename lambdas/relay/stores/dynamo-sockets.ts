import { connectionPartitionPrefix } from '../../../contract/shared/environment-variables.ts';
import { isKeyPart } from '../../../core/encoding/key-part.ts';
import { isOpaqueId } from '../../../core/encoding/random-id.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { putItem, updateItem } from '../../directory/stores/directory-items.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { isConditionFailure } from '../../shared/stores/write-conditionally.ts';
import type { ConnectionStore, SocketOwner, StoredTicket, TicketStore } from '../socket-ports.ts';

type ClientOf = (org: string) => DynamoClient;

const ticketId = (hash: string): string => `t/${hash}`;
const connectionPrefix = (device: string): string => `c/${device}/`;
const connectionId = (device: string, connection: string): string => `${connectionPrefix(device)}${connection}`;

/** The item that leads from a connection to its device. */
const ownerKey = (connection: string) => ({ org: `${connectionPartitionPrefix}${connection}`, id: 'owner' });

/** More connections than a device can have at a time, since dead and pending ones can still be stored. */
const maxConnections = 100;

/** Tickets and connections, in the table of mailboxes. */
export class DynamoSockets implements TicketStore, ConnectionStore {
  readonly #clientOf: ClientOf;
  readonly #unscoped: DynamoClient;
  readonly #table: string;

  /** @param unscoped a client with the function's own role, for the items that belong to no org */
  constructor(clientOf: ClientOf, unscoped: DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#unscoped = unscoped;
    this.#table = table;
  }

  putTicket(org: string, hash: string, { device, certificate, expires }: StoredTicket): Promise<void> {
    const fields = { org, id: ticketId(hash), device, certificate, expires, ttl: expires };
    return putItem(this.#clientOf(org), this.#table, fields);
  }

  async takeTicket(org: string, hash: string, now: number) {
    try {
      const { Attributes } = await mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).deleteItem({
          TableName: this.#table,
          Key: toItem({ org, id: ticketId(hash) }),
          ConditionExpression: '#expires > :now',
          ExpressionAttributeNames: namePlaceholders('expires'),
          ExpressionAttributeValues: toItem({ ':now': now }),
          ReturnValues: 'ALL_OLD',
        }),
      );
      const { device, certificate } = unmarshallReadable(Attributes ?? {});
      if (!isKeyPart(device)) return undefined;
      return { device, certificate: certificate instanceof Uint8Array ? certificate : undefined };
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }

  async putPending({ org, device }: SocketOwner, connection: string, since: number, ttl: number): Promise<void> {
    const row = { org, id: connectionId(device, connection), since, ready: false, ttl };
    // The way first: without it, nobody could make the connection ready.
    await putItem(this.#unscoped, this.#table, { ...ownerKey(connection), of: org, device, ttl });
    await putItem(this.#clientOf(org), this.#table, row);
  }

  async findOwner(connection: string): Promise<SocketOwner | undefined> {
    const item = await getItem(this.#unscoped, this.#table, ownerKey(connection));
    const { of: org, device } = unmarshallReadable(item ?? {});
    return typeof org === 'string' && isOpaqueId(org) && isKeyPart(device) ? { org, device } : undefined;
  }

  markReady({ org, device }: SocketOwner, connection: string): Promise<boolean> {
    return updateItem(this.#clientOf(org), {
      TableName: this.#table,
      Key: toItem({ org, id: connectionId(device, connection) }),
      UpdateExpression: 'SET #ready = :true',
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id', 'ready'),
      ExpressionAttributeValues: toItem({ ':true': true }),
    });
  }

  async listConnections({ org, device }: SocketOwner) {
    const prefix = connectionPrefix(device);
    const { items } = await queryPage(this.#clientOf(org), idPrefixQuery(this.#table, org, prefix), maxConnections);
    // A malformed row is not one of the service, and must not keep frames from the others.
    return items.flatMap((item) => {
      const { id, since, ready } = unmarshallReadable(item);
      if (typeof id !== 'string' || typeof since !== 'number') return [];
      return { connection: id.slice(prefix.length), since, ready: ready === true };
    });
  }

  async deleteConnection({ org, device }: SocketOwner, connection: string): Promise<void> {
    const key = toItem({ org, id: connectionId(device, connection) });
    await mapTransientErrors(writeOutcomeUnknownDetail, async () => {
      await this.#clientOf(org).deleteItem({ TableName: this.#table, Key: key });
      await this.#unscoped.deleteItem({ TableName: this.#table, Key: toItem(ownerKey(connection)) });
    });
  }

  async deleteReady({ org, device }: SocketOwner, connection: string): Promise<void> {
    try {
      await mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).deleteItem({
          TableName: this.#table,
          Key: toItem({ org, id: connectionId(device, connection) }),
          ConditionExpression: '#ready = :true',
          ExpressionAttributeNames: namePlaceholders('ready'),
          ExpressionAttributeValues: toItem({ ':true': true }),
        }),
      );
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }
  }
}
