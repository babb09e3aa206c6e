import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { numberOf, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { runInBatches } from '../../shared/stores/run-in-batches.ts';
import type { RevokedDeviceStore } from '../directory-ports.ts';
import { bundleId, type ClientOf, prekeyPrefix, purgedId, putItem } from './directory-items.ts';

export interface RevokedDeviceTables {
  readonly directory: string;
  readonly mailboxes: string;
}

/** Kinds of items of a device: messages, acknowledged names, counters, and push subscriptions. */
const mailboxKinds = ['m', 'a', 'n', 'p'] as const;
/** More connections than a device can have at a time. */
const maxConnections = 100;

export class DynamoRevokedDevices implements RevokedDeviceStore {
  readonly #clientOf: ClientOf;
  readonly #tables: RevokedDeviceTables;

  constructor(clientOf: ClientOf, tables: RevokedDeviceTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async getDone(org: string): Promise<number> {
    const item = await getItem(this.#clientOf(org), this.#tables.directory, { org, id: purgedId });
    // Without a number, all of it is done again.
    const seq = numberOf(item?.seq?.N);
    return Number.isNaN(seq) ? 0 : seq;
  }

  setDone(org: string, seq: number): Promise<void> {
    return putItem(this.#clientOf(org), this.#tables.directory, { org, id: purgedId, seq });
  }

  async takeConnections(org: string, device: string): Promise<readonly string[]> {
    const table = this.#tables.mailboxes;
    const prefix = `c/${device}/`;
    const taken: string[] = [];
    for (let more = true; more; ) {
      const query = { ...idPrefixQuery(table, org, prefix), ProjectionExpression: '#id' };
      const page = await queryPage(this.#clientOf(org), query, maxConnections);
      const ids = page.items.map(({ id }) => id?.S ?? '');
      await this.#delete(org, table, ids);
      taken.push(...ids.map((id) => id.slice(prefix.length)));
      more = page.more;
    }
    return taken;
  }

  async deleteSome(org: string, device: string, limit: number): Promise<boolean> {
    const { directory, mailboxes } = this.#tables;
    await this.#delete(org, directory, [bundleId(device)]);
    if (!(await this.#deletePrefix(org, directory, `${prekeyPrefix(device)}/`, limit))) return false;
    for (const kind of mailboxKinds) {
      if (!(await this.#deletePrefix(org, mailboxes, `${kind}/${device}/`, limit))) return false;
    }
    return true;
  }

  async #deletePrefix(org: string, table: string, prefix: string, limit: number): Promise<boolean> {
    const query = { ...idPrefixQuery(table, org, prefix), ProjectionExpression: '#id' };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    await this.#delete(
      org,
      table,
      items.map(({ id }) => id?.S ?? ''),
    );
    return !more;
  }

  async #delete(org: string, table: string, ids: readonly string[]): Promise<void> {
    await runInBatches(ids, (id) =>
      mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).deleteItem({ TableName: table, Key: toItem({ org, id }) }),
      ),
    );
  }
}
