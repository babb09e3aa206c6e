import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { encodeKeySecret } from '../../core/api-keys/api-key.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { lockKeyring, newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { createTombstone, toStoredRecord } from '../../core/shredding/keyring-tombstone.ts';
import type { Slot } from '../../core/users/key-slot.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import { formatUserKey, parseUserKey } from '../../core/users/user-key.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { DeletedUserPurger } from '../../lambdas/users/deleted-user-purger.ts';
import { unlockByIdentity } from '../../lambdas/users/identity-user-service.ts';
import { type UnlockedUser, unlockUser } from '../../lambdas/users/unlocked-user.ts';
import { decodeJobPayload } from '../../lambdas/worker/job-decoder.ts';
import { authenticationKeyOf, lockRecord } from '../records/in-memory-records.ts';
import { propertyNames } from '../shared/property-names.ts';
import { InMemoryUsers, identity } from './in-memory-users.ts';

let world: InMemoryUsers;
let owner: UserRef;
let key: string;
beforeEach(async () => {
  world = new InMemoryUsers();
  ({ owner, key } = await world.newUser());
});
const refused = (code: string) => expect.objectContaining({ code });
const newKey = (of: UserRef = owner) => formatUserKey({ ...of, secret: encodeKeySecret(randomBytes(32)) });
const time = '2026-01-01T00:00:00.000Z';

const slotsOf = (of: UserRef): readonly Slot[] => {
  const stored = world.stored(of);
  return stored.state === 'active' ? stored.slots : [];
};

/** Links an identity to the user with a code, as the worker does. */
async function link(as = identity): Promise<void> {
  const { code } = await world.linking.createLinkCode(await world.open(key));
  expect(await world.linking.redeemLinkCode(await world.identities.deriveKey(world.org, as), code)).toEqual({
    user: owner.user,
  });
}

describe('a new user', () => {
  test('is opened by its key and by nothing else', async () => {
    expect((await world.open(key)).owner).toEqual(owner);
    const parsed = parseUserKey(key) ?? expect.fail();
    const other = await world.newUser();
    const theirs = parseUserKey(other.key) ?? expect.fail();
    const forged = [
      newKey(),
      formatUserKey({ ...theirs, secret: parsed.secret }),
      formatUserKey({ ...parsed, secret: theirs.secret }),
      formatUserKey({ ...parsed, user: randomId() }),
      formatUserKey({ ...parsed, org: randomId() }),
    ];
    for (const one of forged) await expect(world.open(one)).rejects.toEqual(refused('invalid_credential'));
  });

  test('is not made in an org that is locked or shredded', async () => {
    const keyring = newOrgKeyring(authenticationKeyOf(world.org), time);
    const lock = { shredAt: time, requestedAt: time, by: randomId() };
    await expect(
      world.users.create(world.org, lockKeyring(authenticationKeyOf(world.org), keyring, lock)),
    ).rejects.toEqual(refused('org_locked'));
    const shredded = createTombstone(authenticationKeyOf(world.org), keyring, {
      shreddedAt: time,
      requestedAt: time,
      by: randomId(),
    });
    await expect(world.users.create(world.org, shredded)).rejects.toEqual(refused('org_shredded'));
    expect(world.keyrings.size).toBe(1);
  });

  test('is listed by its org, page by page, without anything that opens or finds it', async () => {
    for (let n = 0; n < 4; n++) await world.newUser();
    await world.deleting.delete(owner);
    const first = await world.users.list(world.org, { limit: 3 });
    const second = await world.users.list(world.org, { limit: 3, cursor: first.cursor });
    const users = [...first.users, ...second.users];
    expect([first.users.length, second.users.length, second.cursor]).toEqual([3, 2, undefined]);
    expect(users.map(({ user }) => user)).toEqual([...world.keyrings.keys()].sort());
    expect(users.find(({ user }) => user === owner.user)).toEqual({
      user: owner.user,
      state: 'deleted',
      createdAt: expect.any(String),
      deletedAt: expect.any(String),
      slots: [],
    });
    expect(propertyNames(users).join()).not.toMatch(/wrapped|locator|salt|mac/);
    expect(JSON.stringify(users)).not.toContain('anm_');
    await expect(world.users.list(world.org, { cursor: 'x' })).rejects.toEqual(refused('invalid_cursor'));
    await expect(world.users.list(randomId(), { cursor: first.cursor })).rejects.toEqual(refused('invalid_cursor'));
  });
});

describe('an org that is not open', () => {
  test('lets no user of it in, and tells of its state only whoever has the key', async () => {
    const keyring = newOrgKeyring(authenticationKeyOf(world.org), time);
    world.orgKeyring = lockRecord(world.org, toKeyringRecord(keyring), {
      shredAt: time,
      requestedAt: time,
      by: randomId(),
    });
    await expect(world.open(key)).rejects.toEqual(refused('org_locked'));
    await expect(world.open(newKey())).rejects.toEqual(refused('invalid_credential'));
    world.orgKeyring = toStoredRecord(
      createTombstone(authenticationKeyOf(world.org), keyring, { shreddedAt: time, requestedAt: time, by: randomId() }),
    );
    await expect(world.open(key)).rejects.toEqual(refused('org_shredded'));
    await expect(world.open(newKey())).rejects.toEqual(refused('invalid_credential'));
    world.orgKeyring = undefined;
    await expect(world.open(key)).rejects.toEqual(refused('invalid_credential'));
  });
});

describe('changing the user key', () => {
  test('puts the new one in place of the old in one write, and loses nothing', async () => {
    const before = await world.open(key);
    const next = newKey();
    const calls = await world.count(async () => await world.accounts.rotateUserKey(before, next));
    expect(calls).toEqual(['db:replace']);
    await expect(world.open(key)).rejects.toEqual(refused('invalid_credential'));
    const after = await world.open(next);
    expect(after.umk.header).toEqual(before.umk.header);
    expect(world.kinds(owner)).toEqual(['credential']);
  });

  test('repeated after a lost answer succeeds by the new key, and changes nothing', async () => {
    const next = newKey();
    const first = await world.accounts.rotateUserKey(await world.open(key), next);
    await expect(world.open(key)).rejects.toEqual(refused('invalid_credential'));
    const stored = JSON.stringify(world.stored(owner));
    expect(await world.accounts.rotateUserKey(await world.open(next), next)).toEqual(first);
    expect(JSON.stringify(world.stored(owner))).toBe(stored);
  });

  test('takes no key of another user or org, no API key, and no session', async () => {
    const user = await world.open(key);
    const bad = [newKey({ ...owner, user: randomId() }), newKey({ ...owner, org: randomId() }), key.slice(0, -1), ''];
    for (const one of bad) {
      await expect(world.accounts.rotateUserKey(user, one)).rejects.toEqual(refused('invalid_request'));
    }
    await world.passwords.setPassword(user, { login: 'ada', password: 'correct horse' });
    const session = await world.open(await world.logIn('ada', 'correct horse'));
    await expect(world.accounts.rotateUserKey(session, newKey())).rejects.toEqual(refused('forbidden'));
    expect(world.kinds(owner)).toEqual(['credential', 'password', 'session']);
    await world.open(key);
  });

  test('twice at once: one wins, the other is told that its key is no more', async () => {
    const user = await world.open(key);
    const [a, b] = [newKey(), newKey()];
    const results = await Promise.allSettled([
      world.accounts.rotateUserKey(user, a),
      world.accounts.rotateUserKey(user, b),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: refused('invalid_credential'),
    });
    expect(world.kinds(owner)).toEqual(['credential']);
    await world.open(results[0]?.status === 'fulfilled' ? a : b);
  });
});

describe('changing the user key, for fear of another who has it', () => {
  test('ends sessions and codes for linking, and what leads to them', async () => {
    await link();
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password: 'correct horse' });
    const token = await world.logIn('ada', 'correct horse');
    const { code } = await world.linking.createLinkCode(await world.open(key));
    await world.accounts.rotateUserKey(await world.open(key), newKey());
    expect(world.kinds(owner)).toEqual(['credential', 'identity', 'password']);
    await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
    const eve = await world.identities.deriveKey(world.org, 'mailto:eve@example.com');
    expect(await world.linking.redeemLinkCode(eve, code)).toBe('refused');
    expect([...world.locatorItems.values()].filter(({ expiresAt }) => expiresAt !== undefined)).toEqual([]);
  });

  test('succeeds when the reply to it was lost and another change by the new key came after it', async () => {
    const next = newKey();
    world.lost = async () => await world.linking.createLinkCode(await world.open(next));
    expect((await world.accounts.rotateUserKey(await world.open(key), next)).slots).toHaveLength(2);
    await world.open(next);
    // A key change that failed because of a concurrent change must not be reported as successful.
    const [ours, theirs] = [newKey(), newKey()];
    const user = await world.open(next);
    world.before = async (call) => {
      if (call !== 'db:replace') return;
      world.before = () => undefined;
      await world.accounts.rotateUserKey(await world.open(next), theirs);
    };
    await expect(world.accounts.rotateUserKey(user, ours)).rejects.toEqual(refused('invalid_credential'));
    await world.open(theirs);
  });
});

describe('a session', () => {
  const password = 'correct horse';
  let session: UnlockedUser;
  beforeEach(async () => {
    await link();
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password });
    session = await world.open(await world.logIn('ada', password));
  });
  const idOf = (kind: Slot['kind']) => slotsOf(owner).find((slot) => slot.kind === kind)?.id ?? '';

  test('has to confirm what would make the account another’s by the password, and a user key has not', async () => {
    const confirm = (current?: string) => world.confirming.requirePassword(session, current);
    await expect(confirm()).rejects.toMatchObject({
      code: 'invalid_request',
      extras: { errors: [{ path: 'currentPassword' }] },
    });
    await confirm(password);
    await world.confirming.requirePassword(await world.open(key), undefined);
    for (let n = 0; n < limits.loginAttempts; n++) {
      await expect(confirm('another horse')).rejects.toEqual(refused('login_refused'));
    }
    await expect(confirm(password)).rejects.toEqual(refused('too_many_attempts'));
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('too_many_attempts'));
    world.pass(limits.loginWindowSeconds);
    await confirm(password);
    expect([...world.tries.keys()].filter((counter) => !counter.includes('/'))).toEqual([]);
  });

  test('has to confirm the removal of a channel or the user key, not of sessions and codes', async () => {
    await world.linking.createLinkCode(await world.open(key));
    for (const kind of ['identity', 'credential'] as const) {
      const removal = world.confirming.requirePasswordForSlotRemoval(session, idOf(kind), undefined);
      await expect(removal, kind).rejects.toEqual(refused('invalid_request'));
      await world.confirming.requirePasswordForSlotRemoval(session, idOf(kind), password);
      await world.confirming.requirePasswordForSlotRemoval(await world.open(key), idOf(kind), undefined);
    }
    for (const id of [idOf('session'), idOf('link'), randomId()]) {
      await world.confirming.requirePasswordForSlotRemoval(session, id, undefined);
    }
  });
});

describe('removing slots', () => {
  test('unlinks a channel, which then finds and opens nothing; the others stay', async () => {
    await link();
    await link('slack:T0123/U0456');
    const sender = await world.identities.deriveKey(world.org, identity);
    const other = await world.identities.deriveKey(world.org, 'slack:T0123/U0456');
    const open = async (by: typeof sender) =>
      unlockByIdentity(by, owner, await world.reader.read(owner, []), world.clock())?.umk.header;
    expect(await open(sender)).toEqual((await world.open(key)).umk.header);
    const slots = world.accounts.getAccount(await world.open(key)).slots;
    const slot = slots.find(({ kind }) => kind === 'identity') ?? expect.fail();
    const removed = world.stored(owner);
    const locator = removed.state === 'active' ? removed.slots.find(({ id }) => id === slot.id)?.locator : undefined;
    await world.accounts.removeSlot(await world.open(key), slot.id);
    const [gone, kept] = locator === sender.locator ? [sender, other] : [other, sender];
    expect(await open(gone)).toBeUndefined();
    expect(await open(kept)).toBeDefined();
    // The locator is kept for a day, so that messages that were sent before the unlinking and are still in the queue
    // are recognized.
    const day = world.time.now.getTime() / 1000 + 86_400;
    expect(world.locatorItems.get(gone.locator)).toMatchObject({ user: owner.user, slot: slot.id, ttl: day });
    expect(world.locatorItems.get(kept.locator)?.ttl).toBeUndefined();
    expect(await world.locators.resolve(world.org, gone.locator)).toMatchObject({ userExists: true, hasSlot: false });
  });

  test('leaves the identity free at once: for its own new user, for another who links it, and for this one again', async () => {
    const sender = await world.identities.deriveKey(world.org, identity);
    const unlink = async () => {
      const slot = slotsOf(owner).find(({ kind }) => kind === 'identity') ?? expect.fail();
      await world.accounts.removeSlot(await world.open(key), slot.id);
    };
    const leads = () => world.locatorItems.get(sender.locator);
    await link();
    await unlink();
    await link();
    expect(leads()).toMatchObject({
      user: owner.user,
      slot: slotsOf(owner).find((one) => one.kind === 'identity')?.id,
    });
    expect(leads()).not.toHaveProperty('ttl');
    await unlink();
    const other = await world.newUser();
    const { code } = await world.linking.createLinkCode(await world.open(other.key));
    expect(await world.linking.redeemLinkCode(sender, code)).toEqual({ user: other.owner.user });
    const [theirs = expect.fail()] = slotsOf(other.owner).filter(({ kind }) => kind === 'identity');
    await world.accounts.removeSlot(await world.open(other.key), theirs.id);
    const own = (await world.identities.findOrCreateUser(sender)) ?? expect.fail();
    expect(own.created).toBe(true);
    expect([owner.user, other.owner.user]).not.toContain(own.owner.user);
    expect(leads()).toMatchObject({ user: own.owner.user });
    expect(leads()).not.toHaveProperty('ttl');
  });

  test('of a channel that is linked anew meanwhile leaves the new link its name', async () => {
    await link();
    const [slot] = slotsOf(owner).filter(({ kind }) => kind === 'identity');
    world.before = async (call) => {
      if (call !== 'db:retire') return;
      world.before = () => undefined;
      await link();
    };
    await world.accounts.removeSlot(await world.open(key), slot?.id ?? '');
    const sender = await world.identities.deriveKey(world.org, identity);
    expect(await world.identities.findOrCreateUser(sender)).toEqual({ owner, created: false });
    expect(world.kinds(owner)).toEqual(['credential', 'identity']);
    expect(world.locatorItems.get(sender.locator)?.ttl).toBeUndefined();
  });

  test('said again after its reply was lost, with another change in between, is done and lets the name go', async () => {
    await link();
    const [slot] = slotsOf(owner).filter(({ kind }) => kind === 'identity');
    world.lost = async () => await world.linking.createLinkCode(await world.open(key));
    const account = await world.accounts.removeSlot(await world.open(key), slot?.id ?? '');
    expect(account.slots.map(({ kind }) => kind).sort()).toEqual(['credential', 'link']);
    const { locator } = await world.identities.deriveKey(world.org, identity);
    expect(world.locatorItems.get(locator)?.ttl).toEqual(expect.any(Number));
  });

  test('never takes the last that lasts, the key that asks, a password, or one that is not there', async () => {
    const user = await world.open(key);
    const [own] = world.accounts.getAccount(user).slots;
    await expect(world.accounts.removeSlot(user, own?.id ?? '')).rejects.toEqual(refused('forbidden'));
    await expect(world.accounts.removeSlot(user, randomId())).rejects.toEqual(refused('slot_not_found'));
    const set = await world.passwords.setPassword(user, { login: 'ada', password: 'correct horse' });
    const password = set.slots.find(({ kind }) => kind === 'password')?.id ?? '';
    await expect(world.accounts.removeSlot(await world.open(key), password)).rejects.toEqual(
      refused('invalid_request'),
    );
    // A user whose only slot is a channel cannot unlink it.
    const sender = await world.identities.deriveKey(world.org, 'mailto:ada@example.com');
    const made = (await world.identities.findOrCreateUser(sender)) ?? expect.fail();
    const read = await world.reader.read(made.owner, []);
    const opened = unlockByIdentity(sender, made.owner, read, world.clock()) ?? expect.fail();
    await expect(world.accounts.removeSlot(opened, opened.slot.id)).rejects.toEqual(refused('last_slot'));
    expect(world.kinds(made.owner)).toEqual(['identity']);
  });

  test('goes on from what others changed meanwhile, and gives up when they never stop', async () => {
    await link();
    const user = await world.open(key);
    const slot = world.accounts.getAccount(user).slots.find(({ kind }) => kind === 'identity')?.id ?? '';
    let others = 3;
    const change = async () => {
      world.before = () => undefined;
      await world.linking.createLinkCode(await world.open(key));
    };
    const intrude = async (call: string) => {
      if (call !== 'db:replace' || others-- <= 0) return;
      await change();
      world.before = intrude;
    };
    world.before = intrude;
    await world.accounts.removeSlot(user, slot);
    expect(world.kinds(owner)).toEqual(['credential', 'link']);
    await link();
    const again = await world.open(key);
    const stored = JSON.stringify(world.stored(owner));
    const never = { ...world.keyringStore, replace: async () => false };
    const { SlotUpdater } = await import('../../lambdas/users/slot-updater.ts');
    const changes = new SlotUpdater(never, world.clock);
    await expect(changes.update(again, () => ({ remove: [slot] }))).rejects.toEqual(refused('write_contention'));
    expect(JSON.stringify(world.stored(owner))).toBe(stored);
  });

  test('a slot put back in the table by hand opens nothing: the whole keyring is refused', async () => {
    await link();
    const copy = structuredClone(Object(world.keyrings.get(owner.user)));
    const user = await world.open(key);
    const slot = user.keyring.slots.find(({ kind }) => kind === 'identity') ?? expect.fail();
    await world.accounts.removeSlot(user, slot.id);
    const sender = await world.identities.deriveKey(world.org, identity);
    const now = Object(world.keyrings.get(owner.user));
    world.keyrings.set(owner.user, { ...now, slots: { ...now.slots, [slot.id]: copy.slots[slot.id] } });
    const read = await world.reader.read(owner, []);
    expect(unlockByIdentity(sender, owner, read, world.clock())).toBeUndefined();
    // The credential opens its own slot, so it is told that the record is damaged.
    await expect(world.open(key)).rejects.toThrow(DecryptionError);
    // The old MAC or the old generation in the current record is rejected too.
    world.keyrings.set(owner.user, { ...now, mac: copy.mac });
    await expect(world.open(key)).rejects.toThrow(DecryptionError);
    world.keyrings.set(owner.user, { ...now, generation: copy.generation });
    await expect(world.open(key)).rejects.toThrow(DecryptionError);
    world.keyrings.set(owner.user, now);
    await world.open(key);
  });

  test('goes on from nothing that was forged meanwhile', async () => {
    await link();
    const user = await world.open(key);
    const slot = user.keyring.slots.find(({ kind }) => kind === 'identity') ?? expect.fail();
    const record = Object(world.keyrings.get(owner.user));
    const forged = { ...record, generation: record.generation + 1 };
    world.before = (call) => {
      if (call === 'db:replace') world.keyrings.set(owner.user, forged);
    };
    await expect(world.accounts.removeSlot(user, slot.id)).rejects.toEqual(refused('invalid_credential'));
    expect(world.keyrings.get(owner.user)).toBe(forged);
  });

  test('by a session or key that was taken away while the request ran changes nothing', async () => {
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password: 'correct horse' });
    const session = await world.open(await world.logIn('ada', 'correct horse'));
    await world.accounts.removeSlot(await world.open(key), session.slot.id);
    const stored = JSON.stringify(world.stored(owner));
    const done = world.changes.update(session, () => ({ remove: [] }));
    await expect(done).rejects.toEqual(refused('invalid_credential'));
    expect(JSON.stringify(world.stored(owner))).toBe(stored);
  });
});

/** The locators that an interrupted deletion leaves to its job, by the point of the interruption. */
const leftAt: Record<string, string[]> = { 'db:retire': ['identity'], 'db:remove': ['link', 'password'] };

describe('a request that was checked against a keyring that is replaced meanwhile', () => {
  test('deletes no account: the check and the effect are of one generation', async () => {
    const { keyring } = await world.open(key);
    await world.linking.createLinkCode(await world.open(key));
    await expect(world.deleting.delete(owner, [], keyring.generation)).rejects.toEqual(refused('write_contention'));
    expect(world.kinds(owner)).toEqual(['credential', 'link']);
    // Between the read of the deletion and its write, too.
    const { keyring: current } = await world.open(key);
    let raced = false;
    world.before = async (call) => {
      if (call !== 'db:replace' || raced) return;
      raced = true;
      await world.linking.createLinkCode(await world.open(key));
    };
    await expect(world.deleting.delete(owner, [], current.generation)).rejects.toEqual(refused('write_contention'));
    world.before = () => undefined;
    expect(world.kinds(owner)).toEqual(['credential', 'link']);
    // The organization's own permission does not depend on the keyring.
    expect(await world.deleting.delete(owner)).toMatchObject({ deleted: true });
  });

  test('changes nothing by a password that another request has replaced, even in the same session', async () => {
    const [old, next] = ['correct horse battery', 'another horse battery'];
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password: old });
    const session = await world.logIn('ada', old);
    const checked = await world.confirming.requirePassword(await world.open(session), old);
    await world.passwords.setPassword(await world.open(session), {
      login: 'ada',
      password: next,
      currentPassword: old,
    });
    const kinds = world.kinds(owner);
    await expect(world.linking.createLinkCode(checked)).rejects.toEqual(refused('invalid_credential'));
    await expect(world.passwords.removePassword(checked)).rejects.toEqual(refused('invalid_credential'));
    const own = slotsOf(owner).find(({ kind }) => kind === 'credential')?.id ?? expect.fail();
    await expect(world.accounts.removeSlot(checked, own)).rejects.toEqual(refused('invalid_credential'));
    expect(world.kinds(owner)).toEqual(kinds);
    await world.logIn('ada', next);
  });

  test('is told apart from a stranger: a genuine session that has expired is known, and a forged one is not', async () => {
    const password = 'correct horse battery';
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password });
    const token = parseSessionToken(await world.logIn('ada', password)) ?? expect.fail();
    world.pass(limits.sessionSeconds);
    const read = await world.reader.read(owner, []);
    const isKnown = (secret: Uint8Array): boolean => {
      let known = false;
      const credential = { kind: 'session', token: { ...token, secret } } as const;
      expect(() =>
        unlockUser(credential, secret, read, world.clock(), () => {
          known = true;
        }),
      ).toThrow(refused('invalid_credential'));
      return known;
    };
    expect(isKnown(token.secret)).toBe(true);
    expect(isKnown(randomBytes(32))).toBe(false);
  });
});

describe('deleting a user', () => {
  test('destroys every slot at once, then locators, then asks for the data to be deleted', async () => {
    await link();
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password: 'correct horse' });
    const token = await world.logIn('ada', 'correct horse');
    const leading = slotsOf(owner).filter(({ kind }) => kind === 'identity' || kind === 'password');
    const calls = await world.count(async () => {
      expect(await world.deleting.delete(owner)).toEqual({ deleted: true, deletedAt: world.time.now.toISOString() });
    });
    expect(calls.slice(0, 2)).toEqual(['db:stored', 'db:replace']);
    expect(calls.slice(2).sort()).toEqual(['db:remove', 'db:retire', 'sqs:send']);
    expect(world.kinds(owner)).toEqual(['deleted']);
    expect(propertyNames(world.keyrings.get(owner.user)).join()).not.toMatch(/wrapped|slots|mac|locator/);
    for (const by of [key, token]) await expect(world.open(by)).rejects.toEqual(refused('invalid_credential'));
    await expect(world.logIn('ada', 'correct horse')).rejects.toEqual(refused('login_refused'));
    expect(world.jobs()).toEqual([
      {
        kind: 'erase',
        user: owner.user,
        locators: expect.arrayContaining(leading.map(({ kind, locator }) => ({ kind, locator }))),
      },
    ]);
    // The locator of the identity is kept until its earlier messages have left the queue.
    expect([...world.locatorItems.values()]).toEqual([
      expect.objectContaining({ user: owner.user, ttl: expect.any(Number) }),
    ]);
  });

  test('again says since when, and asks for the data to be deleted once more', async () => {
    const { deletedAt } = await world.users.delete(world.org, owner.user);
    world.pass(60);
    expect(await world.users.delete(world.org, owner.user)).toEqual({ deleted: false, deletedAt });
    expect(world.jobs()).toHaveLength(2);
    // After an interruption between tombstone and job, only a caller who knows a locator can pass it on for deletion.
    const [left, theirs] = ['left', 'theirs'].map((locator) => ({ kind: 'identity', locator }) as const);
    if (left === undefined || theirs === undefined) expect.fail();
    for (const [{ locator }, user] of [
      [left, owner.user],
      [theirs, randomId()],
    ] as const)
      world.locatorItems.set(locator, { locator, user });
    expect(await world.deleting.delete(owner, [left, theirs])).toEqual({ deleted: false, deletedAt });
    expect(world.jobs().at(-1)).toMatchObject({ locators: [left, theirs] });
    expect(world.locatorItems.get('left')?.ttl).toEqual(expect.any(Number));
    expect(world.locatorItems.get('theirs')?.ttl).toBeUndefined();
    for (const unknown of [randomId(), 'x', '']) {
      await expect(world.users.delete(world.org, unknown)).rejects.toEqual(refused('user_not_found'));
    }
  });

  const points = ['db:stored', 'db:replace', 'db:retire', 'db:remove', 'sqs:send'];
  test.each(points)(
    'broken off at %s has not begun or opens nothing any more, and nothing leads to it',
    async (point) => {
      await link();
      await world.passwords.setPassword(await world.open(key), { login: 'ada', password: 'correct horse' });
      await world.linking.createLinkCode(await world.open(key));
      const leading = slotsOf(owner).filter(({ kind }) => kind !== 'credential');
      expect(leading).toHaveLength(3);
      world.before = (call) => {
        if (call === point) throw new VaultError('unavailable');
      };
      const error = await world.deleting.delete(owner).catch((thrown: unknown) => thrown);
      world.before = () => undefined;
      const isBegun = points.indexOf(point) > 1;
      // If the job also performs the failed step, the deletion succeeds. Otherwise, the error says that the user is
      // deleted and what is left to do.
      const isQueued = isBegun && point !== 'sqs:send';
      expect(error).toEqual(isQueued ? expect.objectContaining({ deleted: true }) : refused('unavailable'));
      const isTold = /is deleted.*\bDELETE \/v1\/users\/[0-9a-z]{16}\b/.test(String(Object(error).extras?.detail));
      expect(isTold).toBe(point === 'sqs:send');
      expect(world.kinds(owner)[0] === 'deleted').toBe(isBegun);
      if (!isBegun) await world.open(key);
      await world.deleting.delete(owner);
      await expect(world.open(key)).rejects.toEqual(refused('invalid_credential'));
      expect(world.jobs()).toHaveLength(isQueued ? 2 : 1);
      const named = world.jobs().flatMap((job) => Object(job).locators.map((one: { locator: string }) => one.locator));
      const left = leading.filter(({ locator }) => {
        const item = world.locatorItems.get(locator);
        return item !== undefined && item.ttl === undefined;
      });
      // Each locator was released here, or is in the job for the worker.
      expect(left.filter(({ locator }) => !named.includes(locator))).toEqual([]);
      expect(left.map(({ kind }) => kind).sort()).toEqual(leftAt[point] ?? []);
      // Another user can take the login, whatever was left.
      const other = await world.newUser();
      await world.passwords.setPassword(await world.open(other.key), { login: 'ada', password: 'another horse' });
      expect(await world.logIn('ada', 'another horse')).toContain(other.owner.user);
    },
  );

  test('has its names let go by the job too; only of a user who is deleted, and only names that are its own', async () => {
    await link();
    const [slot = expect.fail()] = slotsOf(owner).filter(({ kind }) => kind === 'identity');
    const { kind, locator } = slot;
    const other = await world.newUser();
    await world.passwords.setPassword(await world.open(other.key), { login: 'ada', password: 'correct horse' });
    const theirs = slotsOf(other.owner).find((one) => one.kind === 'password') ?? expect.fail();
    const erasing = new DeletedUserPurger({
      keyrings: world.keyringStore,
      locatorStore: world.store,
      userItems: [{ list: async () => ({ items: [], more: false }), delete: async () => {} }],
      jobProducer: { send: async () => {} },
      clock: world.clock,
    });
    const text = JSON.stringify({ kind: 'erase', user: owner.user, locators: [{ kind, locator }, theirs] });
    const job = decodeJobPayload(Buffer.from(text));
    if (job.kind !== 'erase') expect.fail();
    const before = JSON.stringify([...world.locatorItems]);
    expect(await erasing.purge(owner, job.locators, () => false)).toBe(false);
    expect(JSON.stringify([...world.locatorItems])).toBe(before);
    world.before = (call) => {
      if (call === 'db:retire') throw new VaultError('unavailable');
    };
    await world.deleting.delete(owner);
    world.before = () => undefined;
    expect(world.locatorItems.get(locator)?.ttl).toBeUndefined();
    expect(await erasing.purge(owner, job.locators, () => false)).toBe(true);
    expect(world.locatorItems.get(locator)?.ttl).toBe(world.time.now.getTime() / 1000 + 86_400);
    expect(world.locatorItems.get(theirs.locator)?.user).toBe(other.owner.user);
    for (const locators of [undefined, 'x', [{ kind: 'x', locator }], [{ kind, locator: 7 }], [null]]) {
      const odd = Buffer.from(JSON.stringify({ kind: 'erase', user: owner.user, locators }));
      expect(() => decodeJobPayload(odd)).toThrow(DecryptionError);
    }
  });

  test('whose record is damaged is listed as such, deleted all the same, and listed as deleted', async () => {
    await link();
    const other = await world.newUser();
    const record = Object(world.keyrings.get(owner.user));
    const leading = slotsOf(owner).filter(({ kind }) => kind === 'identity');
    const [locator = ''] = leading.map((slot) => slot.locator);
    const damages: [unknown, string?][] = [
      [{ ...record, mac: 7 }, locator],
      ...[{}, [], 'x', 7, null].map((odd): [unknown, string] => [
        { ...record, slots: { ...record.slots, odd } },
        locator,
      ]),
      [{ ...record, slots: [] }],
      [{ ...record, slots: 'x', generation: 'x', createdAt: 'x' }],
      [{ ...record, state: undefined }, locator],
      [{ ...record, state: 'deleted' }, locator],
      [{ ...record, user: other.owner.user }, locator],
      [{ org: world.org }],
    ];
    for (const [damaged, leads] of damages) {
      world.keyrings.set(owner.user, damaged);
      await expect(world.open(key)).rejects.toEqual(refused('invalid_credential'));
      const { users } = await world.users.list(world.org, {});
      expect(users.map(({ user, state, slots }) => [user, state, slots.length])).toEqual(
        [
          [owner.user, 'damaged', 0],
          [other.owner.user, 'active', 1],
        ].sort(),
      );
      world.queue.splice(0);
      expect(await world.users.delete(world.org, owner.user)).toMatchObject({ deleted: true });
      expect(world.stored(owner)).toMatchObject({ state: 'deleted' });
      expect((await world.users.delete(world.org, owner.user)).deleted).toBe(false);
      const [job] = world.jobs();
      expect(job).toMatchObject({ locators: leads === undefined ? [] : [{ kind: 'identity', locator: leads }] });
    }
    // An invalid user ID does not hide the users after it.
    world.keyrings.set('  odd', { planted: true });
    const first = await world.users.list(world.org, { limit: 1 });
    expect(first.users).toEqual([{ user: '  odd', state: 'damaged', slots: [] }]);
    expect((await world.users.list(world.org, { cursor: first.cursor })).users).toHaveLength(2);
  });

  test('wins over changes under way: nothing that was about to be written comes back', async () => {
    for (let trial = 0; trial < 20; trial++) {
      const made = await world.newUser();
      const user = await world.open(made.key);
      await Promise.allSettled([
        world.linking.createLinkCode(user),
        world.deleting.delete(made.owner),
        world.accounts.rotateUserKey(user, newKey(made.owner)),
      ]);
      expect(world.kinds(made.owner)).toEqual(['deleted']);
    }
  });
});

describe('a user by its identity', () => {
  test('is made at the first message and found at the next; its key and its locator come from different MACs', async () => {
    const sender = await world.identities.deriveKey(world.org, identity);
    const first = (await world.identities.findOrCreateUser(sender)) ?? expect.fail();
    expect(first.created).toBe(true);
    expect(await world.identities.findOrCreateUser(sender)).toEqual({ owner: first.owner, created: false });
    const read = await world.reader.read(first.owner, []);
    expect(unlockByIdentity(sender, first.owner, read, world.clock())?.owner).toEqual(first.owner);
    const byLocator = { ...sender, slotSecret: Buffer.from(sender.locator, 'base64url') };
    expect(unlockByIdentity(byLocator, first.owner, read, world.clock())).toBeUndefined();
    const other = await world.identities.deriveKey(world.org, 'tel:+447700900124');
    expect(unlockByIdentity({ ...other, locator: sender.locator }, first.owner, read, world.clock())).toBeUndefined();
    expect(JSON.stringify([...world.keyrings, ...world.locatorItems])).not.toContain('7700900123');
  });

  test('broken off at any point, the next message makes or finds one that opens', async () => {
    for (const point of ['db:find', 'db:read', 'db:claim', 'db:create']) {
      const sender = await world.identities.deriveKey(world.org, `mailto:${point.slice(3)}@example.com`);
      let armed = true;
      world.before = (call) => {
        if (!armed || call !== point) return;
        armed = false;
        throw new VaultError('unavailable');
      };
      await expect(world.identities.findOrCreateUser(sender)).rejects.toEqual(refused('unavailable'));
      const { owner } = (await world.identities.findOrCreateUser(sender)) ?? expect.fail();
      const read = await world.reader.read(owner, []);
      expect(unlockByIdentity(sender, owner, read, world.clock()), point).toBeDefined();
    }
  });

  test('made by two at once, of whom one overtakes the other, is one', async () => {
    const sender = await world.identities.deriveKey(world.org, identity);
    let second: Awaited<ReturnType<typeof world.identities.findOrCreateUser>>;
    world.before = async (call) => {
      if (call !== 'db:create') return;
      world.before = () => undefined;
      // The first attempt has claimed the locator and has not stored a keyring yet.
      second = await world.identities.findOrCreateUser(sender);
    };
    const first = await world.identities.findOrCreateUser(sender);
    expect(second?.created).toBe(true);
    expect(first).toEqual({ owner: second?.owner, created: false });
    expect(world.locatorItems.get(sender.locator)?.user).toBe(second?.owner.user);
    expect(world.keyrings.size).toBe(2);
  });

  test('many at once come to one user, whom the locator leads to', async () => {
    for (let trial = 0; trial < 20; trial++) {
      const sender = await world.identities.deriveKey(world.org, `tel:+4477009${String(trial).padStart(5, '0')}`);
      world.before = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
      const found = await Promise.allSettled([1, 2, 3].map(() => world.identities.findOrCreateUser(sender)));
      world.before = () => undefined;
      const users = found.flatMap((one) => (one.status === 'fulfilled' ? (one.value?.owner.user ?? []) : []));
      expect(new Set(users).size, JSON.stringify(found)).toBe(1);
      expect(world.locatorItems.get(sender.locator)?.user).toBe(users[0]);
    }
  });

  test('after a deletion a later message begins anew; one that came before it begins nothing', async () => {
    const sender = await world.identities.deriveKey(world.org, identity);
    const first = (await world.identities.findOrCreateUser(sender)) ?? expect.fail();
    const before = world.clock();
    world.pass(10);
    await world.deleting.delete(first.owner);
    expect(await world.identities.findOrCreateUser(sender, before)).toBeUndefined();
    world.pass(10);
    const second = (await world.identities.findOrCreateUser(sender, world.clock())) ?? expect.fail();
    expect(second.created).toBe(true);
    expect(second.owner.user).not.toBe(first.owner.user);
    expect(world.locatorItems.get(sender.locator)).toEqual({
      locator: sender.locator,
      user: second.owner.user,
      slot: slotsOf(second.owner)[0]?.id,
      since: world.clock().toISOString(),
    });
  });

  test('is not made in an org that does not exist', async () => {
    world.orgKeyring = undefined;
    const sender = await world.identities.deriveKey(world.org, identity);
    await expect(world.identities.findOrCreateUser(sender)).rejects.toEqual(refused('user_not_found'));
    expect(world.keyrings.size).toBe(1);
  });
});
