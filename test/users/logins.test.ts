import { beforeEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newSlotSalt, unwrapUmk, wrapUmk } from '../../core/users/key-slot.ts';
import { defaultArgon2idParams, stretchPassword, verifierOf } from '../../core/users/password-slot.ts';
import { formatSessionToken, parseSessionToken } from '../../core/users/session-token.ts';
import { passwordMacInput } from '../../core/users/slot-mac-inputs.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import { networkOf } from '../../lambdas/shared/attempt-limits.ts';
import { maxReadAgeMs } from '../../lambdas/users/read-freshness.ts';
import { InMemoryUsers, sourceIp } from './in-memory-users.ts';

const password = 'correct horse battery';
let world: InMemoryUsers;
let owner: UserRef;
let key: string;
beforeEach(async () => {
  world = new InMemoryUsers();
  ({ owner, key } = await world.newUser());
});
const refused = (code: string) => expect.objectContaining({ code });
const set = async (login = 'ada', text = password) =>
  await world.passwords.setPassword(await world.open(key), { login, password: text });

/** The calls that apply the limits of the address and the organization. */
const limited = ['db:attempt', 'db:read', 'db:attempt'];

describe('the network of a source address', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('asking for a login', () => {
  test('is limited by account, whatever the answer, so that it can not be used to find logins', async () => {
    await set('taken');
    const { key: other } = await world.newUser();
    const ask = async (login: string) =>
      await world.passwords.setPassword(await world.open(other), { login, password });
    for (let n = 0; n < limits.newLogins; n++) {
      // Taking a free login in between does not reset the count.
      if (n % 2 === 0) await expect(ask('taken')).rejects.toEqual(refused('login_taken'));
      else await ask(`free-${n}`);
    }
    const claims = world.calls.filter((call) => call === 'db:claim').length;
    for (const login of ['taken', 'free']) await expect(ask(login)).rejects.toEqual(refused('too_many_attempts'));
    expect(world.calls.filter((call) => call === 'db:claim')).toHaveLength(claims);
    // A new password for the login that the account has is no question. Other accounts are not affected.
    await ask(`free-${limits.newLogins - 1}`);
    await set('taken');
    world.pass(limits.newLoginWindowSeconds);
    await expect(ask('taken')).rejects.toEqual(refused('login_taken'));
  });

  test('is limited by organization, so that many accounts find no more', async () => {
    await set('taken');
    const entry = world.tries.get('org/new-logins') ?? expect.fail();
    world.tries.set('org/new-logins', { ...entry, tries: limits.newLoginsPerOrg });
    const { key: other } = await world.newUser();
    const asked = world.passwords.setPassword(await world.open(other), { login: 'taken', password });
    await expect(asked).rejects.toMatchObject({
      code: 'too_many_attempts',
      extras: { retryAfterSeconds: limits.newLoginWindowSeconds },
    });
  });
});

describe('logging in', () => {
  test('gives a session that opens the same data, for a week', async () => {
    await set();
    const token = await world.logIn('ADA', password);
    expect((await world.open(token)).umk.header).toEqual((await world.open(key)).umk.header);
    world.pass(limits.sessionSeconds - 1);
    await world.open(token);
    world.pass(1);
    await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
  });

  test('takes the password in any composition of its letters', async () => {
    await set('ada', 'pässword ﬁ');
    await world.logIn('ada', 'pa\u0308ssword fi');
  });

  test('fails in one way and by the same calls, whatever is wrong', async () => {
    await set();
    const attempt = (org: string, login: string, text: string) => async () =>
      await expect(world.logins.logIn({ org, login, password: text }, sourceIp)).rejects.toEqual(
        refused('login_refused'),
      );
    const calls = [...limited, 'kms:routing', 'db:attempt', 'db:find', 'db:read', 'kms:code'];
    expect(await world.count(attempt(world.org, 'ada', 'another horse'))).toEqual(calls);
    expect(await world.count(attempt(world.org, 'ada', ''))).toEqual(calls);
    expect(await world.count(attempt(world.org, 'grace', password))).toEqual(calls);
    const [item] = [...world.locatorItems.values()];
    if (item === undefined) expect.fail();
    // A locator that refers to another user, to a deleted one, or to one without a password.
    const other = await world.newUser();
    world.locatorItems.set(item.locator, { ...item, user: other.owner.user });
    expect(await world.count(attempt(world.org, 'ada', password))).toEqual(calls);
    world.locatorItems.set(item.locator, { ...item, user: randomId() });
    expect(await world.count(attempt(world.org, 'ada', password))).toEqual(calls);
    world.locatorItems.set(item.locator, item);
    const record = world.keyrings.get(owner.user);
    world.keyrings.set(owner.user, { damaged: true });
    expect(await world.count(attempt(world.org, 'ada', password))).toEqual(calls);
    world.keyrings.set(owner.user, record);
    const keyring = world.orgKeyring;
    world.orgKeyring = { ...Object(keyring), state: 'odd' };
    expect(await world.count(attempt(world.org, 'ada', password))).toEqual(calls);
    world.orgKeyring = keyring;
    // Invalid names cause no calls at all.
    expect(await world.count(attempt('x', 'ada', password))).toEqual([]);
    expect(await world.count(attempt(world.org, 'a b', password))).toEqual([]);
    world.tries.clear();
    await world.logIn('ada', password);
  });

  test('to an organization that does not exist gets the same refusal before KMS and Argon2id', async () => {
    await set();
    world.orgKeyring = undefined;
    const calls = await world.count(async () => {
      await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
    });
    expect(calls).toEqual(['db:attempt', 'db:read']);
  });

  test('costs two MACs, eight calls of the tables and no more', async () => {
    await set();
    const calls = await world.count(async () => await world.logIn('ada', password));
    const [opening, closing] = [
      ['kms:routing', 'db:attempt', 'db:find', 'db:read', 'kms:code'],
      ['db:replace', 'db:forget'],
    ];
    expect(calls).toEqual([...limited, ...opening, ...closing]);
  });

  test('is throttled by login, whether there is one or not, and not for the others', async () => {
    await set();
    for (const login of ['ada', 'grace']) {
      const wrong = async () =>
        await world.logins.logIn({ org: world.org, login, password: 'another horse' }, sourceIp);
      for (let n = 0; n < limits.loginAttempts; n++) await expect(wrong()).rejects.toEqual(refused('login_refused'));
      const calls = await world.count(async () => {
        await expect(wrong()).rejects.toEqual(refused('too_many_attempts'));
      });
      expect(calls).toEqual([...limited, 'kms:routing', 'db:attempt']);
    }
    // Even the correct password is rejected until the window has ended. Then the count restarts.
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('too_many_attempts'));
    world.pass(limits.loginWindowSeconds);
    await world.logIn('ada', password);
    expect([...world.tries.keys()].filter((counter) => !counter.includes('/'))).toHaveLength(1);
  });

  /** The code, the seconds to wait and the calls of a refused login. */
  async function refusedLogin(from = sourceIp) {
    let wait: unknown;
    const made = await world.count(async () => {
      const error = await world.logins.logIn({ org: world.org, login: 'eve', password }, from).catch((e: unknown) => e);
      expect(error).toEqual(refused('too_many_attempts'));
      wait = Object(error).extras.retryAfterSeconds;
    });
    return { wait, calls: made };
  }
  const countOf = (start: string) => {
    const [counter, entry] = [...world.tries].find(([name]) => name.startsWith(start)) ?? expect.fail(start);
    return { counter, entry };
  };

  test('is throttled by source address before anything else is asked for', async () => {
    await set();
    await world.logIn('ada', password);
    const { counter, entry } = countOf('address/');
    expect(counter).not.toContain(sourceIp);
    world.tries.set(counter, { ...entry, tries: limits.loginAttemptsPerAddress });
    world.pass(100);
    expect(await refusedLogin()).toEqual({ wait: limits.loginWindowSeconds - 100, calls: ['db:attempt'] });
    // Another address is not affected; nor is this one, in the next window.
    await world.logins.logIn({ org: world.org, login: 'ada', password }, '198.51.100.1');
    world.pass(limits.loginWindowSeconds);
    await world.logIn('ada', password);
  });

  test('is throttled by organization before KMS and Argon2id, from whatever address', async () => {
    await set();
    await world.logIn('ada', password);
    const { counter, entry } = countOf('org/logins');
    world.tries.set(counter, { ...entry, tries: limits.loginAttemptsPerOrg });
    for (const from of [sourceIp, '198.51.100.1'])
      expect(await refusedLogin(from)).toEqual({
        wait: limits.loginWindowSeconds,
        calls: ['db:attempt', 'db:read', 'db:attempt'],
      });
    world.pass(limits.loginWindowSeconds);
    await world.logIn('ada', password);
  });

  test('keeps the latest ten sessions, and drops what has ended', async () => {
    await set();
    const tokens: string[] = [];
    for (let n = 0; n < limits.sessionsKept + 2; n++) {
      world.pass(1);
      tokens.push(await world.logIn('ada', password));
    }
    expect(world.kinds(owner).filter((kind) => kind === 'session')).toHaveLength(limits.sessionsKept);
    for (const [n, token] of tokens.entries()) {
      if (n < 2) await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
      else await world.open(token);
    }
    world.pass(limits.sessionSeconds);
    await world.logIn('ada', password);
    expect(world.kinds(owner).filter((kind) => kind === 'session')).toHaveLength(1);
  });

  /** Sets a password with weaker parameters than the current ones. */
  async function setCheap(): Promise<string> {
    const user = await world.open(key);
    const cheap = { algorithm: 'argon2id', memory: 64, passes: 1, lanes: 1 } as const;
    const [id, salt] = [randomId(), newSlotSalt(owner, 'password')];
    const locator = await world.identities.locatorOf(world.org, 'login:ada');
    const stretched = await stretchPassword(password, { salt }, cheap);
    const secret = world.mac('code', passwordMacInput(owner, id, stretched));
    const params = { ...cheap, verifier: verifierOf(secret, owner, { id, salt }) };
    const facts = { id, kind: 'password', locator, salt, params, createdAt: world.time.now.toISOString() } as const;
    const slot = user.withRootKey((root) => wrapUmk(root, secret, owner, facts));
    await world.changes.update(user, () => ({ add: [slot] }));
    world.locatorItems.set(locator, { locator, user: owner.user, slot: id });
    return id;
  }

  test('raises the cost of a password that was stored at a lower one, in the same write', async () => {
    const id = await setCheap();
    const calls = await world.count(async () => await world.logIn('ada', password));
    expect(calls.filter((call) => call === 'db:replace')).toHaveLength(1);
    const stored = world.stored(owner);
    const raised = stored.state === 'active' ? stored.slots.find(({ kind }) => kind === 'password') : undefined;
    expect(raised?.params).toMatchObject(defaultArgon2idParams);
    // The locator was claimed for that slot ID, and is removed with it.
    expect(raised?.id).toBe(id);
    const again = JSON.stringify(raised);
    await world.logIn('ada', password);
    const after = world.stored(owner);
    expect(after.state === 'active' && JSON.stringify(after.slots.find(({ kind }) => kind === 'password'))).toBe(again);
  });

  test('ends with the slot when the keyring changes under it', async () => {
    await set();
    let once = true;
    world.before = async (call) => {
      if (call !== 'db:replace' || !once) return;
      once = false;
      await world.linking.createLinkCode(await world.open(key));
    };
    const token = await world.logIn('ada', password);
    expect(world.kinds(owner)).toEqual(['credential', 'link', 'password', 'session']);
    await world.open(token);
    once = true;
    world.before = async (call) => {
      if (call !== 'db:replace' || !once) return;
      once = false;
      await world.passwords.removePassword(await world.open(key));
    };
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
    expect(world.kinds(owner)).toEqual(['credential']);
  });

  test('of several at once succeeds for all, also where each raises the cost', async () => {
    await setCheap();
    const tokens = await Promise.all([1, 2, 3].map(() => world.logIn('ada', password)));
    for (const token of tokens) await world.open(token);
    expect(world.kinds(owner)).toEqual(['credential', 'password', 'session', 'session', 'session']);
  });

  test('goes on by a password that was set anew meanwhile, and is refused by one that was changed', async () => {
    await set();
    for (const [text, isRight] of [
      [password, true],
      ['a new password', false],
    ] as const) {
      let once = true;
      world.before = async (call) => {
        if (call !== 'db:replace' || !once) return;
        once = false;
        await set('ada', text);
      };
      const entered = world.logIn('ada', password);
      if (isRight) await world.open(await entered);
      else await expect(entered).rejects.toEqual(refused('login_refused'));
    }
  });

  test('goes on by a password that was set anew during a check that took long; a changed one is refused', async () => {
    await set();
    const real = performance.now.bind(performance);
    let late = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => real() + late);
    const meanwhile = (text: string) => {
      world.before = async (call) => {
        if (call !== 'kms:code') return;
        world.before = () => undefined;
        late += maxReadAgeMs;
        await set('ada', text);
      };
    };
    try {
      meanwhile(password);
      await world.open(await world.logIn('ada', password));
      meanwhile('a new password');
      await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
      await world.logIn('ada', 'a new password');
    } finally {
      spy.mockRestore();
    }
  });

  test('opens nothing by what was read before a check that took long: it is read again', async () => {
    await set();
    const real = performance.now.bind(performance);
    let late = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => real() + late);
    try {
      const took = async (wrong?: string) => {
        world.before = (call) => {
          if (call === 'kms:code') late += maxReadAgeMs;
        };
        return await world.count(async () => await world.logIn('ada', wrong ?? password));
      };
      expect((await took()).slice(6)).toEqual(['db:read', 'kms:code', 'db:read', 'db:replace', 'db:forget']);
      // A wrong password takes the same calls, so the response time reveals nothing.
      expect((await took('another horse')).slice(6)).toEqual(['db:read', 'kms:code', 'db:read']);
      world.before = async (call) => {
        if (call !== 'kms:code') return;
        world.before = () => undefined;
        late += maxReadAgeMs;
        await world.deleting.delete(owner);
      };
      const calls = await world.count(async () => {
        await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
      });
      expect(calls.at(-1)).toBe('db:read');
    } finally {
      spy.mockRestore();
    }
  });
});

describe('a session token', () => {
  test('opens one slot of one user and no other, whole, and while it is there', async () => {
    await set();
    const token = await world.logIn('ada', password);
    const second = await world.logIn('ada', password);
    const other = await world.newUser();
    await world.passwords.setPassword(await world.open(other.key), { login: 'grace', password });
    const theirs = await world.logIn('grace', password);
    const [one, two, three] = [token, second, theirs].map((text) => parseSessionToken(text) ?? expect.fail());
    if (one === undefined || two === undefined || three === undefined) expect.fail();
    const swapped = [
      { ...one, secret: two.secret },
      { ...one, slot: two.slot },
      { ...one, slot: three.slot },
      { ...one, user: three.user },
      { ...three, user: one.user },
      { ...one, user: three.user, slot: three.slot },
      { ...one, org: randomId() },
      { ...one, secret: new Uint8Array(32) },
    ];
    for (const forged of swapped) {
      await expect(world.open(formatSessionToken(forged))).rejects.toEqual(refused('invalid_credential'));
    }
    for (const text of [token.slice(0, -1), `${token}A`, token.toUpperCase(), token.replaceAll('.', ' '), '']) {
      expect(parseSessionToken(text)).toBeUndefined();
    }
    expect(await world.accounts.logOut(await world.open(token))).toBe(true);
    await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
    await world.open(second);
    await world.open(theirs);
  });

  test('opens nothing once any field of its slot in the table is another', async () => {
    await set();
    const token = await world.logIn('ada', password);
    const id = parseSessionToken(token)?.slot ?? '';
    const record = Object(world.keyrings.get(owner.user));
    const later = new Date(world.time.now.getTime() + 10 * limits.sessionSeconds * 1000).toISOString();
    const changes = [
      { expiresAt: later },
      { expiresAt: undefined },
      { createdAt: later },
      { locator: 'x' },
      { salt: Buffer.alloc(32).toString('base64') },
      { kind: 'credential' },
      { wrapped: Buffer.alloc(60).toString('base64') },
    ];
    for (const change of changes) {
      const slots = { ...record.slots, [id]: { ...record.slots[id], ...change } };
      world.keyrings.set(owner.user, { ...record, slots });
      await expect(world.open(token), JSON.stringify(change)).rejects.toEqual(refused('invalid_credential'));
    }
    // Moving the expiry after the session has ended changes the slot metadata, so the wrap cannot be opened.
    world.keyrings.set(owner.user, record);
    world.pass(limits.sessionSeconds);
    world.keyrings.set(owner.user, {
      ...record,
      slots: { ...record.slots, [id]: { ...record.slots[id], expiresAt: later } },
    });
    await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
  });

  test('of a user key presented along ends nothing', async () => {
    await set();
    const token = await world.logIn('ada', password);
    expect(await world.accounts.logOut(await world.open(key))).toBe(false);
    await world.open(token);
  });

  test('logged out twice at once has ended for both', async () => {
    await set();
    const user = await world.open(await world.logIn('ada', password));
    expect(await Promise.all([world.accounts.logOut(user), world.accounts.logOut(user)])).toEqual([true, true]);
    expect(world.kinds(owner)).toEqual(['credential', 'password']);
  });
});

describe('setting a password', () => {
  test('ends all sessions but the one that asks, and the old password and login', async () => {
    await set();
    const [own, other] = [await world.logIn('ada', password), await world.logIn('ada', password)];
    const next = { login: 'lovelace', password: 'a new password', currentPassword: password };
    await world.passwords.setPassword(await world.open(own), next);
    await world.open(own);
    await expect(world.open(other)).rejects.toEqual(refused('invalid_credential'));
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
    await expect(world.logIn('ada', 'a new password')).rejects.toEqual(refused('login_refused'));
    await world.logIn('lovelace', 'a new password');
    expect(world.kinds(owner)).toEqual(['credential', 'password', 'session', 'session']);
    expect(world.locatorItems.size).toBe(1);
    await world.passwords.setPassword(await world.open(key), { login: 'lovelace', password: 'a third password' });
    await expect(world.open(own)).rejects.toEqual(refused('invalid_credential'));
  });

  test('set and removed takes codes for linking along, which a stranger may have asked for', async () => {
    for (const change of [
      async () => await set(),
      async () => await set('lovelace', 'a new password'),
      async () => await world.passwords.removePassword(await world.open(key)),
    ]) {
      const { code } = await world.linking.createLinkCode(await world.open(key));
      await change();
      expect(world.kinds(owner)).not.toContain('link');
      expect([...world.locatorItems.values()].filter(({ expiresAt }) => expiresAt !== undefined)).toEqual([]);
      const sender = await world.identities.deriveKey(world.org, 'mailto:eve@example.com');
      expect(await world.linking.redeemLinkCode(sender, code)).toBe('refused');
    }
  });

  test('by a session needs the current one; wrong ones are refused, and count', async () => {
    await set();
    const user = await world.open(await world.logIn('ada', password));
    const stored = JSON.stringify(world.stored(owner));
    const change = (currentPassword?: string) =>
      world.passwords.setPassword(user, { login: 'ada', password: 'a new password', currentPassword });
    await expect(change()).rejects.toMatchObject({
      code: 'invalid_request',
      extras: { errors: [{ path: 'currentPassword' }] },
    });
    for (let n = 0; n < limits.loginAttempts; n++)
      await expect(change('wrong')).rejects.toEqual(refused('login_refused'));
    await expect(change(password)).rejects.toEqual(refused('too_many_attempts'));
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('too_many_attempts'));
    expect(JSON.stringify(world.stored(owner))).toBe(stored);
    world.pass(limits.loginWindowSeconds);
    await change(password);
  });

  test('takes no login of another user, nor one that is none', async () => {
    await set();
    const other = await world.newUser();
    const user = await world.open(other.key);
    const setAs = (login: string) => world.passwords.setPassword(user, { login, password });
    // The age of the claim does not matter.
    world.pass(86_400);
    for (const login of ['ada', 'Ada', 'ADA']) {
      const calls = await world.count(async () => {
        await expect(setAs(login)).rejects.toEqual(refused('login_taken'));
      });
      // The locator never refers to another slot in between.
      expect(calls).toEqual(['kms:routing', 'db:attempt', 'db:attempt', 'db:claim', 'db:find', 'db:stored']);
    }
    for (const login of ['a', '.ada', 'a b c', 'аda', 'x'.repeat(129), 'login:ada', 'ada\n']) {
      await expect(setAs(login)).rejects.toMatchObject({
        code: 'invalid_request',
        extras: { errors: [{ path: 'login' }] },
      });
    }
    expect(world.kinds(other.owner)).toEqual(['credential']);
    await world.logIn('ada', password);
  });

  test('takes no login of a user whose record is damaged; once that user is deleted it is free', async () => {
    await set();
    const other = await world.newUser();
    const setAs = async () =>
      await world.passwords.setPassword(await world.open(other.key), { login: 'ada', password: 'another horse' });
    world.pass(86_400);
    world.keyrings.set(owner.user, { ...Object(world.keyrings.get(owner.user)), mac: 7 });
    await expect(setAs()).rejects.toEqual(refused('login_taken'));
    await world.users.delete(world.org, owner.user);
    await setAs();
    expect(await world.logIn('ada', 'another horse')).toContain(other.owner.user);
  });

  test('twice at once by the same login: one of them is stored, and found by it', async () => {
    for (const point of ['db:claim', 'kms:code', 'db:replace', 'db:remove']) {
      world.tries.clear();
      await set('before');
      world.before = async (call) => {
        if (call !== point) return;
        world.before = () => undefined;
        await set('ada', 'a new password');
      };
      await set('ada', password);
      world.before = () => undefined;
      expect(
        world.kinds(owner).filter((kind) => kind === 'password'),
        point,
      ).toHaveLength(1);
      const tried = ['a new password', password].map((text) => world.logIn('ada', text));
      const results = await Promise.allSettled(tried);
      expect(results.map(({ status }) => status).sort(), point).toEqual(['fulfilled', 'rejected']);
    }
  });

  test('broken off at any point, is made whole by saying it again, and leaves no login of nobody', async () => {
    await set('first');
    for (const point of ['kms:routing', 'kms:code', 'db:claim', 'db:replace', 'db:remove']) {
      let armed = true;
      world.before = (call) => {
        if (!armed || call !== point) return;
        armed = false;
        throw new VaultError('unavailable');
      };
      const login = `login-${point.replace(':', '-')}`;
      await expect(set(login)).rejects.toEqual(refused('unavailable'));
      await set(login);
      await world.logIn(login, password);
    }
    // Another user can take a name that was claimed without a stored slot, once no request can still be about to store
    // one.
    const locator = await world.identities.locatorOf(world.org, 'login:dangling');
    world.locatorItems.set(locator, { locator, user: owner.user, since: world.clock().toISOString() });
    const other = await world.newUser();
    const take = async () =>
      await world.passwords.setPassword(await world.open(other.key), { login: 'dangling', password });
    world.pass(119);
    await expect(take()).rejects.toEqual(refused('login_taken'));
    world.pass(1);
    await take();
    expect(await world.logIn('dangling', password)).toContain(other.owner.user);
  });

  test("of a name that was left behind, taken just when its owner comes back to it, is its owner's", async () => {
    const locator = await world.identities.locatorOf(world.org, 'login:ada');
    world.locatorItems.set(locator, { locator, user: owner.user });
    const other = await world.open((await world.newUser()).key);
    let claims = 0;
    world.before = async (call) => {
      if (call !== 'db:claim' || ++claims < 2) return;
      world.before = () => undefined;
      // The other user has seen that the owner has no slot for the name. Before the other user claims it, the owner
      // stores one.
      await set('ada');
    };
    const taken = world.passwords.setPassword(other, { login: 'ada', password: 'another horse' });
    await expect(taken).rejects.toEqual(refused('login_taken'));
    expect(world.kinds(other.owner)).toEqual(['credential']);
    expect(await world.logIn('ada', password)).toContain(owner.user);
  });

  /** Two users set the same name concurrently. Returns the users who can then log in with it, and their data. */
  async function race(login: string): Promise<{ readonly user: string; readonly text: string }[]> {
    const users = [await world.newUser(), await world.newUser()];
    const opened = await Promise.all(users.map(async (made) => await world.open(made.key)));
    world.before = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    const texts = opened.map((_, n) => `${password} ${n}`);
    const results = await Promise.allSettled(
      opened.map((user, n) => world.passwords.setPassword(user, { login, password: texts[n] ?? '' })),
    );
    world.before = () => undefined;
    return users.flatMap((made, n) => {
      const isWinner = results[n]?.status === 'fulfilled';
      expect(world.kinds(made.owner)).toEqual(isWinner ? ['credential', 'password'] : ['credential']);
      return isWinner ? [{ user: made.owner.user, text: texts[n] ?? '' }] : [];
    });
  }

  test('by two users at once, of one name: exactly one has it, and can log in', async () => {
    for (let trial = 0; trial < 12; trial++) {
      const login = `name-${trial}`;
      // In half of the trials the name has an abandoned claim, which both users may take over.
      const locator = await world.identities.locatorOf(world.org, `login:${login}`);
      if (trial % 2 === 0) world.locatorItems.set(locator, { locator, user: owner.user });
      const [winner, ...others] = await race(login);
      expect(others).toEqual([]);
      expect(await world.logIn(login, winner?.text ?? '')).toContain(winner?.user);
    }
  });
});

describe('a password slot', () => {
  test('opens by password and KMS together: neither alone, nor both for another slot or user', async () => {
    await set();
    const stored = world.stored(owner);
    const slot = (stored.state === 'active' && stored.slots.find(({ kind }) => kind === 'password')) || expect.fail();
    const stretched = await stretchPassword(password, slot, defaultArgon2idParams);
    const right = world.mac('code', passwordMacInput(owner, slot.id, stretched));
    expect(unwrapUmk(right, owner, slot)).toHaveLength(32);
    expect(verifierOf(right, owner, slot)).toBe(slot.params?.verifier);
    const other = await stretchPassword('another horse', slot, defaultArgon2idParams);
    const wrong = [
      stretched,
      world.mac('routing', passwordMacInput(owner, slot.id, stretched)),
      world.mac('custody', passwordMacInput(owner, slot.id, stretched)),
      world.mac('code', passwordMacInput(owner, slot.id, other)),
      world.mac('code', passwordMacInput(owner, randomId(), stretched)),
      world.mac('code', passwordMacInput({ ...owner, user: randomId() }, slot.id, stretched)),
      world.mac('code', stretched),
    ];
    for (const secret of wrong) {
      expect(() => unwrapUmk(secret, owner, slot)).toThrow();
      expect(verifierOf(secret, owner, slot)).not.toBe(slot.params?.verifier);
    }
  });
});

describe('removing a password', () => {
  test('while the same login is set again leaves the one that is stored with its name, at whatever point', async () => {
    for (const point of ['db:replace', 'db:remove']) {
      await set();
      world.before = async (call) => {
        if (call !== point) return;
        world.before = () => undefined;
        await set('ada', 'a new password');
      };
      await world.passwords.removePassword(await world.open(key));
      const hasIt = world.kinds(owner).includes('password');
      // If the removal came last, it removed the new password.
      expect(hasIt, point).toBe(point === 'db:remove');
      const entered = world.logIn('ada', 'a new password');
      if (hasIt) await entered;
      else await expect(entered).rejects.toEqual(refused('login_refused'));
    }
    // The reverse order: the old password and its name are removed after the new password was claimed and before its
    // slot is stored.
    await set();
    world.before = async (call) => {
      if (call !== 'db:replace') return;
      world.before = () => undefined;
      await world.passwords.removePassword(await world.open(key));
    };
    await set('ada', 'a third password');
    await world.logIn('ada', 'a third password');
  });

  test('ends all sessions, frees the login, and changes nothing when said again', async () => {
    await set();
    const token = await world.logIn('ada', password);
    await world.passwords.removePassword(await world.open(key));
    await expect(world.open(token)).rejects.toEqual(refused('invalid_credential'));
    await expect(world.logIn('ada', password)).rejects.toEqual(refused('login_refused'));
    expect([world.kinds(owner), world.locatorItems.size]).toEqual([['credential'], 0]);
    const calls = await world.count(async () => await world.passwords.removePassword(await world.open(key)));
    expect(calls).toEqual(['db:read']);
  });

  test('is refused when nothing else opens the data', async () => {
    await set();
    const token = await world.logIn('ada', password);
    const session = await world.open(token);
    const slot = session.keyring.slots.find(({ kind }) => kind === 'credential')?.id ?? '';
    await world.accounts.removeSlot(session, slot);
    await expect(world.passwords.removePassword(await world.open(token))).rejects.toEqual(refused('last_slot'));
    await world.logIn('ada', password);
  });
});
