/** Rotation of an org's DEK, with in-memory ports. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ruleEntries } from '../../contract/broker/usage-rules.ts';
import { openApprovalValue, openShare, sealApprovalValue } from '../../core/approvals/sealed-value.ts';
import { parseSealedValue } from '../../core/approvals/sealed-value-form.ts';
import { rulesHash } from '../../core/approvals/statement.ts';
import { utf8Bytes } from '../../core/encoding/bytes.ts';
import { x25519PublicKey } from '../../core/hazmat/x25519.ts';
import { parseKeyring } from '../../core/org-keys/org-keyring.ts';
import { isMalformed, type StoredValue } from '../../lambdas/shared/ports.ts';
import { decryptValue } from '../../lambdas/values/value-encryption.ts';
import { ValueReader } from '../../lambdas/values/value-reader.ts';
import { authenticationKeyOf } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { CallFaults, callFates, createRotatableVault, Killed, randomText, versionsIn } from './in-memory-rotation.ts';

const stored = (vault: ReturnType<typeof createRotatableVault>, name: string): StoredValue => vault.stores.stored(name);

describe('a rotation', () => {
  test('makes a new DEK active at once, moves every version of every value to it and retires the old one', async () => {
    const vault = createRotatableVault();
    for (let n = 1; n <= 12; n++) await vault.set('many', `v${n}`);
    await vault.set('expiring', 'x', { expiresAt: '2026-06-02T00:00:00Z', metadata: { k: 'v' } });
    const ttl = stored(vault, 'expiring').ttl;
    expect(await vault.start()).toMatchObject({ rotation: { id: 1, to: 2, state: 'running' } });
    expect(vault.stores.keyring.activeVersion).toBe(2);
    await vault.set('many', 'v13');
    expect((await vault.get('many', 5)).value).toBe('v5');

    await vault.finish();
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
    for (let n = 5; n <= 13; n++) expect((await vault.get('many', n)).value).toBe(`v${n}`);
    expect(await vault.get('expiring')).toMatchObject({ value: 'x', metadata: { k: 'v' } });
    expect(stored(vault, 'expiring').ttl).toBe(ttl);
    expect(await vault.latest()).toMatchObject({
      rotation: { id: 1, to: 2, state: 'done', counted: 11, total: 11, reencrypted: 9, damaged: 0 },
    });
    expect((await vault.latest()).rotation?.finishedAt).toBeDefined();
  });

  test('moves a value of custody approval without its approver, who can still open it', async () => {
    const vault = createRotatableVault();
    const { org } = vault.caller;
    const metadata = { custody: 'approval', allowed_approver: 'annannannannanna' };
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const to = { org, person: 'annannannannanna', epoch: 1, key: x25519PublicKey(secret) };
    const binding = { org, name: 'sealed', version: 1, rulesHash: rulesHash(ruleEntries(metadata)) };
    const sealed = await sealApprovalValue(binding, to, utf8Bytes('the secret'));
    await vault.set('sealed', sealed, { metadata });
    const before = stored(vault, 'sealed').value;
    await vault.start();
    await vault.finish();
    const after = stored(vault, 'sealed');
    expect(after.value).not.toBe(before);
    const text = await decryptValue(await vault.keys(), 'sealed', after);
    expect(text).toBe(sealed);
    const form = parseSealedValue(text) ?? expect.fail('malformed');
    const share = await openShare(binding, form, secret, form.share);
    expect(await openApprovalValue(binding, form, share)).toEqual(utf8Bytes('the secret'));
  });

  test('leaves nothing of a retired DEK: a copy of a value under it never opens again', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    const copy = structuredClone(stored(vault, 'a'));
    await vault.start();
    await vault.finish();
    expect(vault.stores.keyring.deks).toMatchObject({ 1: { state: 'retired', wrapped: '' }, 2: { state: 'active' } });
    vault.stores.items.set('a', copy);
    expect(await errorCodeOf(vault.get('a'))).toBe('decryption_failed');
  });

  test('retires the old DEK only after the longest time of a function has passed since all was re-encrypted', async () => {
    const states: unknown[] = [];
    const vault: ReturnType<typeof createRotatableVault> = createRotatableVault(new CallFaults(), async () => {
      states.push(parseKeyring(authenticationKeyOf(vault.caller.org), vault.stores.keyring).deks[0]?.state);
    });
    await vault.set('a', 'x');
    await vault.start();
    await vault.finish();
    expect(states).toEqual(['draining']);
    expect(vault.drains).toEqual([20]);
  });

  test('a warm function that knows the keyring before seals nothing under the old DEK in its next request', async () => {
    const vault = createRotatableVault();
    const warm = vault.instance();
    await warm.set('a', 'x');
    await vault.start();
    await warm.set('b', 'y');
    expect(versionsIn([stored(vault, 'b')])).toEqual(new Set([2]));
    // A copy of the version before under the old DEK would be a new use of that DEK, so the copy is encrypted again.
    await warm.set('a', 'z');
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
    expect((await vault.get('a', 1)).value).toBe('x');
    await vault.finish();
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
  });

  test('a write that was sealed under the old DEK and arrives at the very end of the wait is not lost with it', async () => {
    const vault: ReturnType<typeof createRotatableVault> = createRotatableVault(new CallFaults(), async () => {
      if (vault.drains.length === 1) for (const [name, value] of late) vault.stores.items.set(name, value);
    });
    await vault.set('late', 'sealed under the old one');
    const late = new Map(structuredClone([...vault.stores.items]));
    vault.stores.items.clear();
    await vault.start();
    await vault.finish();
    expect(vault.drains).toHaveLength(2);
    expect((await vault.get('late')).value).toBe('sealed under the old one');
    expect(versionsIn(vault.stores.items.values())).toEqual(new Set([2]));
    expect((await vault.latest()).rotation?.state).toBe('done');
  });

  test('a writer who read a value before it was re-encrypted does not put its old strings back, and fails nowhere', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'first');
    await vault.start();
    vault.stores.beforePut = async () => await vault.finish();
    expect(await vault.set('a', 'second', { ifVersion: 1 })).toMatchObject({ version: 2 });
    expect(versionsIn([stored(vault, 'a')])).toEqual(new Set([2]));
    expect((await vault.get('a', 1)).value).toBe('first');
  });

  test('a reader whose value was sealed under a DEK made after its keyring was read looks at the keyring again', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    const { org } = vault.caller;
    const before = structuredClone(vault.stores.keyring);
    await vault.start();
    await vault.set('a', 'y');
    const reading = new ValueReader(vault.stores, () => vault.time.now);
    let reread = 0;
    const keys = await vault.deks.open(before, org, async () => {
      reread++;
      return structuredClone(vault.stores.keyring);
    });
    expect((await reading.get(keys, vault.stores.items, 'a', undefined, undefined)).value).toBe('y');
    expect((await reading.listVersions(keys, vault.stores.items, 'a')).versions).toHaveLength(2);
    expect(reread).toBe(1);
  });

  test('a value deleted by its version while it is re-encrypted is deleted', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    await vault.start();
    vault.stores.beforePut = async () => await vault.finish();
    expect(await vault.delete('a', 1)).toEqual({ deleted: true });
  });

  test('started twice at once or while one runs is one rotation; after its end it is the next', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    const both = await Promise.all([vault.start(), vault.start(), vault.start()]);
    expect(both.map(({ rotation }) => rotation?.to)).toEqual([2, 2, 2]);
    expect((await vault.start()).rotation?.to).toBe(2);
    expect(vault.stores.keyring.activeVersion).toBe(2);
    await vault.finish();
    expect((await vault.start()).rotation).toMatchObject({ id: 2, to: 3, state: 'running', counted: 0 });
  });

  test('of an org without a DEK rotates nothing and makes none', async () => {
    const vault = createRotatableVault();
    expect(await vault.start()).toEqual({});
    expect(await vault.latest()).toEqual({});
    expect(vault.stores.keyring.activeVersion).toBe(0);
  });

  test('one that stands still is taken up again by whoever asks for a rotation', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    await vault.start();
    vault.started.clear();
    vault.time.now = new Date('2026-06-01T13:00:00.000Z');
    expect((await vault.start()).rotation?.to).toBe(2);
    await vault.finish();
    expect((await vault.latest()).rotation?.state).toBe('done');
  });
});

describe('values that can not be opened', () => {
  const damage = (text: string) => `${text.slice(0, -8)}AAAA${text.slice(-4)}`;

  test('keep the DEK that they name, are counted, and hinder neither the others nor the next rotation', async () => {
    const vault = createRotatableVault();
    for (const name of ['a', 'b', 'c']) await vault.set(name, `value of ${name}`);
    const whole = stored(vault, 'b');
    vault.stores.items.set('b', { ...whole, value: damage(whole.value) });
    await vault.start();
    await vault.finish();
    expect((await vault.latest()).rotation).toMatchObject({ state: 'draining', reencrypted: 2, damaged: 1 });
    expect(vault.stores.keyring.deks).toMatchObject({ 1: { state: 'draining' }, 2: { state: 'active' } });
    expect((await vault.get('c')).value).toBe('value of c');

    expect((await vault.start()).rotation).toMatchObject({ id: 2, to: 3 });
    await vault.finish();
    expect(vault.stores.keyring.deks).toMatchObject({ 1: { state: 'draining' }, 2: { state: 'retired' } });

    // The damaged value is finally repaired from a backup.
    vault.stores.items.set('b', whole);
    await vault.start();
    await vault.finish();
    expect((await vault.get('b')).value).toBe('value of b');
    expect((await vault.latest()).rotation).toMatchObject({ state: 'done', damaged: 0 });
  });

  test('which name no DEK at all keep every DEK', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    vault.stores.items.set('a', { ...stored(vault, 'a'), value: 'rubbish' });
    await vault.start();
    await vault.finish();
    expect(vault.stores.keyring.deks).toMatchObject({ 1: { state: 'draining' } });
    await vault.delete('a');
    await vault.start();
    await vault.finish();
    expect((await vault.latest()).rotation?.state).toBe('done');
  });
});

describe('interrupted at any call', () => {
  const prepare = async (calls: CallFaults) => {
    const vault = createRotatableVault(calls, undefined, 2);
    for (let n = 0; n < 5; n++) {
      await vault.set(`name-${n}`, `first ${n}`);
      await vault.set(`name-${n}`, `second ${n}`);
    }
    return vault;
  };
  const startUntilDone = async (vault: ReturnType<typeof createRotatableVault>) => {
    for (;;) {
      try {
        return await vault.start();
      } catch (error) {
        // The client repeats the request.
        if (!(error instanceof Killed) && (await errorCodeOf(Promise.reject(error))) !== 'unavailable') throw error;
      }
    }
  };

  test('killed before or after it, throttled, its reply lost, or made twice: it ends the same', async () => {
    const quiet = new CallFaults();
    const whole = await prepare(quiet);
    await whole.start();
    await whole.finish();
    expect(quiet.count).toBeGreaterThan(30);

    for (let call = 1; call <= quiet.count; call++) {
      for (const fate of callFates) {
        const vault = await prepare(new CallFaults([[call, fate]]));
        await startUntilDone(vault);
        await vault.finish();
        const what = `call ${call} ${fate}`;
        expect(versionsIn(vault.stores.items.values()), what).toEqual(new Set([vault.stores.keyring.activeVersion]));
        expect((await vault.latest()).rotation?.state, what).toBe('done');
        expect(
          Object.values(vault.stores.keyring.deks as object).filter((dek) => dek.state === 'active'),
          what,
        ).toHaveLength(1);
        for (let n = 0; n < 5; n++) {
          expect((await vault.get(`name-${n}`)).value, what).toBe(`second ${n}`);
          expect((await vault.get(`name-${n}`, 1)).value, what).toBe(`first ${n}`);
        }
      }
    }
  });

  test('at several calls by chance, with writers at work: nothing is lost and nothing stays behind', async () => {
    for (let round = 0; round < 40; round++) {
      const fates = Array.from({ length: 4 }, () => {
        const fate = callFates[Math.floor(Math.random() * callFates.length)] ?? 'twice';
        return [1 + Math.floor(Math.random() * 60), fate] as const;
      });
      const vault = await prepare(new CallFaults(fates));
      const last = new Map<string, string>();
      let writing = true;
      const write = async (writer: number) => {
        while (writing) {
          await turn();
          const name = `name-${Math.floor(Math.random() * 8)}`;
          const value = `${writer} ${randomText()}`;
          await vault.set(name, value).then(({ version }) => last.set(`${name} ${version}`, value));
        }
      };
      await startUntilDone(vault);
      const writers = [1, 2, 3].map(write);
      await vault.finish();
      writing = false;
      await Promise.all(writers);
      const what = JSON.stringify(fates);
      expect(versionsIn(vault.stores.items.values()), what).toEqual(new Set([vault.stores.keyring.activeVersion]));
      for (const [name, item] of vault.stores.items) {
        const written = last.get(`${name} ${isMalformed(item) ? '' : item.version}`);
        if (!name.startsWith('#') && written !== undefined) expect((await vault.get(name)).value, what).toBe(written);
      }
    }
  });
});

describe('wrapping anew', () => {
  test('wraps every DEK anew and touches no value; all open as before', async () => {
    const vault = createRotatableVault();
    await vault.set('a', 'x');
    await vault.start();
    await vault.set('b', 'y');
    const before = structuredClone(vault.stores.keyring.deks) as Record<string, { wrapped: string }>;
    const items = structuredClone([...vault.stores.items]);
    expect(await vault.changes.rewrap(vault.caller.org)).toBe(2);
    const after = vault.stores.keyring.deks as Record<string, { wrapped: string }>;
    for (const version of ['1', '2']) expect(after[version]?.wrapped).not.toBe(before[version]?.wrapped);
    expect([...vault.stores.items]).toEqual(items);
    expect((await vault.get('a')).value).toBe('x');
    expect((await vault.get('b')).value).toBe('y');
  });

  test('interrupted at any call it can be repeated, and everything opens', async () => {
    const quiet = new CallFaults();
    const whole = createRotatableVault(quiet);
    await whole.set('a', 'x');
    await whole.changes.rewrap(whole.caller.org);
    for (let call = 1; call <= quiet.count; call++) {
      for (const fate of callFates) {
        const vault = createRotatableVault(new CallFaults([[call, fate]]));
        await vault.set('a', 'x');
        // The workflow engine repeats the step.
        if ((await errorCodeOf(vault.changes.rewrap(vault.caller.org))) !== 'no error') {
          await vault.changes.rewrap(vault.caller.org);
        }
        expect((await vault.get('a')).value, `call ${call} ${fate}`).toBe('x');
      }
    }
  });
});
