/** Values of custody `approval`: stored only as they were sealed, and never read. */
import { describe, expect, test } from 'vitest';
import { ruleEntries } from '../../contract/broker/usage-rules.ts';
import { sealApprovalValue } from '../../core/approvals/sealed-value.ts';
import { rulesHash } from '../../core/approvals/statement.ts';
import { utf8Bytes } from '../../core/encoding/bytes.ts';
import { x25519PublicKey } from '../../core/hazmat/x25519.ts';
import { isMalformed } from '../../lambdas/shared/ports.ts';
import { decryptValue } from '../../lambdas/values/value-encryption.ts';
import { createInMemoryVault, errorCodeOf } from '../shared/in-memory-stores.ts';

const person = 'annannannannanna';
const metadata = { custody: 'approval', allowed_approver: person, allowed_hosts: 'api.stripe.com' };
const key = { person, epoch: 1, key: x25519PublicKey(crypto.getRandomValues(new Uint8Array(32))) };

type Vault = ReturnType<typeof createInMemoryVault>;

function sealFor({ caller: { org } }: Vault, name: string, version: number, more: object = {}): Promise<string> {
  const rules = rulesHash(ruleEntries({ ...metadata, ...more }));
  return sealApprovalValue({ org, name, version, rulesHash: rules }, { ...key, org }, utf8Bytes('the secret'));
}

const setSealed = async (vault: Vault, name: string, version: number, options: object = {}) =>
  await vault.set(name, await sealFor(vault, name, version), { metadata, ...options });

describe('a value of custody approval', () => {
  test('is listed with its metadata, and refused to everybody who reads it, in each version', async () => {
    const vault = createInMemoryVault();
    await setSealed(vault, 'a', 1);
    await setSealed(vault, 'a', 2);
    expect(await errorCodeOf(vault.get('a'))).toBe('value_not_readable');
    expect(await errorCodeOf(vault.get('a', 1))).toBe('value_not_readable');
    const { results } = await vault.getMany(['a']);
    expect(results).toMatchObject([{ ok: false, error: { code: 'value_not_readable' } }]);
    expect(await vault.versions('a')).toMatchObject({
      versions: [
        { version: 2, metadata },
        { version: 1, metadata },
      ],
    });
    expect((await vault.list()).values).toMatchObject([{ name: 'a', version: 2, metadata }]);
  });

  test('can be replaced by one of custody org, and its earlier versions stay refused', async () => {
    const vault = createInMemoryVault();
    await setSealed(vault, 'a', 1);
    await vault.set('a', 'readable');
    expect(await vault.get('a')).toMatchObject({ version: 2, value: 'readable' });
    expect(await errorCodeOf(vault.get('a', 1))).toBe('value_not_readable');
  });

  test('is stored only as the version for which it was sealed, and the error says which one is next', async () => {
    const vault = createInMemoryVault();
    await vault.set('a', 'x');
    await expect(setSealed(vault, 'a', 1)).rejects.toMatchObject({
      code: 'version_conflict',
      extras: { currentVersion: 1 },
    });
    expect(await setSealed(vault, 'a', 2)).toMatchObject({ version: 2 });
    // An expired value is gone for readers, but its version still counts.
    await vault.set('a', 'y', { expiresAt: '2026-06-01T12:00:01.000Z' });
    vault.time.now = new Date('2026-06-01T13:00:00.000Z');
    await expect(setSealed(vault, 'a', 1)).rejects.toMatchObject({ extras: { currentVersion: 3 } });
    expect(await setSealed(vault, 'a', 4)).toMatchObject({ version: 4 });
  });

  test('does not become another version because somebody else writes meanwhile', async () => {
    const vault = createInMemoryVault();
    vault.stores.beforePut = async () => void (await vault.set('a', 'theirs'));
    expect(await errorCodeOf(setSealed(vault, 'a', 1))).toBe('version_conflict');
    expect((await vault.get('a')).value).toBe('theirs');
  });

  test('sent again is recognised', async () => {
    const vault = createInMemoryVault();
    const [value, writeId] = [await sealFor(vault, 'a', 1), 'write-0123456789abcdef'];
    const first = await vault.set('a', value, { metadata, writeId });
    expect(await vault.set('a', value, { metadata, writeId })).toEqual(first);
    expect((await vault.versions('a')).versions).toHaveLength(1);
  });

  test.each<[string, object, object]>([
    ['other rules', { allowed_hosts: 'evil.example' }, {}],
    ['a rule more', { allowed_paths: '/**' }, {}],
    ['another approver', { allowed_approver: 'bobbobbobbobbobb' }, { allowed_approver: 'bobbobbobbobbobb' }],
    ['no approver', { allowed_approver: undefined }, { allowed_approver: undefined }],
    ['an approval for several uses', { allowed_approval: 'time 5 /**' }, { allowed_approval: 'time 5 /**' }],
  ])('is refused with %s in its metadata', async (_, set, sealed) => {
    const vault = createInMemoryVault();
    const defined = (all: object) => Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined));
    const value = await sealFor(vault, 'a', 1, defined({ ...metadata, ...sealed }));
    const options = { metadata: defined({ ...metadata, ...set }) };
    expect(await errorCodeOf(vault.set('a', value, options))).toBe('invalid_request');
    expect(vault.stores.items.size).toBe(0);
  });

  test('is refused in clear, so that no secret is stored that everybody believes to be sealed', async () => {
    const vault = createInMemoryVault();
    for (const value of ['the secret', `${await sealFor(vault, 'a', 1)}A`, ''])
      expect(await errorCodeOf(vault.set('a', value, { metadata }))).toBe('invalid_request');
    expect(vault.stores.items.size).toBe(0);
  });

  test('is under the DEK like any other: the DEK alone gives the sealed text, and the sealed text is not stored', async () => {
    const vault = createInMemoryVault();
    const value = await sealFor(vault, 'a', 1);
    await vault.set('a', value, { metadata });
    const stored = vault.stores.items.get('a');
    if (stored === undefined || isMalformed(stored)) expect.fail('nothing stored');
    expect(JSON.stringify(stored)).not.toContain('anima:approval');
    expect(await decryptValue(await vault.keys(), 'a', stored)).toBe(value);
  });
});
