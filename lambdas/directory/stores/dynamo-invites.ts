import type { SessionRole } from '../../../contract/sessions/wire.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import {
  type Item,
  namePlaceholders,
  parsedOrNone,
  toItem,
  unmarshallKeyring,
} from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import type { InviteStore, StoredEnrollment, StoredInvite } from '../directory-ports.ts';
import { type ClientOf, ItemFields, inviteId, lastPart, putNewItem, takeItem, updateItem } from './directory-items.ts';
import type { DirectoryTables } from './dynamo-directory.ts';

const roles: readonly SessionRole[] = ['owner', 'agent', 'broker'];

/** @throws DecryptionError for missing fields */
function parseInvite(item: Item): StoredInvite {
  const fields = new ItemFields(item);
  const role = roles.find((one) => one === fields.text('role'));
  if (role === undefined) throw new DecryptionError();
  const enrollment =
    fields.optionalBytes('ik') === undefined
      ? undefined
      : {
          ik: fields.bytes('ik'),
          dh: fields.bytes('dh'),
          proof: fields.bytes('proof'),
          possession: fields.bytes('possession'),
        };
  return {
    invite: lastPart(item),
    person: fields.text('person'),
    role,
    stored: fields.bytes('stored'),
    challenge: fields.bytes('challenge'),
    expiresAt: fields.text('expiresAt'),
    enrollment,
  };
}

/** Invites, one item each. The table removes them after their end. */
export class DynamoInvites implements InviteStore {
  readonly #clientOf: ClientOf;
  readonly #tables: DirectoryTables;

  constructor(clientOf: ClientOf, tables: DirectoryTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(org: string, invite: string) {
    const { keyrings, directory } = this.#tables;
    const found = await batchGet(this.#clientOf(org), {
      [keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [directory]: { Keys: [toItem({ org, id: inviteId(invite) })], ConsistentRead: true },
    });
    const [keyring] = found.get(keyrings) ?? [];
    const [item] = found.get(directory) ?? [];
    return { orgKeyring: keyring && unmarshallKeyring(keyring), invite: item && parseInvite(item) };
  }

  async list(org: string, limit: number): Promise<readonly StoredInvite[]> {
    const query = idPrefixQuery(this.#tables.directory, org, inviteId(''));
    return (await queryPage(this.#clientOf(org), query, limit)).items.flatMap((item) =>
      parsedOrNone(item, parseInvite),
    );
  }

  create(org: string, { invite, enrollment: _, ...fields }: StoredInvite): Promise<boolean> {
    const item = { org, id: inviteId(invite), ttl: toTtlSeconds(fields.expiresAt), ...fields };
    return putNewItem(this.#clientOf(org), this.#tables.directory, item);
  }

  enroll(org: string, invite: string, enrollment: StoredEnrollment, expiresAt: string): Promise<boolean> {
    const { ik, dh, proof, possession } = enrollment;
    return updateItem(this.#clientOf(org), {
      TableName: this.#tables.directory,
      Key: toItem({ org, id: inviteId(invite) }),
      UpdateExpression:
        'SET #ik = :ik, #dh = :dh, #proof = :proof, #possession = :possession, #expiresAt = :expiresAt, #ttl = :ttl',
      ConditionExpression: 'attribute_exists(#id) AND attribute_not_exists(#ik)',
      ExpressionAttributeNames: namePlaceholders('id', 'ik', 'dh', 'proof', 'possession', 'expiresAt', 'ttl'),
      ExpressionAttributeValues: toItem({
        ':ik': ik,
        ':dh': dh,
        ':proof': proof,
        ':possession': possession,
        ':expiresAt': expiresAt,
        ':ttl': toTtlSeconds(expiresAt),
      }),
    });
  }

  async delete(org: string, invite: string): Promise<boolean> {
    return (await takeItem(this.#clientOf(org), this.#tables.directory, org, inviteId(invite))) !== undefined;
  }
}
