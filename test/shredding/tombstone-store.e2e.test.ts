/** The conditions for the replacement of keyrings, with a deployed table. */
import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeEach, describe, expect, test } from 'vitest';
import { randomId } from '../../core/encoding/random-id.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import { addDek, type Keyring, newOrgKeyring, nextDekVersion } from '../../core/org-keys/org-keyring.ts';
import { createTombstone, parseKeyringOrTombstone } from '../../core/shredding/keyring-tombstone.ts';
import { DynamoKeyrings } from '../../lambdas/org-keys/stores/dynamo-keyrings.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const time = '2026-11-21T00:00:00.000Z';
const lockAt = (requestedAt: string) => ({ shredAt: time, requestedAt, by: 'ghjkmnpqrstvwxyz' });

let keyrings: DynamoKeyrings;
let first: Keyring;

const rotated = (keyring: Keyring): Keyring =>
  addDek(keyring, deriveDek(randomBytes(32), keyring.org, nextDekVersion(keyring)), randomBytes(150), time);
const now = async () => parseKeyringOrTombstone(await keyrings.getRaw(first.org), first.org);

beforeEach(async () => {
  const { endpoints, operator, credentials } = stack.vault;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: operator.region, credentials });
  keyrings = new DynamoKeyrings(() => client, stack.table('KeyringsTable'));
  const empty = newOrgKeyring(randomId(), time);
  await keyrings.create(empty);
  first = rotated(empty);
  expect(await keyrings.replace(first)).toBe(true);
});

describe('a lock', () => {
  test('keeps every change of the keyring away, also one that was made from the keyring without it', async () => {
    const locked = { ...first, lock: lockAt(time) };
    expect(await keyrings.replaceIfUnchanged(locked, first)).toBe(true);
    expect(await keyrings.replace(rotated(first))).toBe(false);
    expect(await keyrings.replace(rotated(locked))).toBe(false);
    expect(await now()).toEqual(locked);
  });

  test('is set, removed and replaced by a tombstone only as it was read', async () => {
    const locked = { ...first, lock: lockAt(time) };
    const other = { ...first, lock: lockAt('2026-11-22T00:00:00.000Z') };
    expect(await keyrings.replaceIfUnchanged(locked, other)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(locked, first)).toBe(true);
    expect(await keyrings.replaceIfUnchanged(other, first)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(first, other)).toBe(false);
    const tombstone = createTombstone(first, { requestedAt: time, by: 'x', shreddedAt: time });
    expect(await keyrings.replaceIfUnchanged(tombstone, first)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(tombstone, other)).toBe(false);
    expect(await keyrings.replaceIfUnchanged(tombstone, locked)).toBe(true);
    expect(await now()).toEqual(tombstone);
  });
});

test('nothing is stored over a tombstone that was made from what was before', async () => {
  const late = rotated(first);
  const tombstone = createTombstone(first, { requestedAt: time, by: 'x', shreddedAt: time });
  expect(await keyrings.replaceIfUnchanged(tombstone, first)).toBe(true);
  expect(await keyrings.replace(late)).toBe(false);
  expect(await keyrings.replaceIfUnchanged({ ...first, lock: lockAt(time) }, first)).toBe(false);
  expect(await keyrings.replaceIfUnchanged(tombstone, first)).toBe(false);
  expect(await now()).toEqual(tombstone);
});

test('a tombstone is not made from a keyring that has changed since', async () => {
  const next = rotated(first);
  expect(await keyrings.replace(next)).toBe(true);
  expect(
    await keyrings.replaceIfUnchanged(createTombstone(first, { requestedAt: time, by: 'x', shreddedAt: time }), first),
  ).toBe(false);
  expect(await now()).toEqual(next);
});
