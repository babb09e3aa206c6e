import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { linkCodeHandle, parseLinkCode } from '../../core/users/confirmation-codes.ts';
import { linkCodeMacInput, locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { unlockByIdentity } from '../../lambdas/users/identity-user-service.ts';
import { InMemoryUsers, identity } from './in-memory-users.ts';

let world: InMemoryUsers;
let owner: UserRef;
let key: string;
beforeEach(async () => {
  world = new InMemoryUsers();
  ({ owner, key } = await world.newUser());
});
const refused = (code: string) => expect.objectContaining({ code });
const start = async () => (await world.linking.createLinkCode(await world.open(key))).code;
const sender = (as = identity) => world.identities.deriveKey(world.org, as);
const opens = async (as = identity) =>
  unlockByIdentity(await sender(as), owner, await world.reader.read(owner, []), world.clock()) !== undefined;
/** A code with the same handle and a different secret. */
const guess = (code: string) => code.replace(/.$/, (last) => (last === 'Z' ? 'Y' : 'Z'));

describe('a code for linking', () => {
  test('links the identity that sends it to the data of who asked for it, by one write', async () => {
    const code = await start();
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
    const by = await sender();
    const calls = await world.count(async () => {
      expect(await world.linking.redeemLinkCode(by, ` ${code.toLowerCase().replaceAll('-', ' ')} `)).toEqual({
        user: owner.user,
      });
    });
    expect(calls.filter((call) => call === 'db:replace')).toHaveLength(1);
    expect(world.kinds(owner)).toEqual(['credential', 'identity']);
    const read = await world.reader.read(owner, []);
    const opened = unlockByIdentity(by, owner, read, world.clock());
    expect(opened?.umk.header).toEqual((await world.open(key)).umk.header);
    expect([...world.locatorItems.keys()]).toEqual([by.locator]);
    expect(await world.identities.findOrCreateUser(by)).toEqual({ owner, created: false });
  });

  test('works once: used again, by whomever, it is refused', async () => {
    const code = await start();
    await world.linking.redeemLinkCode(await sender(), code);
    for (const as of [identity, 'mailto:eve@example.com']) {
      expect(await world.linking.redeemLinkCode(await sender(as), code)).toBe('refused');
    }
    expect(await opens('mailto:eve@example.com')).toBe(false);
  });

  test('works for ten minutes', async () => {
    const code = await start();
    world.pass(limits.linkCodeSeconds);
    expect(await world.linking.redeemLinkCode(await sender(), code)).toBe('refused');
    const next = await start();
    world.pass(limits.linkCodeSeconds - 1);
    expect(await world.linking.redeemLinkCode(await sender(), next)).toEqual({ user: owner.user });
    // Expired slots are removed with the next change.
    expect(world.kinds(owner)).toEqual(['credential', 'identity']);
  });

  test('may be guessed at five times, then even the right one is refused', async () => {
    const code = await start();
    const eve = await sender('mailto:eve@example.com');
    for (let n = 0; n < limits.linkCodeAttempts; n++)
      expect(await world.linking.redeemLinkCode(eve, guess(code))).toBe('refused');
    expect(await world.linking.redeemLinkCode(await sender(), code)).toBe('refused');
    const next = await start();
    for (let n = 0; n < limits.linkCodeAttempts - 1; n++)
      expect(await world.linking.redeemLinkCode(eve, guess(next))).toBe('refused');
    expect(await world.linking.redeemLinkCode(await sender(), next)).toEqual({ user: owner.user });
    expect(await opens('mailto:eve@example.com')).toBe(false);
  });

  test('is replaced by the next', async () => {
    const first = await start();
    const second = await start();
    expect(world.kinds(owner)).toEqual(['credential', 'link']);
    expect(await world.linking.redeemLinkCode(await sender(), first)).toBe('refused');
    expect(await world.linking.redeemLinkCode(await sender(), second)).toEqual({ user: owner.user });
  });

  test('is the one that works also when the reply to its storing was lost and another change came after it', async () => {
    await world.passwords.setPassword(await world.open(key), { login: 'ada', password: 'correct horse' });
    await start();
    world.lost = async () => await world.logIn('ada', 'correct horse');
    const code = await start();
    expect(world.kinds(owner)).toEqual(['credential', 'link', 'password', 'session']);
    expect(await world.linking.redeemLinkCode(await sender(), code)).toEqual({ user: owner.user });
  });

  test('of one org is nothing in another, nor is what is no code', async () => {
    const code = await start();
    const elsewhere = { ...(await sender()), org: 'z'.repeat(16) };
    expect(await world.linking.redeemLinkCode(elsewhere, code)).toBe('refused');
    const calls = await world.count(async () => {
      for (const text of ['', 'x', code.slice(1), `${code}7`, 'uuuu-uuuu-uuuu', '7H3K_9QWE_RTY2']) {
        expect(await world.linking.redeemLinkCode(elsewhere, text)).toBe('refused');
      }
    });
    expect(calls).toEqual([]);
    expect(await world.linking.redeemLinkCode(await sender(), code)).toEqual({ user: owner.user });
  });

  test('of which exactly one of many redemptions at once wins', async () => {
    for (let trial = 0; trial < 15; trial++) {
      const code = await start();
      const senders = await Promise.all([1, 2, 3].map((n) => sender(`tel:+44770090${trial + 10}${n}0`)));
      world.before = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
      const results = await Promise.all(senders.map((by) => world.linking.redeemLinkCode(by, code)));
      world.before = () => undefined;
      expect(
        results.filter((result) => result !== 'refused'),
        JSON.stringify(results),
      ).toEqual([{ user: owner.user }]);
      for (const [n, by] of senders.entries()) expect(await opens(by.identity)).toBe(results[n] !== 'refused');
    }
  });

  test('leaves an identity with its own user where it is', async () => {
    const theirs = (await world.identities.findOrCreateUser(await sender())) ?? expect.fail();
    const code = await start();
    expect(await world.linking.redeemLinkCode(await sender(), code)).toBe('taken');
    expect(await world.identities.findOrCreateUser(await sender())).toEqual({ owner: theirs.owner, created: false });
    // The failed attempt did not use up the code. It works once that account is deleted.
    await world.deleting.delete(theirs.owner);
    expect(await world.linking.redeemLinkCode(await sender(), code)).toEqual({ user: owner.user });
    expect(await opens()).toBe(true);
  });

  test('sent by an identity that is linked already is used up, and changes nothing else', async () => {
    await world.linking.redeemLinkCode(await sender(), await start());
    expect(await world.linking.redeemLinkCode(await sender(), await start())).toEqual({ user: owner.user });
    expect(world.kinds(owner)).toEqual(['credential', 'identity']);
    // The locator still belongs to the existing slot and is removed with it.
    const user = await world.open(key);
    const slot = user.keyring.slots.find(({ kind }) => kind === 'identity') ?? expect.fail();
    expect(world.locatorItems.get(slot.locator)?.slot).toBe(slot.id);
    await world.accounts.removeSlot(user, slot.id);
    expect(world.locatorItems.get(slot.locator)?.ttl).toEqual(expect.any(Number));
  });

  test('broken off at any point, links or can be used again; never half', async () => {
    const before = ['kms:routing', 'db:try', 'kms:code', 'db:read', 'db:claim', 'db:replace'];
    for (const point of [...before, 'db:remove']) {
      const as = `mailto:${point.replace(':', '-')}@example.com`;
      const by = await sender(as);
      const code = await start();
      let armed = true;
      world.before = (call) => {
        if (!armed || call !== point) return;
        armed = false;
        throw new VaultError('unavailable');
      };
      if (before.includes(point))
        await expect(world.linking.redeemLinkCode(by, code)).rejects.toEqual(refused('unavailable'));
      expect(await world.linking.redeemLinkCode(by, code), point).toEqual({ user: owner.user });
      expect([armed, await opens(as)], point).toEqual([false, true]);
      expect(world.locatorItems.get(by.locator)?.user).toBe(owner.user);
    }
  });

  test('opens its slot with KMS alone and the whole code: a table and the handle are not enough', async () => {
    const code = parseLinkCode(await start()) ?? expect.fail();
    const stored = world.stored(owner);
    const slot = (stored.state === 'active' && stored.slots.find(({ kind }) => kind === 'link')) || expect.fail();
    const { unwrapUmk } = await import('../../core/users/key-slot.ts');
    const right = world.mac('code', linkCodeMacInput(world.org, code));
    expect(unwrapUmk(right, owner, slot)).toHaveLength(32);
    const wrong = [
      world.mac('routing', linkCodeMacInput(world.org, code)),
      world.mac('custody', linkCodeMacInput(world.org, code)),
      world.mac('code', locatorMacInput(world.org, linkCodeHandle(code))),
      world.mac('code', linkCodeMacInput(world.org, code.slice(0, 4))),
      Buffer.from(slot.locator, 'base64url'),
      Buffer.from(code),
    ];
    for (const secret of wrong) expect(() => unwrapUmk(secret, owner, slot)).toThrow();
    expect(JSON.stringify([...world.keyrings, ...world.locatorItems]).toLowerCase()).not.toContain(code.slice(4));
  });
});
