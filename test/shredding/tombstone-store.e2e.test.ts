/** The conditions for the replacement of keyrings, with a deployed table. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { randomId } from '../../core/encoding/random-id.ts';
import { addDek, type Keyring, lockKeyring, newOrgKeyring, unlockKeyring } from '../../core/org-keys/org-keyring.ts';
import { createTombstone, parseKeyringOrTombstone } from '../../core/shredding/keyring-tombstone.ts';
import { DynamoClient } from '../../lambdas/aws/dynamo-client.ts';
import { DynamoKeyrings } from '../../lambdas/org-keys/stores/dynamo-keyrings.ts';
import { authenticationKeyOf } from '../records/in-memory-records.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { serviceOptions } from '../shared/service-options.ts';

const stack = useLocalStack();
const time = '2026-11-21T00:00:00.000Z';

let keyrings: DynamoKeyrings;
let first: Keyring;

const rotated = (keyring: Keyring): Keyring =>
  addDek(authenticationKeyOf(keyring.org), keyring, randomBytes(150), time);
const lockedAt = (requestedAt: string, keyring = first): Keyring =>
  lockKeyring(authenticationKeyOf(keyring.org), keyring, { shredAt: time, requestedAt, by: 'ghjkmnpqrstvwxyz' });
const tombstoneOf = (keyring: Keyring) =>
  createTombstone(authenticationKeyOf(keyring.org), keyring, { requestedAt: time, by: 'x', shreddedAt: time });
const now = async () => parseKeyringOrTombstone(authenticationKeyOf(first.org), await keyrings.getRaw(first.org));

beforeEach(async () => {
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoClient(serviceOptions(endpoints.dynamodb, operator.region, credentials));
  keyrings = new DynamoKeyrings(() => client, stack.table('KeyringsTable'));
  const empty = newOrgKeyring(authenticationKeyOf(randomId()), time);
  await keyrings.create(empty);
  first = rotated(empty);
  expect(await keyrings.replace(first)).toBe(true);
});

describe('a lock', () => {
  // The callers refuse to change a locked keyring, and a changed lock is another generation.
  test('keeps away every change of the keyring that was made without it', async () => {
    const locked = lockedAt(time);
    expect(await keyrings.replaceIfUnchanged(locked, first)).toBe(true);
    expect(await keyrings.replace(rotated(first))).toBe(false);
    expect(await now()).toEqual(locked);
    const unlocked = unlockKeyring(authenticationKeyOf(first.org), locked);
    expect(await keyrings.replaceIfUnchanged(unlocked, locked)).toBe(true);
    expect(await keyrings.replace(rotated(first))).toBe(false);
    expect(await keyrings.replaceIfUnchanged(lockedAt(time), first)).toBe(false);
    expect(await now()).toEqual(unlocked);
  });

  test('is set, removed and replaced by a tombstone only as it was read', async () => {
    const locked = lockedAt(time);
    const other = lockedAt('2026-11-22T00:00:00.000Z', locked);
    const unlocked = unlockKeyring(authenticationKeyOf(first.org), locked);
    expect(await keyrings.replaceIfUnchanged(other, locked)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(locked, first)).toBe(true);
    expect(await keyrings.replaceIfUnchanged(lockedAt('2026-11-22T00:00:00.000Z'), first)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(unlocked, other)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(tombstoneOf(first), first)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(tombstoneOf(other), other)).toBe(false);
    expect(await now()).toEqual(locked);
    const tombstone = tombstoneOf(locked);
    expect(await keyrings.replaceIfUnchanged(tombstone, locked)).toBe(true);
    expect(await now()).toEqual(tombstone);
  });
});

test('nothing is stored over a tombstone that was made from what was before', async () => {
  const late = rotated(first);
  const tombstone = tombstoneOf(first);
  expect(await keyrings.replaceIfUnchanged(tombstone, first)).toBe(true);
  expect(await keyrings.replace(late)).toBe(false);
  expect(await keyrings.replaceIfUnchanged(lockedAt(time), first)).toBe(false);
  expect(await keyrings.replaceIfUnchanged(tombstone, first)).toBe(false);
  expect(await now()).toEqual(tombstone);
});

test('a tombstone is not made from a keyring that has changed since', async () => {
  const next = rotated(first);
  expect(await keyrings.replace(next)).toBe(true);
  expect(await keyrings.replaceIfUnchanged(tombstoneOf(first), first)).toBe(false);
  expect(await now()).toEqual(next);
});
