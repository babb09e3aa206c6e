/**
 * User data cannot be decrypted without a credential of the user. The test tries it with the functions' own code, all
 * stored data of a deployment, and permission to use all its KMS keys. It does not try to guess identities, which would
 * succeed with one KMS call per guess (docs/threat-model.md).
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DecryptCommand, GenerateMacCommand } from '@aws-sdk/client-kms';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { u64 } from '../../../core/encoding/length-prefixed-fields.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { deriveDek } from '../../../core/encryption/root-key.ts';
import { open, type SealContext } from '../../../core/encryption/sealed-string.ts';
import { openJob, parseEncryptedJob, sealJob } from '../../../core/jobs/job-envelope.ts';
import { parseKeyring } from '../../../core/org-keys/org-keyring.ts';
import { authenticationKeyMessage } from '../../../core/records/authentication-key.ts';
import { unwrapUmk } from '../../../core/users/key-slot.ts';
import { stretchPassword } from '../../../core/users/password-slot.ts';
import { identityMacInput, linkCodeMacInput, locatorMacInput } from '../../../core/users/slot-mac-inputs.ts';
import { parseUserKeyringRecord, type UserKeyring } from '../../../core/users/user-keyring.ts';
import { deriveUmk, type Umk, type UserRef } from '../../../core/users/user-root-key.ts';
import { unlockByIdentity } from '../../../lambdas/users/identity-user-service.ts';
import { slotSecretOf, type UnlockedUser, unlockSlot, unlockUser } from '../../../lambdas/users/unlocked-user.ts';
import { UserDeletionService } from '../../../lambdas/users/user-deletion-service.ts';
import type { StoredRecord, StoredUserData } from '../../../lambdas/users/user-ports.ts';
import {
  decryptMemory,
  decryptMessage,
  recordEncryptionContext,
} from '../../../lambdas/users/user-record-encryption.ts';
import { type LocalStack, startLocalStack } from '../../shared/local-stack.ts';
import { propertyNames } from '../../shared/property-names.ts';
import {
  allItems,
  bytesOf,
  createStores,
  createTestUser,
  passwordSecret,
  presentedKey,
  type Stores,
  type TestUser,
  textsIn,
} from './users-on-local-stack.ts';

const people = 5;
/** The number of messages, and of memories, per user. */
const each = 100;
const total = people * each * 2;

/** The stored records of one user. */
interface Victim {
  readonly owner: UserRef;
  readonly read: StoredUserData;
  readonly keyring: UserKeyring;
  readonly records: readonly StoredRecord[];
}

let stack: LocalStack;
let stores: Stores;
let persons: TestUser[];
let victims: Victim[];
let tables: Map<string, Record<string, unknown>[]>;

beforeAll(async () => {
  stack = await startLocalStack();
  stores = createStores(stack);
  await stack.client.vault.set('a-value', 'so that the organization has a DEK');
  const { org } = stack.vault;
  persons = await Promise.all(Array.from({ length: people }, (_, at) => createTestUser(stores, org, at, each)));
  const names = Object.entries(stack.vault.resources).flatMap(([id, name]) =>
    /Table[0-9A-F]{8}$/.test(id) ? [name] : [],
  );
  expect(names).toContain(stores.names.userKeyrings);
  tables = await allItems(stores, names);
  victims = await Promise.all(persons.map(async ({ owner }) => await victimOf(owner)));
});
afterAll(async () => await stack.vault.close());

async function victimOf(owner: UserRef): Promise<Victim> {
  const read = await stores.reader.read(owner, []);
  const keyring = parseUserKeyringRecord(read.keyring, owner) as UserKeyring;
  const messages = await stores.records.list(owner, 'messages', undefined, 1000);
  const memories = await stores.records.list(owner, 'memory', undefined, 1000);
  return { owner, read, keyring, records: [...messages.items, ...memories.items] };
}

/** The text of a record; undefined if it cannot be decrypted. */
function read(umk: Umk, record: StoredRecord): string | undefined {
  try {
    if (record.collection === 'messages') return decryptMessage(umk, record).text;
    return (decryptMemory(umk, record).data as { text: string }).text;
  } catch {
    return undefined;
  }
}

const textsOf = (umk: Umk | undefined, { records }: Victim): string[] =>
  umk === undefined ? [] : records.flatMap((record) => read(umk, record) ?? []);

function attempt(use: () => UnlockedUser | undefined): Umk | undefined {
  try {
    return use()?.umk;
  } catch {
    return undefined;
  }
}

/** Records that at least one candidate was tried on, whatever the result. */
const tried = new Set<string>();

/**
 * Tries each candidate as the secret of each slot, and as the UMK itself. Returns the first successes for these users.
 */
function opened(of: readonly Victim[], candidates: readonly Uint8Array[]): string[] {
  for (const victim of of) {
    for (const [at, candidate] of candidates.entries()) {
      const found = openedBy(candidate, at, victim);
      if (found.length > 0) return found;
    }
  }
  return [];
}

function openedBy(candidate: Uint8Array, at: number, victim: Victim): string[] {
  const { owner, read: stored, keyring, records } = victim;
  for (const slot of keyring.slots) {
    const umk = attempt(() => unlockSlot(candidate, stored, keyring, slot, new Date()));
    if (umk !== undefined) return textsOf(umk, victim);
  }
  // The records are used in turn, so that all are tried. A candidate that decrypts one record decrypts all.
  const record = records[at % records.length];
  if (candidate.length !== 32 || record === undefined) return [];
  tried.add(`${owner.user}/${record.id}`);
  const umk = deriveUmk(Buffer.from(candidate), owner);
  return read(umk, record) === undefined ? [] : textsOf(umk, victim);
}

const unique = (all: readonly Buffer[]): Buffer[] => [
  ...new Map(all.map((one) => [one.toString('hex'), one])).values(),
];

/** Texts in the keyring tables, and therefore user names, slot IDs, locators and salts. */
const namesInKeyrings = (): string[] =>
  [...new Set(textsIn(tables.get(stores.names.userKeyrings)))].filter((text) => text !== '');

/**
 * All MACs that KMS can compute of a text with any HMAC key, framed as the functions frame identities, codes, names and
 * orgs, and unframed.
 */
async function macsOf(text: string): Promise<Buffer[]> {
  const { org } = stack.vault;
  const messages = [
    identityMacInput(org, text),
    linkCodeMacInput(org, text),
    locatorMacInput(org, text),
    Buffer.from(text),
  ];
  const mac = async (KeyId: string, Message: Uint8Array) => {
    const { Mac } = await stores.kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_256' }));
    return Buffer.from(Mac ?? []);
  };
  const { custody, code, routing, recordsKey } = stores.names;
  return await Promise.all([
    ...[custody, code, routing].flatMap((key) => messages.map((message) => mac(key, message))),
    mac(recordsKey, authenticationKeyMessage(text)),
    mac(recordsKey, Buffer.from(text)),
  ]);
}

describe('with all that is stored and all keys of KMS, but no user there', () => {
  test('0 of 1,000 messages and memories open', async () => {
    expect(victims.flatMap(({ records }) => records)).toHaveLength(total);
    const names = namesInKeyrings();
    const macs: Buffer[] = [];
    for (let at = 0; at < names.length; at += 25) {
      macs.push(...(await Promise.all(names.slice(at, at + 25).map(macsOf))).flat());
    }
    expect(macs.length).toBe(names.length * 14);
    const stored = [...new Set(textsIn([...tables]))].flatMap((text) =>
      // For ciphertext its bytes, and for other texts every possible decoding.
      text.startsWith('enc:v1:') ? [Buffer.from(text)] : bytesOf(text),
    );
    const logged = stack.vault.logs().match(/[\w+/=.:-]{8,}/g) ?? [];
    const candidates = unique([...macs, ...stored, ...logged.flatMap(bytesOf)]);
    expect(candidates.length).toBeGreaterThan(3_000);
    expect(opened(victims, candidates)).toEqual([]);
    expect(tried.size).toBe(total);
  });

  test('the DEK of the organization opens none', async () => {
    const { org } = stack.vault;
    const record = tables.get(stores.names.keyrings)?.find((item) => item.org === org);
    const keyring = parseKeyring(await stores.authenticationKeys.get(org), record);
    const [first] = keyring.deks;
    if (first === undefined) expect.fail('no DEK');
    const EncryptionContext = { org, dek: '1' };
    const unwrap = new DecryptCommand({ CiphertextBlob: Buffer.from(first.wrapped, 'base64'), EncryptionContext });
    const secret = Buffer.from((await stores.kms.send(unwrap)).Plaintext ?? []);
    const dek = deriveDek(Buffer.from(secret), org, 1);
    // This is the correct DEK: it opens the value of the organization.
    const stored = tables.get(stack.table('ValuesTable'))?.find((item) => item.org === org) ?? expect.fail('no value');
    const { life, writeId } = stored;
    const context: SealContext = ['vault.value', org, 'a-value', String(life), u64(1), String(writeId)];
    const value = open(dek, context, String(stored.value));
    expect(value.toString()).toBe('so that the organization has a DEK');
    expect(opened(victims, [secret])).toEqual([]);
    let tries = 0;
    for (const { owner, records } of victims) {
      for (const { collection, id, version, data } of records) {
        expect(() => open(dek, recordEncryptionContext(owner, collection, id, version), data)).toThrow();
        tries++;
      }
    }
    expect(tries).toBe(total);
  });

  test('no key of KMS unwraps a slot', async () => {
    const { org } = stack.vault;
    const all = victims.flatMap(({ owner, keyring: { slots } }) => slots.map(({ wrapped }) => ({ owner, wrapped })));
    expect(all).toHaveLength(people * 5);
    for (const { owner, wrapped } of all) {
      for (const EncryptionContext of [
        { org, dek: '1' },
        { org, job: owner.user, kind: 'message' },
      ]) {
        const command = new DecryptCommand({ CiphertextBlob: Buffer.from(wrapped, 'base64'), EncryptionContext });
        await expect(stores.kms.send(command)).rejects.toThrow();
      }
    }
  });

  test('passwords are not what is stored of their users', async () => {
    for (const victim of victims.slice(0, 3)) {
      const { owner, read: stored, keyring } = victim;
      const slot = keyring.slots.find(({ kind }) => kind === 'password');
      if (slot?.params === undefined) expect.fail('no password');
      for (const text of [
        owner.user,
        owner.org,
        slot.id,
        slot.locator,
        slot.salt,
        slot.params.verifier,
        slot.wrapped,
      ]) {
        const secret = await passwordSecret(stores, owner, slot, text);
        expect(attempt(() => unlockSlot(secret, stored, keyring, slot, new Date()))).toBeUndefined();
      }
    }
  });
});

test('with every identity, code and password known, but not KMS: nothing opens', async () => {
  const { org } = stack.vault;
  for (const [at, victim] of victims.slice(0, 3).entries()) {
    const slot = victim.keyring.slots.find(({ kind }) => kind === 'password');
    const person = persons[at];
    if (slot?.params === undefined || person === undefined) expect.fail('no password');
    expect(opened([victim], [await stretchPassword(person.password, slot, slot.params)])).toEqual([]);
  }
  const keys = ['', org, ...namesInKeyrings().slice(0, 12)];
  const candidates = persons.flatMap(({ identity, code }) =>
    [identity, identity.replace(/^\w+:/, ''), code].flatMap((text) => [
      ...bytesOf(text),
      ...keys.flatMap((key) => [
        createHmac('sha256', key).update(identityMacInput(org, text)).digest(),
        createHmac('sha256', key).update(linkCodeMacInput(org, text)).digest(),
        createHmac('sha256', key).update(text).digest(),
        createHash('sha256')
          .update(key + text)
          .digest(),
      ]),
    ]),
  );
  expect(candidates.length).toBeGreaterThan(people * keys.length);
  expect(opened(victims, unique(candidates))).toEqual([]);
});

/** All secrets that open the slots of this user, applied to another user. */
async function secretsOf(
  { identity, key, password, session, code, owner }: TestUser,
  victim: Victim,
): Promise<Buffer[]> {
  const slot = victim.keyring.slots.find(({ kind }) => kind === 'password');
  if (slot?.params === undefined) expect.fail('no password');
  return [
    await stores.custody.deriveIdentitySecret(identityMacInput(owner.org, identity)),
    await stores.codes.deriveCodeSecret(linkCodeMacInput(owner.org, code)),
    Buffer.from(key),
    Buffer.from(session.secret),
    await passwordSecret(stores, victim.owner, slot, password),
    await stretchPassword(password, slot, slot.params),
  ];
}

test("with everything of another user, and that user's UMK: nothing opens", async () => {
  let tries = 0;
  for (const [at, victim] of victims.entries()) {
    const other = persons[(at + 1) % people];
    const theirs = victims[(at + 1) % people];
    if (other === undefined || theirs === undefined) expect.fail('nobody');
    const secrets = await secretsOf(other, victim);
    const [slot] = theirs.keyring.slots.filter(({ kind }) => kind === 'credential');
    if (slot === undefined) expect.fail('no credential');
    const root = unwrapUmk(Buffer.from(other.key), theirs.owner, slot);
    expect(opened([victim], [...secrets, root])).toEqual([]);
    // Loaded for its own user, this UMK decrypts no record of the victim.
    const umk = deriveUmk(Buffer.from(root), theirs.owner);
    expect(textsOf(umk, theirs)).toHaveLength(each * 2);
    expect(textsOf(umk, victim)).toEqual([]);
    tries += victim.records.length;
  }
  expect(tries).toBe(total);
});

const ways = ['identity', 'code', 'user key', 'session', 'password'] as const;

/** Unlocks a user as the functions do with the user's credential. */
async function present(
  person: TestUser,
  { owner, read: stored, keyring }: Victim,
  way: (typeof ways)[number],
): Promise<Umk | undefined> {
  const { org } = owner;
  const now = new Date();
  if (way === 'identity') {
    const secret = await stores.custody.deriveIdentitySecret(identityMacInput(org, person.identity));
    const locator = await stores.routing.deriveLocator(locatorMacInput(org, person.identity));
    return attempt(() =>
      unlockByIdentity({ org, identity: person.identity, locator, slotSecret: secret }, owner, stored, now),
    );
  }
  if (way === 'user key' || way === 'session') {
    const shown = way === 'user key' ? presentedKey(person.key) : ({ kind: 'session', token: person.session } as const);
    return attempt(() => unlockUser(shown, Buffer.from(slotSecretOf(shown)), stored, now));
  }
  const slot = keyring.slots.find(({ kind }) => kind === (way === 'code' ? 'link' : 'password'));
  if (slot === undefined) return undefined;
  const secret =
    way === 'code'
      ? await stores.codes.deriveCodeSecret(linkCodeMacInput(org, person.code))
      : await passwordSecret(stores, owner, slot, person.password);
  return secret && attempt(() => unlockSlot(secret, stored, keyring, slot, now));
}

test.each(ways)('with the user there, by %s: all 1,000 open', async (way) => {
  const texts: string[] = [];
  for (const [at, person] of persons.entries()) {
    const victim = victims[at];
    if (victim === undefined) expect.fail('nobody');
    texts.push(...textsOf(await present(person, victim, way), victim));
  }
  expect(texts.toSorted()).toEqual(persons.flatMap((person) => person.texts).toSorted());
  expect(texts).toHaveLength(total);
});

describe('what waits in the queue', () => {
  const text = 'a message that waits';
  const id = createTimeId(Date.now(), randomBytes(16));

  test('opens by queue and transit key together, which is the boundary, and by neither alone', async () => {
    const { org } = stack.vault;
    const name = { org, id, kind: 'message' } as const;
    const { secret, wrapped } = await stores.transit.generateKey(name);
    const body = sealJob(name, secret, wrapped, Buffer.from(text));
    expect(body).not.toContain(text);
    const job = parseEncryptedJob(body);
    const key = Buffer.from(job.key, 'base64');
    expect(openJob(job, await stores.transit.unwrapKey(name, key)).toString()).toBe(text);
    // Three failures: without KMS, with the key of another job, and with a changed job header.
    expect(() => openJob(job, Buffer.from(key.subarray(0, 32)))).toThrow();
    const other = await stores.transit.generateKey(name);
    expect(() => openJob(job, other.secret)).toThrow();
    const moved = createTimeId(Date.now(), randomBytes(16));
    for (const wrong of [{ id: moved }, { org: '0123456789abcdef' }, { kind: 'erase' as const }]) {
      await expect(stores.transit.unwrapKey({ ...name, ...wrong }, key)).rejects.toBeInstanceOf(DecryptionError);
      const secret = await stores.transit.unwrapKey(name, key);
      expect(() => openJob({ ...job, ...wrong }, secret)).toThrow(DecryptionError);
    }
  });

  test('is gone when it was handled: the queue keeps nothing, not even what could not be opened', async () => {
    const { queue } = stores.names;
    const body = JSON.stringify({ org: stack.vault.org, id, kind: 'message', key: 'AAAA', data: 'AAAA' });
    await stores.sqs.send(
      new SendMessageCommand({ QueueUrl: queue, MessageBody: body, MessageGroupId: 'g', MessageDeduplicationId: id }),
    );
    await stack.vault.whenQueuesEmpty();
    const { Messages } = await stores.sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 0 }));
    expect(Messages ?? []).toEqual([]);
  });
});

describe('after the account was deleted', () => {
  test('nothing opens, with the user there and a copy of everything but the table of keyrings put back', async () => {
    const [person] = persons;
    const [before] = victims;
    if (person === undefined || before === undefined) expect.fail('nobody');
    const { owner } = before;
    const noJobs = { send: async () => undefined };
    const deleting = new UserDeletionService(
      stores.keyrings,
      stores.locators,
      noJobs,
      () => new Date(),
      async () => undefined,
    );
    expect(await deleting.delete(owner)).toMatchObject({ deleted: true });
    for (const { collection, id } of before.records) await stores.records.delete(owner, { collection, id });
    for (const record of before.records) expect(await stores.records.put(owner, record, undefined)).toBe(true);
    const after = { ...before, read: await stores.reader.read(owner, []) };
    const records = [...(await stores.records.list(owner, 'messages', undefined, 1000)).items];
    expect(records).toHaveLength(each);
    for (const way of ways.slice(0, 4)) {
      if (way !== 'code') expect(await present(person, after, way), way).toBeUndefined();
    }
    const left = parseUserKeyringRecord(after.read.keyring, owner);
    expect(left.state).toBe('deleted');
    expect(propertyNames(after.read.keyring).join()).not.toMatch(/wrapped|salt|slots|mac/);
    // Without slots there is nothing to try secrets on. Used as the UMK itself, none of them decrypts a record.
    const secrets = await secretsOf(person, before);
    expect(opened([{ ...after, keyring: { ...before.keyring, slots: [] } }], secrets)).toEqual([]);
  });

  test('a copy of the keyring put back by hand, which no copy may exist of, opens for the user, and for nobody else still', async () => {
    const [person, other] = persons;
    const [before] = victims;
    if (person === undefined || other === undefined || before === undefined) expect.fail('nobody');
    const { owner } = before;
    const item = tables.get(stores.names.userKeyrings)?.find(({ id }) => id === `user/${owner.user}`);
    const put = new PutItemCommand({ TableName: stores.names.userKeyrings, Item: marshall(item) });
    await stores.dynamo.send(put);
    const restored = { ...before, read: await stores.reader.read(owner, []) };
    expect(textsOf(await present(person, restored, 'identity'), restored)).toHaveLength(each * 2);
    expect(opened([restored], await secretsOf(other, restored))).toEqual([]);
  });
});
