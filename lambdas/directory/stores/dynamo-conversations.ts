import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { isHashId } from '../../../core/directory/directory-ids.ts';
import { writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { type Item, namePlaceholders, parsedOrNone, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { runInBatches } from '../../shared/stores/run-in-batches.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { ConversationStore, RelationData, StoredConversation } from '../directory-ports.ts';
import {
  bundleId,
  type ClientOf,
  conversationId,
  ItemFields,
  lastPart,
  participationId,
  participationPrefix,
  putItem,
} from './directory-items.ts';

/** @throws DecryptionError for missing fields */
function parseConversation(item: Item): StoredConversation {
  const fields = new ItemFields(item);
  const participants = fields.any('participants');
  return {
    conversation: lastPart(item),
    version: fields.number('version'),
    statement: fields.bytes('statement'),
    participants: Array.isArray(participants) ? participants.filter((one) => typeof one === 'string') : [],
  };
}

/** Statements of conversations, one item each, and an item for each participant that points to it. */
export class DynamoConversations implements ConversationStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  put(org: string, stored: StoredConversation): Promise<boolean> {
    return this.#put(org, stored, {
      ConditionExpression: 'attribute_not_exists(#id) OR #version < :version OR #statement = :statement',
      ExpressionAttributeNames: namePlaceholders('id', 'version', 'statement'),
      ExpressionAttributeValues: toItem({ ':version': stored.version, ':statement': stored.statement }),
    });
  }

  async getStatement(org: string, conversation: string): Promise<Uint8Array | undefined> {
    const [item] = await this.#get(org, [conversationId(conversation)]);
    return item && (item.statement?.B ?? new Uint8Array(0));
  }

  replace(org: string, stored: StoredConversation, before: Uint8Array): Promise<boolean> {
    return this.#put(org, stored, {
      ConditionExpression: '#statement = :before OR #statement = :statement OR NOT attribute_type(#statement, :binary)',
      ExpressionAttributeNames: namePlaceholders('statement'),
      ExpressionAttributeValues: toItem({ ':before': before, ':statement': stored.statement, ':binary': 'B' }),
    });
  }

  async #put(
    org: string,
    { conversation, version, statement, participants }: StoredConversation,
    condition: Pick<PutItemInput, 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'>,
  ): Promise<boolean> {
    const client = this.#clientOf(org);
    // Before the statement: a pointer without a statement is skipped, a statement without a pointer would not be found.
    await runInBatches(participants, (participant) =>
      putItem(client, this.#table, { org, id: participationId(participant, conversation) }),
    );
    const Item = toItem({ org, id: conversationId(conversation), version, statement, participants });
    return await writeConditionally(
      () => client.putItem({ TableName: this.#table, Item, ...condition }),
      writeOutcomeUnknownDetail,
    );
  }

  async list(org: string, participant: string, after: string | undefined, limit: number) {
    const { ids, more } = await this.#listIds(org, participant, after, limit);
    const found = await this.#get(org, ids.map(conversationId));
    const whole = found.flatMap((item) => parsedOrNone(item, parseConversation));
    const items = whole.filter(({ participants }) => participants.includes(participant));
    const sorted = items.toSorted((a, b) => (a.conversation < b.conversation ? -1 : 1));
    return { items: sorted, next: more ? ids.at(-1) : undefined };
  }

  /** Pointers that the service did not write are left out: no cursor can name them. */
  async #listIds(org: string, participant: string, after: string | undefined, limit: number) {
    const prefix = `${participationPrefix(participant)}/`;
    for (let start = after ?? ''; ; ) {
      const query = idPrefixQuery(this.#table, org, prefix, start);
      const { items, more } = await queryPage(this.#clientOf(org), query, limit);
      const all = items.map(({ id }) => id?.S?.slice(prefix.length) ?? '');
      const ids = all.filter(isHashId);
      const last = all.at(-1);
      if (ids.length > 0 || !more || last === undefined) return { ids, more };
      start = last;
    }
  }

  async readRelations(
    org: string,
    conversations: readonly string[],
    members: readonly string[],
  ): Promise<RelationData> {
    const items = await this.#get(org, [...conversations.map(conversationId), ...members.map(bundleId)]);
    const statements = new Map<string, Uint8Array>();
    const certificates = new Map<string, Uint8Array>();
    for (const item of items) {
      // Each by itself, because damage of one item must not refuse the others. What they say is verified.
      const [certificate, statement] = [item.certificate?.B, item.statement?.B];
      if (statement !== undefined) statements.set(lastPart(item), statement);
      else if (certificate !== undefined) certificates.set(lastPart(item), certificate);
    }
    return { statements, certificates };
  }

  async #get(org: string, ids: readonly string[]): Promise<readonly Item[]> {
    if (ids.length === 0) return [];
    const Keys = ids.map((id) => toItem({ org, id }));
    const found = await batchGet(this.#clientOf(org), { [this.#table]: { Keys, ConsistentRead: true } });
    return found.get(this.#table) ?? [];
  }
}
