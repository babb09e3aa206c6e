import { beforeEach, describe, expect, test } from 'vitest';
import type { CreateKeyRequest } from '../../contract/api-keys/wire.ts';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type {
  ApiKeyStore,
  Caller,
  LastUsedStore,
  ListedApiKey,
  StoredApiKey,
} from '../../lambdas/api-keys/api-key-ports.ts';
import { ApiKeyService, generateApiKey } from '../../lambdas/api-keys/api-key-service.ts';
import { ApiKeyVerifier } from '../../lambdas/api-keys/api-key-verifier.ts';
import { authorize, callerOf, verifyApiKey } from '../../lambdas/api-keys/authorization.ts';
import { LastUsedRecorder } from '../../lambdas/api-keys/last-used-recorder.ts';
import type { Page } from '../../lambdas/shared/ports.ts';
import {
  authenticationKeyOf,
  createRecordVerifiers,
  InMemoryOrgMarks,
  InMemoryRecordsKey,
} from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { settlesBefore } from '../shared/settles-before.ts';

/** An in-memory store of API keys that can inject one failure. */
class MemoryApiKeys implements ApiKeyStore, LastUsedStore {
  readonly items = new Map<string, StoredApiKey>();
  readonly touches: string[] = [];
  failing: 'endOverlap' | 'touch' | 'hang' | undefined;

  async create(key: StoredApiKey) {
    this.items.set(key.id, key);
  }
  async get(_org: string, id: string) {
    return this.items.get(id);
  }
  async list(): Promise<Page<ListedApiKey>> {
    return { items: [...this.items].map(([id, stored]) => ({ id, stored })), more: false };
  }
  async endOverlap(_org: string, id: string, at: string) {
    if (this.failing === 'endOverlap') throw new Error('lost');
    const key = this.items.get(id);
    return this.#set(id, { overlapEndsAt: [at, key?.overlapEndsAt ?? at].sort()[0] })?.overlapEndsAt;
  }
  async revoke(_org: string, id: string, at: string) {
    return this.#set(id, { revokedAt: this.items.get(id)?.revokedAt ?? at })?.revokedAt;
  }
  async recordHour(_org: string, id: string, hour: string) {
    this.touches.push(`${id} ${hour}`);
    if (this.failing === 'touch') throw new Error('denied');
    if (this.failing === 'hang') await new Promise(() => undefined);
    this.#set(id, { lastUsedAt: hour });
  }
  #set(id: string, change: Partial<StoredApiKey>): StoredApiKey | undefined {
    const key = this.items.get(id);
    if (key === undefined) return undefined;
    this.items.set(id, { ...key, ...change });
    return this.items.get(id);
  }
}

const org = randomId();
let store: MemoryApiKeys;
let now: Date;
const clock = () => now;
let marks: InMemoryOrgMarks;
let keys: ApiKeyService;
let verifier: ApiKeyVerifier;

beforeEach(() => {
  store = new MemoryApiKeys();
  now = new Date('2026-06-01T12:34:56.000Z');
  marks = new InMemoryOrgMarks().begin(org);
  const process = createRecordVerifiers(marks, clock);
  keys = new ApiKeyService(store, process.keys, process.marks, clock);
  verifier = new ApiKeyVerifier(process.keys, process.marks);
});

/** Another process, which has not read the mark yet. */
function freshVerifier(): ApiKeyVerifier {
  const process = createRecordVerifiers(marks, clock);
  return new ApiKeyVerifier(process.keys, process.marks);
}

/** Authenticates with a key, as a request does. */
async function as(key: string, by = verifier): Promise<Caller> {
  const presented = parseApiKey(key) ?? expect.fail('malformed');
  const matched = verifyApiKey(presented, store.items.get(presented.id));
  return callerOf((await by.verifyOrUndefined(matched)) ?? expect.fail('the record does not verify'), now);
}

const record = (id: string): StoredApiKey => store.items.get(id) ?? expect.fail('lost');

/** Creates the first key of the org, as createOrg does, optionally with restrictions. */
async function first(rights: Partial<CreateKeyRequest> = {}): Promise<{ id: string; key: string; caller: Caller }> {
  const { stored, key } = generateApiKey(authenticationKeyOf(org), { role: 'admin', ...rights }, now.toISOString());
  await store.create(stored);
  return { id: stored.id, key, caller: await as(key) };
}

const later = (seconds: number) => (now = new Date(now.getTime() + seconds * 1000));

describe('an API key', () => {
  test('carries what it was narrowed to into every request', async () => {
    const { caller } = await first();
    const expiresAt = '2026-06-02T00:00:00+02:00';
    const made = await keys.create(caller, { role: 'agent', prefixes: ['prod/'], verbs: ['values.read'], expiresAt });
    expect(made).toMatchObject({ prefixes: ['prod/'], verbs: ['values.read'], expiresAt: '2026-06-01T22:00:00.000Z' });
    expect(await as(made.key)).toMatchObject({ role: 'agent', verbs: ['values.read'], prefixes: ['prod/'] });
  });

  test('has expired from the very instant on, which is told only with the right secret', async () => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent', expiresAt: '2026-06-01T13:00:00Z' });
    now = new Date('2026-06-01T12:59:59.999Z');
    expect((await as(made.key)).keyId).toBe(made.id);
    now = new Date('2026-06-01T13:00:00.000Z');
    await expect(as(made.key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_expired' }));
    const other = generateApiKey(authenticationKeyOf(org), { role: 'agent' }, now.toISOString());
    const stolen = parseApiKey(other.key) ?? expect.fail('malformed');
    expect(() => verifyApiKey({ ...stolen, id: made.id }, store.items.get(made.id))).toThrow(
      expect.objectContaining({ code: 'invalid_api_key' }),
    );
    await keys.revoke(caller, made.id);
    await expect(as(made.key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_revoked' }));
  });

  test('whose stored times can’t be read is refused', async () => {
    const { id, key } = await first();
    store.items.set(id, { ...record(id), overlapEndsAt: 'soon' });
    await expect(as(key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_expired' }));
  });

  test.each<[string, Partial<CreateKeyRequest>, CreateKeyRequest, string]>([
    ['of a role it has not', { role: 'agent', verbs: ['values.read'] }, { role: 'admin' }, 'forbidden'],
    ['with verbs it was narrowed by', { verbs: ['keys.write', 'values.read'] }, { role: 'reader' }, 'forbidden'],
    [
      'within its verbs',
      { verbs: ['keys.write', 'values.read'] },
      { role: 'reader', verbs: ['values.read'] },
      'no error',
    ],
    ['of all names', { prefixes: ['prod/'] }, { role: 'reader' }, 'forbidden'],
    ['of a look-alike folder', { prefixes: ['prod/'] }, { role: 'reader', prefixes: ['production/'] }, 'forbidden'],
    ['of a folder above', { prefixes: ['prod/a/'] }, { role: 'reader', prefixes: ['prod/'] }, 'forbidden'],
    [
      'of some names within and one beyond',
      { prefixes: ['a/'] },
      { role: 'reader', prefixes: ['a/b', 'b/'] },
      'forbidden',
    ],
    ['of a folder within', { prefixes: ['prod/'] }, { role: 'admin', prefixes: ['prod/a/', 'prod/b'] }, 'no error'],
    ['without an expiry', { expiresAt: '2026-07-01T00:00:00.000Z' }, { role: 'agent' }, 'forbidden'],
    [
      'with a later expiry',
      { expiresAt: '2026-07-01T00:00:00.000Z' },
      { role: 'agent', expiresAt: '2026-07-01T00:00:00.001Z' },
      'forbidden',
    ],
    [
      'with the same expiry elsewhere on Earth',
      { expiresAt: '2026-07-01T00:00:00.000Z' },
      { role: 'agent', expiresAt: '2026-07-01T02:00:00+02:00' },
      'no error',
    ],
    [
      'with a verb that its role lacks',
      {},
      { role: 'reader', verbs: ['values.read', 'values.write'] },
      'invalid_request',
    ],
    ['that has expired', {}, { role: 'reader', expiresAt: '2026-06-01T12:34:56Z' }, 'invalid_request'],
  ])('makes one %s: with %j, %j gives %s', async (_, own, wanted, code) => {
    const { caller } = await first(own);
    expect(await errorCodeOf(keys.create(caller, wanted))).toBe(code);
    expect(store.items.size).toBe(code === 'no error' ? 2 : 1);
  });

  test('that is refused learns in what it would have been too strong, and nothing of what it asked for', async () => {
    const { caller } = await first({ prefixes: ['prod/'], expiresAt: '2026-07-01T00:00:00.000Z' });
    const refusal = keys.create(caller, { role: 'admin', prefixes: ['zz-secret/'] });
    await expect(refusal).rejects.toMatchObject({ extras: { detail: expect.stringMatching(/prefixes.*expires/) } });
    await expect(refusal).rejects.not.toMatchObject({ extras: { detail: expect.stringContaining('zz-secret') } });
  });
});

describe('rotating a key', () => {
  test('gives a new one of the same rights, while the old one works until the overlap ends', async () => {
    const { caller } = await first();
    const rights = { role: 'agent', name: 'crawler', prefixes: ['prod/'], verbs: ['values.read'] } as const;
    const old = await keys.create(caller, { ...rights, prefixes: [...rights.prefixes], verbs: [...rights.verbs] });
    const { replacement, replaced } = await keys.rotate(caller, old.id, { overlapSeconds: 3600 });
    expect(replacement).toMatchObject(rights);
    expect(replacement).not.toHaveProperty('expiresAt');
    expect(replaced).toMatchObject({ id: old.id, expiresAt: '2026-06-01T13:34:56.000Z' });
    expect((await as(old.key)).keyId).toBe(old.id);
    expect(await as(replacement.key)).toMatchObject({ verbs: ['values.read'], prefixes: ['prod/'] });
    later(3600);
    await expect(as(old.key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_expired' }));
    expect((await as(replacement.key)).keyId).toBe(replacement.id);
  });

  test('with an overlap of 0 ends the old one at once', async () => {
    const { caller } = await first();
    const old = await keys.create(caller, { role: 'agent' });
    await keys.rotate(caller, old.id, { overlapSeconds: 0 });
    await expect(as(old.key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_expired' }));
  });

  test('never lets the old one live longer, and never the new one than the old one might', async () => {
    const { caller } = await first();
    const expiresAt = '2026-06-01T13:00:00.000Z';
    const old = await keys.create(caller, { role: 'agent', expiresAt });
    const { replacement, replaced } = await keys.rotate(caller, old.id, {});
    expect([replacement.expiresAt, replaced.expiresAt]).toEqual([expiresAt, expiresAt]);
  });

  test('is open to an admin for its own key, with an overlap in which it still reads and writes', async () => {
    const { id, key, caller } = await first();
    expect(await errorCodeOf(keys.rotate(caller, id, { overlapSeconds: 0 }))).toBe('invalid_request');
    await keys.rotate(caller, id, { overlapSeconds: 60 });
    const replaced = await as(key);
    for (const verb of caller.verbs.filter((one) => one !== 'keys.write')) authorize(replaced, verb, ['a']);
    later(60);
    await expect(as(key)).rejects.toEqual(expect.objectContaining({ code: 'api_key_expired' }));
  });

  test('ends its right to manage keys, so that a leaked key does not rotate itself on without end', async () => {
    const { id, key, caller } = await first();
    const other = await first();
    for (const rotator of [caller, other.caller]) {
      await keys.rotate(rotator, id, { overlapSeconds: 3600 });
      const replaced = await as(key);
      expect(() => authorize(replaced, 'keys.write')).toThrow(
        expect.objectContaining({ code: 'forbidden', extras: { detail: expect.stringContaining('was replaced') } }),
      );
      authorize(other.caller, 'keys.write');
    }
    // The replacement manages keys: it does not inherit the overlap.
    const { replacement } = await keys.rotate(other.caller, id, {});
    authorize(await as(replacement.key), 'keys.write');
  });

  test('leaves a working key when it is interrupted', async () => {
    const { caller } = await first();
    const old = await keys.create(caller, { role: 'agent' });
    store.failing = 'endOverlap';
    await expect(keys.rotate(caller, old.id, { overlapSeconds: 0 })).rejects.toThrow('lost');
    expect((await as(old.key)).keyId).toBe(old.id);
  });

  test('is no way to a stronger key: not of a wider one, and a key in its overlap makes none that outlives it', async () => {
    const wide = await first();
    for (const own of [
      { prefixes: ['a/'] },
      { verbs: ['keys.write' as const] },
      { expiresAt: '2026-07-01T00:00:00.000Z' },
    ]) {
      const { caller } = await first(own);
      expect(await errorCodeOf(keys.rotate(caller, wide.id, {}))).toBe('forbidden');
    }
    await keys.rotate(wide.caller, wide.id, { overlapSeconds: 60 });
    expect(await errorCodeOf(keys.create(await as(wide.key), { role: 'reader' }))).toBe('forbidden');
  });

  test('of one that has ended or never was is refused', async () => {
    const { caller } = await first();
    const revoked = await keys.create(caller, { role: 'agent' });
    await keys.revoke(caller, revoked.id);
    const expired = await keys.create(caller, { role: 'agent', expiresAt: '2026-06-01T12:35:00Z' });
    later(10);
    for (const id of [revoked.id, expired.id, randomId(), 'x', '../x']) {
      expect(await errorCodeOf(keys.rotate(caller, id, {}))).toBe('api_key_not_found');
    }
  });
});

describe('a limited admin', () => {
  test('neither sees nor revokes keys that reach further, and does both with its own', async () => {
    const wide = await first();
    const narrow = await first({ prefixes: ['team/'] });
    const own = await keys.create(narrow.caller, { role: 'agent', prefixes: ['team/a/'] });
    const { keys: seen } = await keys.list(narrow.caller, {});
    expect(seen.map(({ id }) => id).sort()).toEqual([narrow.id, own.id].sort());
    expect((await keys.list(wide.caller, {})).keys).toHaveLength(3);
    expect(await errorCodeOf(keys.revoke(narrow.caller, wide.id))).toBe('forbidden');
    expect((await keys.revoke(narrow.caller, own.id)).revokedAt).toBeTruthy();
    expect((await keys.revoke(wide.caller, narrow.id)).revokedAt).toBeTruthy();
  });

  test('that expires can stop a key that does not', async () => {
    const { caller } = await first({ expiresAt: '2026-07-01T00:00:00.000Z' });
    const eternal = await first();
    expect((await keys.revoke(caller, eternal.id)).revokedAt).toBeTruthy();
  });
});

describe('a record of a key that the vault did not write', () => {
  const rights = { role: 'reader', name: 'n', prefixes: ['a/'], verbs: ['values.read'] } as const;
  const expiresAt = '2026-06-01T13:00:00.000Z';
  const limited = async (caller: Caller) =>
    await keys.create(caller, { ...rights, prefixes: ['a/'], verbs: ['values.read'], expiresAt });
  const another = () => generateApiKey(authenticationKeyOf(org), rights, now.toISOString()).stored;

  test.each<[string, () => Partial<StoredApiKey>]>([
    ['another role', () => ({ role: 'admin' })],
    ['no verbs', () => ({ verbs: undefined })],
    ['more verbs', () => ({ verbs: ['values.read', 'values.write'] })],
    ['one entry for two verbs', () => ({ verbs: ['values.readvalues.write'] })],
    ['no prefixes', () => ({ prefixes: undefined })],
    ['other prefixes', () => ({ prefixes: ['b/'] })],
    ['an empty list of prefixes', () => ({ prefixes: [] })],
    ['no expiry', () => ({ expiresAt: undefined })],
    ['a later expiry', () => ({ expiresAt: '2027-06-01T13:00:00.000Z' })],
    ['another name', () => ({ name: 'm' })],
    ['no name', () => ({ name: undefined })],
    ['another creation time', () => ({ createdAt: '2026-06-01T12:34:55.000Z' })],
    ['another hash', () => ({ hash: another().hash })],
    ['another key’s record', () => ({ hash: another().hash, mac: another().mac })],
    ['no MAC', () => ({ mac: '' })],
    ['the MAC of another key', () => ({ mac: another().mac })],
  ])('is refused: %s', async (_, change) => {
    const { caller } = await first();
    const { id } = await limited(caller);
    expect(await verifier.verify(record(id))).toEqual(record(id));
    store.items.set(id, { ...record(id), ...change() });
    expect(await errorCodeOf(verifier.verify(record(id)))).toBe('decryption_failed');
    expect(await verifier.verifyOrUndefined(record(id))).toBeUndefined();
    // It is listed as damaged, is not replaced by a working key, and ends.
    expect(await keys.list(caller, {})).toMatchObject({ keys: [{ id: caller.keyId }], damaged: [id] });
    expect(await errorCodeOf(keys.rotate(caller, id, {}))).toBe('decryption_failed');
    expect(await errorCodeOf(keys.revoke(caller, id))).toBe('decryption_failed');
    expect(marks.markOf(org).ended).toEqual({ [id]: now.toISOString() });
  });

  test('is refused under another org, id or records key', async () => {
    const { caller } = await first();
    const { id } = await limited(caller);
    const other = randomId();
    marks.begin(other);
    const theirs = generateApiKey(authenticationKeyOf(other), { role: 'admin' }, now.toISOString()).stored;
    expect(await verifier.verify(theirs)).toEqual(theirs);
    const foreign = generateApiKey(new InMemoryRecordsKey().keyOf(org), { role: 'admin' }, now.toISOString()).stored;
    for (const forged of [{ ...theirs, org }, { ...record(id), org: other }, { ...record(id), id: other }, foreign])
      expect(await errorCodeOf(verifier.verify(forged))).toBe('decryption_failed');
  });

  test('is told to a caller that is limited to prefixes in no way', async () => {
    const { caller } = await first();
    const narrow = await first({ prefixes: ['a/'] });
    const { id } = await limited(caller);
    store.items.set(id, { ...record(id), role: 'admin' });
    expect(await keys.list(narrow.caller, {})).not.toHaveProperty('damaged');
    expect(await errorCodeOf(keys.revoke(narrow.caller, id))).toBe('decryption_failed');
    expect(marks.markOf(org).ended).toEqual({});
  });

  test('and that does not have the documented format is listed as damaged', async () => {
    const { caller, id } = await first();
    store.list = async () => ({
      items: [
        { id: 'x', stored: undefined },
        { id, stored: record(id) },
      ],
      more: false,
    });
    expect(await keys.list(caller, {})).toMatchObject({ keys: [{ id }], damaged: ['x'] });
  });
});

describe('an earlier record of a key, put back', () => {
  test('is refused in every process that reads the mark: once revoked, a key stays revoked', async () => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent' });
    const before = record(made.id);
    await keys.revoke(caller, made.id);
    store.items.set(made.id, before);
    for (const one of [verifier, freshVerifier()])
      await expect(as(made.key, one)).rejects.toMatchObject({ code: 'api_key_expired' });
    expect((await keys.list(caller, {})).keys).toContainEqual(
      expect.objectContaining({ id: made.id, expiresAt: now.toISOString() }),
    );
    expect(await errorCodeOf(keys.rotate(caller, made.id, {}))).toBe('api_key_not_found');
  });

  test('works in a warm process for five minutes at most', async () => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent' });
    const before = record(made.id);
    const warm = freshVerifier();
    expect((await as(made.key, warm)).keyId).toBe(made.id);
    await keys.revoke(caller, made.id);
    await expect(as(made.key, warm)).rejects.toMatchObject({ code: 'api_key_revoked' });
    store.items.set(made.id, before);
    later(299);
    expect((await as(made.key, warm)).keyId).toBe(made.id);
    later(1);
    await expect(as(made.key, warm)).rejects.toMatchObject({ code: 'api_key_expired' });
  });

  test('of a rotated key ends with the overlap all the same, and a later revocation ends it sooner', async () => {
    const { caller } = await first();
    const [old, other] = [await keys.create(caller, { role: 'agent' }), await keys.create(caller, { role: 'agent' })];
    const before = [record(old.id), record(other.id)];
    await keys.rotate(caller, old.id, { overlapSeconds: 3600 });
    await keys.rotate(caller, other.id, { overlapSeconds: 3600 });
    later(10);
    await keys.revoke(caller, other.id);
    for (const one of before) store.items.set(one.id, one);
    expect(await as(old.key)).toMatchObject({ expiresAt: '2026-06-01T13:34:56.000Z' });
    await expect(as(other.key)).rejects.toMatchObject({ code: 'api_key_expired' });
    // A repeated rotation does not move the end.
    await keys.rotate(caller, old.id, { overlapSeconds: 7200 });
    later(3590);
    store.items.set(old.id, before[0] ?? expect.fail());
    await expect(as(old.key)).rejects.toMatchObject({ code: 'api_key_expired' });
  });

  test('of a key that is not in the table when it is revoked is refused too', async () => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent' });
    const before = record(made.id);
    store.items.delete(made.id);
    expect(await errorCodeOf(keys.revoke(caller, made.id))).toBe('api_key_not_found');
    store.items.set(made.id, before);
    await expect(as(made.key)).rejects.toMatchObject({ code: 'api_key_expired' });
  });

  test('a revocation that could not be written to the mark reports no success, and can be repeated', async () => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent' });
    const before = record(made.id);
    marks.outcomes = ['refused'];
    expect(await errorCodeOf(keys.revoke(caller, made.id))).toBe('unavailable');
    expect(marks.markOf(org).ended).toEqual({});
    expect((await keys.revoke(caller, made.id)).revokedAt).toBe(now.toISOString());
    store.items.set(made.id, before);
    await expect(as(made.key, freshVerifier())).rejects.toMatchObject({ code: 'api_key_expired' });
  });

  test.each(['lost', 'conflict'] as const)('a write of the mark that is %s is repeated', async (outcome) => {
    const { caller } = await first();
    const made = await keys.create(caller, { role: 'agent' });
    marks.outcomes = [outcome];
    await keys.revoke(caller, made.id);
    expect(Object.keys(marks.markOf(org).ended)).toEqual([made.id]);
  });
});

describe('the last use of a key', () => {
  const stored = async (id: string) => (await store.get(org, id)) ?? expect.fail('lost');

  test('is noted by the hour, once', async () => {
    const { id } = await first();
    const uses = new LastUsedRecorder(store, clock);
    await Promise.all(Array.from({ length: 50 }, async () => await uses.record(await stored(id))));
    await uses.record(await stored(id));
    await new LastUsedRecorder(store, clock).record(await stored(id));
    expect(store.touches).toEqual([`${id} 2026-06-01T12:00:00.000Z`]);
    later(3600);
    await uses.record(await stored(id));
    expect((await stored(id)).lastUsedAt).toBe('2026-06-01T13:00:00.000Z');
    expect(store.touches).toHaveLength(2);
  });

  test('that can’t be noted neither fails nor holds up the request, and is tried again', async () => {
    const { id } = await first();
    const uses = new LastUsedRecorder(store, clock);
    store.failing = 'touch';
    await uses.record(await stored(id));
    await uses.record(await stored(id));
    expect(store.touches).toHaveLength(2);
    store.failing = 'hang';
    expect(await settlesBefore(1000, uses.record(await stored(id)))).toBe(true);
  });

  test('is remembered for a bounded number of keys', async () => {
    const uses = new LastUsedRecorder(store, clock);
    const { id } = await first();
    const key = await stored(id);
    for (let n = 0; n < 3000; n++) await uses.record({ ...key, id: `k${n}` });
    await uses.record({ ...key, id: 'k2999' });
    expect(store.touches).toHaveLength(3000);
    await uses.record({ ...key, id: 'k0' });
    expect(store.touches).toHaveLength(3001);
  });
});
