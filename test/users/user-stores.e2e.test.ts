/** The user stores with real DynamoDB conditions: the promises of each port, and retries of the AWS client. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newSlotSalt, wrapUmk } from '../../core/users/key-slot.ts';
import {
  createUserTombstone,
  newUserKeyring,
  toUserKeyringRecord,
  withChangedSlots,
} from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk } from '../../core/users/user-root-key.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { DynamoLocators } from '../../lambdas/users/stores/dynamo-locators.ts';
import { DynamoUserKeyrings } from '../../lambdas/users/stores/dynamo-user-keyrings.ts';
import {
  DynamoUserItems,
  DynamoUserReader,
  DynamoUserRecords,
} from '../../lambdas/users/stores/dynamo-user-records.ts';
import { locatorItemId } from '../../lambdas/users/stores/user-item-codec.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { serviceOptions } from '../shared/service-options.ts';

const stack = useLocalStack();
const time = '2026-11-21T00:00:00.000Z';
let clientOf: () => DynamoClient;
let keyrings: DynamoUserKeyrings;
let locators: DynamoLocators;
let records: DynamoUserRecords;
beforeAll(() => {
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoClient(serviceOptions(endpoints.dynamodb, operator.region, credentials));
  clientOf = () => client;
  keyrings = new DynamoUserKeyrings(clientOf, stack.table('UserCustodyKeyringsTable'));
  locators = new DynamoLocators(clientOf, stack.table('UserCustodyKeyringsTable'));
  records = new DynamoUserRecords(clientOf, stack.table('UserCustodyRecordsTable'));
});

const org = randomId();
function newUser(user = randomId()) {
  const owner = { org, user };
  const root = newUmk();
  const umk = deriveUmk(Buffer.from(root), owner);
  const slot = () =>
    wrapUmk(root, Buffer.alloc(32, 1), owner, {
      id: randomId(),
      kind: 'identity',
      locator: randomId(),
      salt: newSlotSalt(owner, 'identity'),
      createdAt: time,
    });
  return { owner, umk, slot, keyring: newUserKeyring(umk, [slot()], time) };
}

describe('keyrings', () => {
  test('are created once; the very same again is no other', async () => {
    const { owner, keyring } = newUser();
    expect(await keyrings.create(keyring)).toBe(true);
    expect(await keyrings.create(keyring)).toBe(true);
    expect(await keyrings.create(newUser(owner.user).keyring)).toBe(false);
    expect(await keyrings.getRecord(owner)).toEqual({ id: `user/${owner.user}`, ...toUserKeyringRecord(keyring) });
    expect(await keyrings.getRecord({ ...owner, user: randomId() })).toBeUndefined();
  });

  test('are replaced from generation to generation, of two at once by one', async () => {
    const { owner, umk, slot, keyring } = newUser();
    await keyrings.create(keyring);
    const [a, b] = [
      withChangedSlots(keyring, umk, { add: [slot()] }),
      withChangedSlots(keyring, umk, { add: [slot()] }),
    ];
    const held = await Promise.all([keyrings.replace(a), keyrings.replace(b)]);
    expect(held.toSorted()).toEqual([false, true]);
    const [first, second] = held[0] ? [a, b] : [b, a];
    expect(await keyrings.replace(first)).toBe(true);
    expect(await keyrings.replace(second)).toBe(false);
    expect(await keyrings.replace(keyring)).toBe(false);
    expect(await keyrings.getRecord(owner)).toMatchObject(toUserKeyringRecord(first));
  });

  test('of deleted users never become any other again', async () => {
    const { owner, umk, slot, keyring } = newUser();
    await keyrings.create(keyring);
    const late = withChangedSlots(keyring, umk, { add: [slot()] });
    const deleted = createUserTombstone(keyring, time);
    expect(await keyrings.replace(deleted)).toBe(true);
    expect(await keyrings.replace(deleted)).toBe(true);
    expect(await keyrings.replace(late)).toBe(false);
    expect(await keyrings.replace({ ...late, generation: deleted.generation + 1 })).toBe(false);
    expect(await keyrings.create(keyring)).toBe(false);
    expect(await keyrings.replace(createUserTombstone(keyring, '2026-12-01T00:00:00.000Z'))).toBe(false);
    expect(await keyrings.getRecord(owner)).toEqual({ id: `user/${owner.user}`, ...toUserKeyringRecord(deleted) });
  });

  test('that are damaged are buried, whatever they hold; what is deleted, or not there, is not', async () => {
    const { owner, keyring } = newUser();
    const deleted = createUserTombstone(keyring, time);
    const at = { org, id: `user/${owner.user}` };
    const table = stack.table('UserCustodyKeyringsTable');
    expect(await keyrings.overwriteWithTombstone(deleted, undefined)).toBe(false);
    expect(await keyrings.getRecord(owner)).toBeUndefined();
    for (const damage of [{}, { state: 'active', generation: 'x' }, { state: 7 }, { state: 'deleted' }]) {
      await stack.putItem(table, marshall({ ...at, ...damage }));
      expect((await keyrings.list(org, undefined, 1000)).items).toContainEqual({
        user: owner.user,
        record: { ...at, ...damage },
      });
      expect(await keyrings.overwriteWithTombstone(deleted, undefined), JSON.stringify(damage)).toBe(true);
      expect(await keyrings.overwriteWithTombstone(deleted, undefined)).toBe(true);
      expect(
        await keyrings.overwriteWithTombstone({ ...deleted, deletedAt: '2026-12-01T00:00:00.000Z' }, undefined),
      ).toBe(false);
      expect(await keyrings.getRecord(owner)).toEqual({ id: at.id, ...toUserKeyringRecord(deleted) });
    }
  });

  test('of nobody are not replaced', async () => {
    const { umk, slot, keyring } = newUser();
    expect(await keyrings.replace(withChangedSlots(keyring, umk, { add: [slot()] }))).toBe(false);
    expect(await keyrings.replace(createUserTombstone(keyring, time))).toBe(false);
  });
});

describe('locators', () => {
  test('are claimed when free, by whose they are, or from the one named, and by nobody else', async () => {
    const [locator, ada, eve] = [randomId(), randomId(), randomId()];
    expect(await locators.claim(org, { locator, user: ada }, undefined)).toBe(true);
    expect(await locators.claim(org, { locator, user: ada }, undefined)).toBe(true);
    expect(await locators.claim(org, { locator, user: eve }, undefined)).toBe(false);
    expect(await locators.claim(org, { locator, user: eve }, randomId())).toBe(false);
    await locators.remove(org, locator, eve);
    expect(await locators.find(org, locator)).toEqual({ locator, user: ada });
    expect(await locators.find(randomId(), locator)).toBeUndefined();
    // The owner claims the locator again for another slot. A caller who read it before that fails.
    const [first, second] = ['a'.repeat(16), 'b'.repeat(16)];
    const of = (user: string, slot: string) => ({ locator, user, slot, since: time });
    expect(await locators.claim(org, of(ada, first), undefined)).toBe(true);
    expect(await locators.claim(org, of(eve, first), ada)).toBe(false);
    expect(await locators.claim(org, of(ada, second), undefined)).toBe(true);
    expect(await locators.claim(org, of(eve, first), ada, first)).toBe(false);
    expect(await locators.find(org, locator)).toEqual(of(ada, second));
    expect(await locators.claim(org, of(eve, first), ada, second)).toBe(true);
    await locators.remove(org, locator, eve);
    await locators.remove(org, locator, eve);
    expect(await locators.find(org, locator)).toBeUndefined();
  });

  test('whose slot is damaged can be claimed from the user whom they name', async () => {
    const TableName = stack.table('UserCustodyKeyringsTable');
    for (const slot of [{ N: '1e100' }, { L: [] }, { NULL: true }]) {
      const [locator, ada, eve] = [randomId(), randomId(), randomId()];
      const claimed = marshall({ org, id: locatorItemId(locator), user: ada, since: time });
      await clientOf().putItem({ TableName, Item: { ...claimed, slot } });
      const found = await locators.find(org, locator);
      expect(found).toEqual({ locator, user: ada, since: time });
      const next = { locator, user: eve, slot: 'b'.repeat(16), since: time };
      expect(await locators.claim(org, next, randomId(), found?.slot)).toBe(false);
      expect(await locators.claim(org, next, ada, found?.slot)).toBe(true);
      expect(await locators.find(org, locator)).toEqual(next);
    }
  });

  test('are removed by who has seen the slot go that they were claimed for, and stay when claimed anew', async () => {
    const [locator, user] = [randomId(), randomId()];
    const [first, second] = ['a'.repeat(16), 'b'.repeat(16)];
    for (const slot of [first, second]) await locators.claim(org, { locator, user, slot, since: time }, undefined);
    await locators.remove(org, locator, user, first);
    await locators.remove(org, locator, randomId(), second);
    expect(await locators.find(org, locator)).toEqual({ locator, user, slot: second, since: time });
    await locators.remove(org, locator, user, second);
    expect(await locators.find(org, locator)).toBeUndefined();
  });

  test('are let end by whose they are alone, and live on when claimed anew', async () => {
    const [locator, ada, eve] = [randomId(), randomId(), randomId()];
    await locators.claim(org, { locator, user: ada }, undefined);
    await locators.retire(org, locator, eve, 5);
    await locators.retire(org, randomId(), ada, 5);
    const at = { org, id: `locator/${locator}` };
    const table = stack.table('UserCustodyKeyringsTable');
    expect(await stack.getItem(table, at)).toEqual(marshall({ ...at, user: ada }));
    await locators.retire(org, locator, ada, 5);
    expect(await stack.getItem(table, at)).toEqual(marshall({ ...at, user: ada, ttl: 5 }));
    expect(await locators.find(org, locator)).toEqual({ locator, user: ada, retired: true });
    await locators.claim(org, { locator, user: eve }, ada);
    expect(await stack.getItem(table, at)).toEqual(marshall({ ...at, user: eve }));
    // A caller who has seen a slot disappear can remove the locator only if it was claimed for that slot.
    const [first, second] = ['a'.repeat(16), 'b'.repeat(16)];
    for (const slot of [first, second]) await locators.claim(org, { locator, user: eve, slot }, undefined);
    await locators.retire(org, locator, eve, 5, first);
    await locators.retire(org, locator, ada, 5, second);
    expect(await locators.find(org, locator)).toEqual({ locator, user: eve, slot: second });
    await locators.retire(org, locator, eve, 5, second);
    expect(await locators.find(org, locator)).toEqual({ locator, user: eve, slot: second, retired: true });
  });

  test('of codes count their tries, end, and are no other code', async () => {
    const [locator, user] = [randomId(), randomId()];
    const expiresAt = '2026-11-21T00:10:00.000Z';
    const link = { locator, user, slot: 'a'.repeat(16), expiresAt, tries: 0 };
    expect(await locators.claim(org, link, undefined)).toBe(true);
    expect(await locators.claim(org, { ...link, slot: 'b'.repeat(16) }, undefined)).toBe(false);
    expect(await locators.countLinkCodeTry(org, locator, new Date(expiresAt))).toBeUndefined();
    const now = new Date('2026-11-21T00:09:59.999Z');
    for (let n = 1; n <= limits.linkCodeAttempts; n++) {
      expect(await locators.countLinkCodeTry(org, locator, now)).toEqual({ ...link, tries: n });
    }
    expect(await locators.countLinkCodeTry(org, locator, now)).toBeUndefined();
    expect(await locators.countLinkCodeTry(org, randomId(), now)).toBeUndefined();
    // The locator of an identity is never treated as a link code.
    const identity = randomId();
    await locators.claim(org, { locator: identity, user }, undefined);
    expect(await locators.countLinkCodeTry(org, identity, now)).toBeUndefined();
  });

  test('of which many tries at once are all counted', async () => {
    const [locator, user] = [randomId(), randomId()];
    const link = { locator, user, slot: 'a'.repeat(16), expiresAt: '2026-11-21T00:10:00.000Z', tries: 0 };
    await locators.claim(org, link, undefined);
    const tried = await Promise.all(
      Array.from({ length: 20 }, () => locators.countLinkCodeTry(org, locator, new Date(time))),
    );
    expect(tried.filter((one) => one !== undefined)).toHaveLength(limits.linkCodeAttempts);
  });
});

describe('attempts', () => {
  const limit = { attempts: limits.loginAttempts, windowSeconds: limits.loginWindowSeconds };

  test('that are refused are told the seconds until the window ends', async () => {
    const [counter, start] = [randomId(), Date.parse(time)];
    const wait = (seconds: number) =>
      locators.countAttempt(org, counter, { attempts: 1, windowSeconds: 60 }, new Date(start + seconds * 1000));
    expect([await wait(0), await wait(0), await wait(10.5), await wait(59.9), await wait(60)]).toEqual([
      0, 60, 50, 1, 0,
    ]);
  });

  test('are counted within a window, by login, and forgotten', async () => {
    const [login, other] = [randomId(), randomId()];
    const at = (seconds: number) => new Date(Date.parse(time) + seconds * 1000);
    const of = async (name: string, seconds: number) =>
      (await locators.countAttempt(org, name, limit, at(seconds))) === 0;
    for (let n = 0; n < limits.loginAttempts; n++) expect(await of(login, n)).toBe(true);
    expect(await of(login, 100)).toBe(false);
    expect(await of(other, 100)).toBe(true);
    expect(await of(login, limits.loginWindowSeconds - 1)).toBe(false);
    // The window starts with the first attempt. Refused attempts do not extend it.
    expect(await of(login, limits.loginWindowSeconds)).toBe(true);
    for (let n = 1; n < limits.loginAttempts; n++) expect(await of(login, limits.loginWindowSeconds + n)).toBe(true);
    expect(await of(login, limits.loginWindowSeconds + 20)).toBe(false);
    await locators.resetAttempts(org, login);
    expect(await of(login, limits.loginWindowSeconds + 21)).toBe(true);
  });

  test('at once are all counted, also when a window has just passed', async () => {
    const login = randomId();
    const many = (now: Date) =>
      Promise.all(Array.from({ length: 25 }, () => locators.countAttempt(org, login, limit, now)));
    for (const seconds of [0, limits.loginWindowSeconds]) {
      const allowed = await many(new Date(Date.parse(time) + seconds * 1000));
      expect(allowed.filter((wait) => wait === 0)).toHaveLength(limits.loginAttempts);
    }
  });
});

describe('records', () => {
  const sealed = (n: number) => `enc:v1:${String(n).padStart(60, 'A')}${'x'.repeat(100)}`;
  const record = { collection: 'memory', id: 'a.b', version: 1, data: sealed(1) } as const;

  test('are written over what was read and nothing else; the very same again is no other', async () => {
    const { owner } = newUser();
    expect(await records.put(owner, record, undefined)).toBe(true);
    expect(await records.put(owner, record, undefined)).toBe(true);
    expect(await records.put(owner, { ...record, data: sealed(2) }, undefined)).toBe(false);
    const next = { ...record, version: 2, data: sealed(3), writeId: 'w'.repeat(16), sent: false };
    expect(await records.put(owner, next, { ...record, data: sealed(9) })).toBe(false);
    expect(await records.put(owner, next, record)).toBe(true);
    expect(await records.put(owner, next, record)).toBe(true);
    expect(await records.put(owner, { ...next, data: sealed(4) }, record)).toBe(false);
    await records.markSent(owner, record);
    await records.markSent(owner, { collection: 'memory', id: 'gone' });
    expect((await records.list(owner, 'memory', undefined, 10)).items).toEqual([{ ...next, sent: true }]);
    expect(await records.delete(owner, record)).toBe(true);
    expect(await records.delete(owner, record)).toBe(false);
    expect((await records.list(owner, 'memory', undefined, 10)).items).toEqual([]);
  });

  test('are listed by user and collection, either way, and read beside both keyrings', async () => {
    const { owner, keyring } = newUser();
    const next = { ...owner, user: `${owner.user.slice(0, -1)}${owner.user.endsWith('z') ? '0' : 'z'}` };
    await keyrings.create(keyring);
    for (const id of ['1', '2', '3']) {
      for (const collection of ['memory', 'messages'] as const) {
        await records.put(owner, { ...record, collection, id }, undefined);
        await records.put(next, { ...record, collection, id }, undefined);
      }
    }
    const ids = async (...page: [string | undefined, number, boolean?]) => {
      const { items, more } = await records.list(owner, 'memory', ...page);
      return [items.map(({ id }) => id).join(''), more];
    };
    expect(await ids(undefined, 2)).toEqual(['12', true]);
    expect(await ids('2', 2)).toEqual(['3', false]);
    expect(await ids(undefined, 2, true)).toEqual(['32', true]);
    expect(await ids('2', 9, true)).toEqual(['1', false]);
    const reader = new DynamoUserReader(clientOf, {
      keyrings: stack.table('KeyringsTable'),
      userKeyrings: stack.table('UserCustodyKeyringsTable'),
      records: stack.table('UserCustodyRecordsTable'),
    });
    const read = await reader.read(owner, [
      { collection: 'memory', id: '1' },
      { collection: 'memory', id: '9' },
    ]);
    expect([read.orgKeyring, [...read.records.keys()]]).toEqual([undefined, ['1']]);
    expect(read.keyring).toMatchObject(toUserKeyringRecord(keyring));
  });

  test('of one user, or of a whole org, are found and erased; those of others stay', async () => {
    const eraser = new DynamoUserItems(clientOf, stack.table('UserCustodyRecordsTable'));
    const own = { org: randomId(), user: randomId() };
    const other = { ...own, user: randomId() };
    for (let n = 0; n < 13; n++) await records.put(own, { ...record, id: `r${n}` }, undefined);
    await records.put(other, record, undefined);
    const { items, more } = await eraser.list(own.org, own.user, 12);
    expect([items.length, more, items[0]]).toEqual([12, true, `${own.user}/memory/r0`]);
    await eraser.delete(own.org, (await eraser.list(own.org, own.user, 100)).items);
    expect((await eraser.list(own.org, own.user, 100)).items).toEqual([]);
    expect((await eraser.list(own.org, undefined, 100)).items).toEqual([`${other.user}/memory/a.b`]);
  });
});
