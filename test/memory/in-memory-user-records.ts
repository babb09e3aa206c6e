/** Users and their memory with in-memory ports, with the failures of real stores. */
import { randomBytes } from 'node:crypto';
import type { AddMemoryRequest, SearchMemoryRequest } from '../../contract/memory/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeKeySecret } from '../../core/api-keys/api-key.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { credentialLocator, newSlotSalt, type SlotMetadata, wrapUmk } from '../../core/users/key-slot.ts';
import { formatUserKey, type UserKey } from '../../core/users/user-key.ts';
import { newUserKeyring, toUserKeyringRecord } from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../core/users/user-root-key.ts';
import { MessageReader } from '../../lambdas/conversations/message-reader.ts';
import { MemoryReader } from '../../lambdas/memory/memory-reader.ts';
import { MemoryWriter } from '../../lambdas/memory/memory-writer.ts';
import type { Page } from '../../lambdas/shared/ports.ts';
import { type UnlockedUser, unlockUser } from '../../lambdas/users/unlocked-user.ts';
import type {
  Collection,
  RecordKey,
  StoredRecord,
  TaggedRecordStore,
  UserRecordReader,
  UserRecordStore,
} from '../../lambdas/users/user-ports.ts';
import { memoryRecordKeys } from '../../lambdas/users/user-record-encryption.ts';
import { UserRecordPager } from '../../lambdas/users/user-record-pager.ts';
import { VerifiedUserReader } from '../../lambdas/users/verified-user-reader.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

/** The outcome of a write: done; done, but its reply is lost and the client repeats it; or rejected without effect. */
export type WriteOutcome = 'done' | 'lost' | 'refused';

type Records = Pick<UserRecordStore, 'put' | 'delete' | 'list'>;

export class InMemoryUserRecords implements UserRecordReader, Records, TaggedRecordStore {
  /** By `org/user/collection/id`, and keyrings by `org/user`. */
  readonly items = new Map<string, StoredRecord>();
  readonly keyrings = new Map<string, unknown>();
  readonly orgs = new Map<string, unknown>();
  readonly calls: string[] = [];
  fates: WriteOutcome[] = [];
  /** Runs before the next write, and before the next read. */
  beforePut: (() => Promise<unknown>) | undefined;
  beforeRead: (() => void) | undefined;

  keyOf({ org, user }: UserRef, { collection, id }: RecordKey): string {
    return `${org}/${user}/${collection}/${id}`;
  }
  async read(owner: UserRef, keys: readonly RecordKey[]): ReturnType<UserRecordReader['read']> {
    this.calls.push('read');
    const intrude = this.beforeRead;
    this.beforeRead = undefined;
    intrude?.();
    const found = keys.flatMap((key) => this.items.get(this.keyOf(owner, key)) ?? []);
    return {
      orgKeyring: structuredClone(this.orgs.get(owner.org)),
      keyring: structuredClone(this.keyrings.get(`${owner.org}/${owner.user}`)),
      records: new Map(found.map((record) => [record.id, record])),
    };
  }
  async put(owner: UserRef, record: StoredRecord, before: StoredRecord | undefined): Promise<boolean> {
    this.calls.push('put');
    const intrude = this.beforePut;
    this.beforePut = undefined;
    await intrude?.();
    const fate = this.fates.shift() ?? 'done';
    if (fate === 'refused') throw new VaultError('unavailable');
    const key = this.keyOf(owner, record);
    const held = this.items.get(key)?.data === before?.data;
    if (held) this.items.set(key, record);
    return fate === 'lost' ? false : held;
  }
  async delete(owner: UserRef, key: RecordKey): Promise<boolean> {
    this.calls.push('delete');
    return this.items.delete(this.keyOf(owner, key));
  }
  /** With the tags of the items, as the filter of DynamoDB. Reads at most 200 records. */
  async listTagged(owner: UserRef, collection: Collection, tags: readonly string[], after: string | undefined) {
    const { items, more } = await this.list(owner, collection, after, 200);
    const found = items.filter((item) => tags.every((tag) => item.tags?.includes(tag)));
    return { items: found, more, lastId: more ? items.at(-1)?.id : undefined };
  }
  async list(
    owner: UserRef,
    collection: Collection,
    after: string | undefined,
    limit: number,
  ): Promise<Page<StoredRecord>> {
    this.calls.push('list');
    const start = this.keyOf(owner, { collection, id: '' });
    const keys = [...this.items.keys()].filter((key) => key.startsWith(start) && key > start + (after ?? '')).sort();
    const items = keys.slice(0, limit).flatMap((key) => this.items.get(key) ?? []);
    return { items, more: keys.length > limit };
  }
}

/** One deployment. `newOrg` and `newUser` create its orgs and users. */
export function createInMemoryUserMemory() {
  const tables = new InMemoryUserRecords();
  const time = { now: new Date('2026-06-01T12:00:00.000Z') };
  const clock = () => time.now;
  const marks = new InMemoryOrgMarks();
  const reader = new VerifiedUserReader(tables, createRecordVerifiers(marks, clock).keyringVerifier);
  const recordPages = new UserRecordPager(reader, tables);
  const reading = new MemoryReader(recordPages, clock);
  const messages = new MessageReader(recordPages, {
    presign: async ({ org, user }, id) => `https://objects.example/${org}/media/${user}/${id}.enc`,
  });
  const writing = new MemoryWriter(reader, tables, clock);

  function newOrg(): string {
    const org = randomId();
    marks.begin(org);
    tables.orgs.set(org, toKeyringRecord(newOrgKeyring(authenticationKeyOf(org), time.now.toISOString())));
    return org;
  }

  function newUser(org = newOrg()) {
    const key: UserKey = { org, user: randomId(), secret: encodeKeySecret(randomBytes(32)) };
    const owner: UserRef = { org, user: key.user };
    const secret = Buffer.from(formatUserKey(key));
    const root = newUmk();
    const facts: SlotMetadata = {
      id: randomId(),
      kind: 'credential',
      locator: credentialLocator(secret, owner),
      salt: newSlotSalt(owner, 'credential'),
      createdAt: time.now.toISOString(),
    };
    const slot = wrapUmk(root, secret, owner, facts);
    const keyring = newUserKeyring(deriveUmk(root, owner), [slot], time.now.toISOString());
    tables.keyrings.set(`${org}/${key.user}`, toUserKeyringRecord(keyring));
    /** Unlocks the user as each request does, together with the record of an ID. */
    const open = async (id?: string): Promise<UnlockedUser> => {
      const read = await reader.read(owner, id === undefined ? [] : memoryRecordKeys(id));
      return unlockUser({ kind: 'credential', key }, secret, read, time.now);
    };
    return {
      key,
      owner,
      open,
      add: async (id: string | undefined, data: unknown) => await writing.add(await open(), { id, data }),
      get: async (id: string) => reading.get(await open(id), id),
      replace: async (id: string, data: unknown, options: object = {}) =>
        await writing.replace(await open(id), id, { data, ...options }),
      delete: async (id: string) => await writing.delete(await open(id), id),
      list: async (request: object = {}) => await reading.list(await open(), request),
      search: async (text: string, cursor?: string) => await reading.search(await open(), { text, cursor }),
      find: async (request: SearchMemoryRequest) => await reading.search(await open(), request),
      put: async (request: AddMemoryRequest) => await writing.add(await open(), { upsert: true, ...request }),
      messages: async (request: object = {}) => await messages.list(await open(), request),
      /** The stored item of an ID, which tests inspect and change. */
      stored: (id: string, collection: Collection = 'memory') => {
        const found = tables.items.get(tables.keyOf(owner, { collection, id }));
        if (found === undefined) throw new Error(`there is no record ${id}`);
        return found;
      },
      store: (record: StoredRecord) => void tables.items.set(tables.keyOf(owner, record), record),
    };
  }
  return { tables, time, reading, writing, newOrg, newUser };
}
