import { approvalLimits } from '../../../contract/approvals/limits.ts';
import type { QuestionRefusalReason } from '../../../contract/approvals/wire.ts';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { isDateTime } from '../../../core/encoding/stored-record-fields.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { runInBatches } from '../../shared/stores/run-in-batches.ts';
import { isTypeMismatch, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  AnswerStore,
  ApprovalStore,
  ListedQuestion,
  NewAnswer,
  NewApproval,
  PersonKeyStore,
  SealedQuestion,
  StoredPointer,
  UseEnd,
  UseStart,
} from '../approval-ports.ts';
import {
  approvalId,
  keyId,
  parseApproval,
  parsePointer,
  personKeyId,
  pointerId,
  questionId,
  questionPrefix,
  signedOf,
} from './approval-items.ts';

type ClientOf = (org: string) => DynamoClient;

const ttlOf = (milliseconds: number): number => Math.ceil(milliseconds / 1000) + approvalLimits.keptSeconds;

/** Questions and answers, one item each (docs/approvals.md, section 5). */
export class DynamoApprovals implements ApprovalStore, AnswerStore, PersonKeyStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async get(org: string, approval: string) {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: approvalId(approval) });
    return item && parseApproval(item);
  }

  async getPointer(org: string, asker: string) {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: pointerId(asker) });
    return item && parsePointer(item);
  }

  replacePointer(org: string, asker: string, next: StoredPointer, before: StoredPointer | undefined) {
    const item = { org, id: pointerId(asker), ...next, ttl: ttlOf(next.expires) };
    return this.#replace(item, 'approval', before?.approval);
  }

  async getKeys(org: string, devices: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const Keys = devices.map((device) => toItem({ org, id: keyId(device) }));
    const found = await batchGet(this.#clientOf(org), { [this.#table]: { Keys, ConsistentRead: true } });
    return new Map(
      (found.get(this.#table) ?? []).flatMap((item) => {
        const { id, signed } = unmarshallReadable(item);
        return typeof id === 'string' && signed instanceof Uint8Array ? [[id.slice(keyId('').length), signed]] : [];
      }),
    );
  }

  async put(org: string, { expires, ...approval }: NewApproval, questions: readonly SealedQuestion[]): Promise<void> {
    const ttl = ttlOf(expires);
    const put = (item: Record<string, unknown>) =>
      mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).putItem({ TableName: this.#table, Item: toItem({ org, ttl, ...item }) }),
      );
    await runInBatches(questions, async ({ device, question }) => {
      await put({ id: questionId(device, approval.approval), question, expires });
    });
    const { approval: id, ...fields } = approval;
    await put({ id: approvalId(id), ...fields });
  }

  async withdraw(org: string, approval: string, devices: readonly string[]): Promise<void> {
    await this.#update(org, approval, { set: '#withdrawn = :true', names: ['withdrawn'], values: { ':true': true } });
    await this.deleteQuestions(org, approval, devices);
  }

  start(org: string, approval: string, { starter, now, limit, answer, staleBefore }: UseStart): Promise<boolean> {
    const values = { ':starter': starter, ':now': now, ':limit': limit, ':answer': answer, ':stale': staleBefore };
    const isFree = '(attribute_not_exists(#uses) OR #uses < :limit)';
    const isCertain = 'attribute_not_exists(#uncertain) AND attribute_not_exists(#withdrawn)';
    const isEnded = '(attribute_not_exists(#open) OR #open < :one OR #lastStart >= :stale)';
    return this.#update(org, approval, {
      set: '#lastStart = :now, #starter = :starter',
      add: '#uses :one, #open :one',
      remove: '#shares, #secret',
      condition: `${isFree} AND ${isCertain} AND ${isEnded} AND #answer = :answer`,
      names: ['uses', 'open', 'uncertain', 'withdrawn', 'lastStart', 'starter', 'answer', 'shares', 'secret'],
      values: { ...values, ':one': 1 },
    });
  }

  async end(org: string, approval: string, end: UseEnd): Promise<void> {
    await this.#update(org, approval, {
      ...(end === 'unknown' && { set: '#uncertain = :true' }),
      add: end === 'not-sent' ? '#open :minus, #uses :minus' : '#open :minus',
      names: ['open', ...(end === 'unknown' ? ['uncertain'] : []), ...(end === 'not-sent' ? ['uses'] : [])],
      values: { ':minus': -1, ...(end === 'unknown' && { ':true': true }) },
    });
  }

  getKey(org: string, device: string) {
    return this.#signed(org, keyId(device));
  }

  putKey(org: string, device: string, signed: Uint8Array, before: Uint8Array | undefined): Promise<boolean> {
    return this.#replace({ org, id: keyId(device), signed }, 'signed', before);
  }

  getPersonKey(org: string, person: string) {
    return this.#signed(org, personKeyId(person));
  }

  putPersonKey(org: string, person: string, signed: Uint8Array, before: Uint8Array | undefined): Promise<boolean> {
    return this.#replace({ org, id: personKeyId(person), signed }, 'signed', before);
  }

  async #signed(org: string, id: string): Promise<Uint8Array | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id });
    return item && signedOf(item);
  }

  async getDeviceKeys(org: string, devices: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const read = await Promise.all(
      devices.map(async (device) => {
        const item = await getItem(this.#clientOf(org), this.#table, { org, id: keyId(device) });
        const { signed } = item === undefined ? {} : unmarshallReadable(item);
        return signed instanceof Uint8Array ? [[device, signed] as const] : [];
      }),
    );
    return new Map(read.flat());
  }

  async listQuestions(org: string, device: string, limit: number): Promise<readonly ListedQuestion[]> {
    const prefix = questionPrefix(device);
    const { items } = await queryPage(this.#clientOf(org), idPrefixQuery(this.#table, org, prefix), limit);
    return items.flatMap((item) => {
      const { id, question, expires } = unmarshallReadable(item);
      if (typeof id !== 'string' || !(question instanceof Uint8Array) || !isDateTime(expires)) return [];
      return { approval: id.slice(prefix.length), question, expires };
    });
  }

  putAnswer(org: string, approval: string, { signed, shares }: NewAnswer, before: Uint8Array | undefined) {
    return this.#update(org, approval, {
      set: `#answer = :answer${shares === undefined ? '' : ', #shares = :shares'}`,
      ...(shares === undefined && { remove: '#shares' }),
      condition: before === undefined ? 'attribute_not_exists(#answer)' : '#answer = :before',
      names: ['answer', 'shares'],
      values: { ':answer': signed, ...(shares && { ':shares': shares }), ...(before && { ':before': before }) },
    });
  }

  async putRefusal(org: string, approval: string, device: string, reason: QuestionRefusalReason): Promise<void> {
    const values = { ':refusals': new Set([`${device}:${reason}`]) };
    await this.#update(org, approval, { add: '#refusals :refusals', names: ['refusals'], values });
  }

  async deleteQuestions(org: string, approval: string, devices: readonly string[]): Promise<void> {
    await runInBatches(devices, async (device) => {
      const Key = toItem({ org, id: questionId(device, approval) });
      await mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).deleteItem({ TableName: this.#table, Key }),
      );
    });
  }

  /**
   * Stores an item if the attribute of the one that it replaces is `before`, or has another type because somebody altered
   * it; undefined if there must be none. A repeated write succeeds.
   */
  #replace(
    item: Readonly<Record<string, unknown>> & { readonly org: string },
    attribute: string,
    before: string | Uint8Array | undefined,
  ): Promise<boolean> {
    const names = before === undefined ? ['id', attribute] : [attribute];
    const values = { ':before': before, ':type': typeof before === 'string' ? 'S' : 'B' };
    const isBefore =
      before === undefined
        ? 'attribute_not_exists(#id)'
        : `#${attribute} = :before OR NOT attribute_type(#${attribute}, :type)`;
    const condition = {
      ConditionExpression: `${isBefore} OR #${attribute} = :next`,
      ExpressionAttributeNames: namePlaceholders(...names),
      ExpressionAttributeValues: toItem({ ':next': item[attribute], ...(before === undefined ? {} : values) }),
    };
    return this.#write(() =>
      this.#clientOf(item.org).putItem({ TableName: this.#table, Item: toItem(item), ...condition }),
    );
  }

  /** Changes a stored approval. Returns false if there is none, or if the condition fails. */
  #update(org: string, approval: string, { set, add, remove, condition, names, values }: Change): Promise<boolean> {
    const expression = [
      set === undefined ? '' : `SET ${set}`,
      add === undefined ? '' : `ADD ${add}`,
      remove === undefined ? '' : `REMOVE ${remove}`,
    ];
    return this.#write(() =>
      this.#clientOf(org).updateItem({
        TableName: this.#table,
        Key: toItem({ org, id: approvalId(approval) }),
        UpdateExpression: expression.filter((part) => part !== '').join(' '),
        ConditionExpression: `attribute_exists(#id)${condition === undefined ? '' : ` AND ${condition}`}`,
        ExpressionAttributeNames: namePlaceholders('id', ...names),
        ExpressionAttributeValues: toItem(values),
      }),
    );
  }

  async #write(write: () => Promise<unknown>): Promise<boolean> {
    try {
      return await writeConditionally(write, writeOutcomeUnknownDetail);
    } catch (error) {
      // Somebody wrote an attribute of another type there.
      if (isTypeMismatch(error)) throw new VaultError('decryption_failed');
      throw error;
    }
  }
}

interface Change {
  readonly set?: string;
  readonly add?: string;
  readonly remove?: string;
  readonly condition?: string;
  readonly names: readonly string[];
  readonly values: Readonly<Record<string, unknown>>;
}
