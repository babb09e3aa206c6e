/**
 * The answers of `explain` are computed: every row follows from a record, a permission or a policy, and changes with
 * it.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ExplainParty, ExplainResponse } from '../../contract/explain/wire.ts';
import { computeApiKeyMac } from '../../core/api-keys/api-key-mac.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import { seal } from '../../core/encryption/sealed-string.ts';
import { addDek, type Keyring, lockKeyring, newOrgKeyring } from '../../core/org-keys/org-keyring.ts';
import { createTombstone } from '../../core/shredding/keyring-tombstone.ts';
import { newSlotSalt, type SlotKind, type SlotMetadata, wrapUmk } from '../../core/users/key-slot.ts';
import { defaultArgon2idParams } from '../../core/users/password-slot.ts';
import {
  createUserTombstone,
  newUserKeyring,
  parseUserKeyringRecord,
  toUserKeyringRecord,
  type UserKeyring,
} from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk } from '../../core/users/user-root-key.ts';
import type { Caller, StoredApiKey } from '../../lambdas/api-keys/api-key-ports.ts';
import { ApiKeyVerifier } from '../../lambdas/api-keys/api-key-verifier.ts';
import { effectivePermissions } from '../../lambdas/api-keys/permissions.ts';
import type { StoredBlob } from '../../lambdas/blobs/blob-ports.ts';
import { ExplainService } from '../../lambdas/explain/explain-service.ts';
import { IamGrants } from '../../lambdas/explain/iam-grants.ts';
import { LoginRecordVerifier } from '../../lambdas/logins/login-record-verifier.ts';
import type { StoredKeyring } from '../../lambdas/org-keys/keyring-verifier.ts';
import type { StoredRecord } from '../../lambdas/users/user-ports.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

const now = new Date('2026-11-21T12:00:00.000Z');
const later = '2026-11-21T13:00:00.000Z';
const before = '2026-11-21T11:00:00.000Z';

/** Possible policies of a deployment. */
const policies = {
  kek: { 'kms:Decrypt': ['reader', 'admin'], 'kms:GenerateDataKeyWithoutPlaintext': ['writer'] },
  value: { 'dynamodb:BatchGetItem': ['reader', 'shredder'], 'dynamodb:PutItem': ['admin'] },
  custodyKey: { 'kms:GenerateMac': ['worker'] },
  codeKey: { 'kms:GenerateMac': ['accounts', 'worker'] },
  userKeyring: {
    'dynamodb:BatchGetItem': ['accounts', 'memory', 'worker', 'users'],
    'dynamodb:GetItem': ['explainer'],
  },
  userRecord: { 'dynamodb:BatchGetItem': ['memory', 'worker', 'explainer'] },
  audit: { 'dynamodb:PutItem': ['auditor'] },
};

interface World {
  org: string;
  user: string;
  keyring: StoredKeyring;
  apiKeys: StoredApiKey[];
  marks: InMemoryOrgMarks;
  caller: StoredApiKey;
  value: { name: string; version: number; info: string } | undefined;
  blob: StoredBlob | undefined;
  record: Record<string, unknown> | undefined;
  records: StoredRecord[];
  policies: Record<string, Record<string, string[]>>;
}

function key(org: string, facts: Partial<StoredApiKey> = {}): StoredApiKey {
  const stored = { org, id: randomId(), role: 'admin', createdAt: before, hash: 'h', ...facts } as const;
  return { ...stored, mac: computeApiKeyMac(authenticationKeyOf(org), stored) };
}

/** A user with slots of these kinds; `ended` is an expired slot. */
function userWith(org: string, user: string, kinds: readonly (SlotKind | 'ended')[]) {
  const owner = { org, user };
  const root = newUmk();
  const slots = kinds.map((kind) => {
    const real = kind === 'ended' ? 'session' : kind;
    const expires = real === 'session' || real === 'link' ? { expiresAt: kind === 'ended' ? before : later } : {};
    const params = real === 'password' ? { params: { ...defaultArgon2idParams, verifier: 'AA==' } } : {};
    const facts: SlotMetadata = {
      id: randomId(),
      kind: real,
      locator: `locator-${real}`,
      salt: newSlotSalt(owner, real),
      ...params,
      createdAt: before,
      ...expires,
    };
    return wrapUmk(root, randomBytes(32), owner, facts);
  });
  return newUserKeyring(deriveUmk(root, owner), slots, before);
}

function world(change: (made: World) => void = () => undefined) {
  const org = randomId();
  const user = randomId();
  const dek = deriveDek(randomBytes(32), org, 1);
  const authenticationKey = authenticationKeyOf(org);
  const keyring = addDek(authenticationKey, newOrgKeyring(authenticationKey, before), randomBytes(60), before);
  const admin = key(org);
  const made: World = {
    org,
    user,
    keyring,
    apiKeys: [admin],
    marks: new InMemoryOrgMarks().begin(org),
    caller: admin,
    value: { name: 'prod/a', version: 1, info: seal(dek, ['x', org], Buffer.from('{}')) },
    blob: undefined,
    record: toUserKeyringRecord(userWith(org, user, ['identity', 'credential'])),
    records: [{ collection: 'memory', id: 'tea', version: 1, data: 'enc:v1:' }],
    policies: structuredClone(policies),
  };
  change(made);
  const stores = {
    values: { find: async (_: string, name: string) => (made.value?.name === name ? made.value : undefined) },
    // Pages with one item each, so that every page must be read.
    apiKeys: {
      list: async (_: string, after: string | undefined) => {
        const at = made.apiKeys.findIndex(({ id }) => id === after) + 1;
        return {
          items: made.apiKeys.slice(at, at + 1).map((stored) => ({ id: stored.id, stored })),
          more: at + 1 < made.apiKeys.length,
        };
      },
    },
    blobs: { get: async (_: string, id: string) => (made.blob?.id === id ? made.blob : undefined) },
    deviceRosters: { find: async () => undefined },
    logins: { get: async () => undefined },
    sessions: {
      readDirectory: async () => undefined,
      readConversation: async () => undefined,
      readMembers: async () => new Map(),
    },
    users: {
      read: async (owner: { user: string }, wanted: readonly { collection: string; id: string }[]) => ({
        orgKeyring: undefined,
        keyring: owner.user === made.user ? structuredClone(made.record) : undefined,
        records: new Map(
          made.records
            .filter(({ collection, id }) => wanted.some((one) => one.collection === collection && one.id === id))
            .map((record) => [record.id, record]),
        ),
      }),
    },
  };
  const { keys, marks } = createRecordVerifiers(made.marks, () => now);
  const verifiers = { apiKeys: new ApiKeyVerifier(keys, marks), logins: new LoginRecordVerifier(keys, marks) };
  const explaining = new ExplainService(stores, verifiers, new IamGrants(reportOf(made.policies)), () => now);
  const { id: keyId, role } = made.caller;
  const caller: Caller = { org, keyId, role, ...effectivePermissions(made.caller) };
  return { ...made, explaining, explain: (ref: string) => explaining.explain(caller, made.keyring, ref) };
}

const of = (parties: readonly ExplainParty[], kind: ExplainParty['kind']) => parties.filter((one) => one.kind === kind);
const ids = (parties: readonly ExplainParty[], kind: ExplainParty['kind']) => of(parties, kind).map(({ id }) => id);
const said = (parties: readonly ExplainParty[]) => parties.map(({ who, how }) => `${who}: ${how}`).join('\n');
const refusedWith = (code: string) => expect.objectContaining({ code });

function expectGone(answer: ExplainResponse, why: RegExp) {
  expect(answer).toMatchObject({ state: 'gone', canOpen: [] });
  expect(said(answer.cannotOpen)).toMatch(why);
}

describe('a value', () => {
  test('is opened by the keys that may read its name now, each until it ends', async () => {
    const { explain, apiKeys } = world((made) => {
      made.apiKeys.push(
        key(made.org, { role: 'reader', prefixes: ['prod/'], expiresAt: later }),
        key(made.org, { role: 'agent', overlapEndsAt: later, expiresAt: '2027-01-01T00:00:00.000Z' }),
        key(made.org, { role: 'reader', prefixes: ['production/'] }),
        key(made.org, { role: 'auditor' }),
        key(made.org, { role: 'agent', verbs: ['values.write'] }),
        key(made.org, { role: 'agent', revokedAt: before }),
        key(made.org, { role: 'agent', expiresAt: before }),
        key(made.org, { role: 'agent', overlapEndsAt: before }),
      );
    });
    const answer = await explain('value:prod/a');
    expect(answer).toMatchObject({ ref: 'value:prod/a', custody: 'org', state: 'stored' });
    const [admin, narrow, replaced, elsewhere, auditor, writer, revoked, expired, over] = apiKeys.map(({ id }) => id);
    expect(ids(answer.canOpen, 'api-key')).toEqual([admin, narrow, replaced]);
    expect(of(answer.canOpen, 'api-key').map(({ until }) => until)).toEqual([undefined, later, later]);
    const cannot = of(answer.cannotOpen, 'api-key');
    expect(cannot.map(({ who, how }) => [how, who])).toEqual([
      [expect.stringContaining('other names'), expect.stringContaining(`${elsewhere}`)],
      [expect.stringContaining('values.read'), `API keys: ${auditor} and ${writer}`],
      [expect.stringContaining('Revoked'), `API keys: ${revoked}`],
      [expect.stringContaining('Expired'), `API keys: ${expired} and ${over}`],
    ]);
  });

  test('of a reserved name is opened by admin keys and those that name it alone, and the others are told apart', async () => {
    const { explain, apiKeys } = world((made) => {
      made.value = { ...(made.value ?? expect.fail()), name: 'channels/twilio' };
      made.apiKeys.push(
        key(made.org, { role: 'agent' }),
        key(made.org, { role: 'reader' }),
        key(made.org, { role: 'reader', prefixes: ['channels/'] }),
        key(made.org, { role: 'agent', prefixes: ['channel/', 'channels/slack'] }),
      );
    });
    const answer = await explain('value:channels/twilio');
    const [admin, agent, reader, named, elsewhere] = apiKeys.map(({ id }) => id);
    expect(ids(answer.canOpen, 'api-key')).toEqual([admin, named]);
    expect(of(answer.cannotOpen, 'api-key').map(({ who, how }) => [how, who])).toEqual([
      [expect.stringContaining('under channels/'), `API keys: ${agent} and ${reader}`],
      [expect.stringContaining('other names'), `API keys: ${elsewhere}`],
    ]);
  });

  test('of a reserved name is explained to an auditor, who reads none', async () => {
    const { explain } = world((made) => {
      made.value = { ...(made.value ?? expect.fail()), name: 'channels/twilio' };
      made.caller = key(made.org, { role: 'auditor' });
    });
    expect((await explain('value:channels/twilio')).state).toBe('stored');
  });

  test('is opened by the functions whose policies let them unwrap keys and read values, and no other', async () => {
    const { explain } = world();
    const answer = await explain('value:prod/a');
    expect(ids(answer.canOpen, 'function')).toEqual(['reader']);
    expect(said(of(answer.cannotOpen, 'function'))).toMatch(/functions admin: .*cannot read values/);
    expect(said(of(answer.cannotOpen, 'function'))).toMatch(/writer.*worker.*: None of their roles can use the KEK/);
    const wider = world((made) => {
      made.policies.value = { 'dynamodb:Query': ['admin', 'reader'] };
    });
    expect(ids((await wider.explain('value:prod/a')).canOpen, 'function')).toEqual(['admin', 'reader']);
  });

  test('says plainly that who administers the account can read it', async () => {
    const answer = await world().explain('value:prod/a');
    expect(said(of(answer.canOpen, 'operator'))).toMatch(/nothing prevents it/);
  });

  test('says that all of them get only what was sealed, if the value has custody approval', async () => {
    const answer = await world().explain('value:prod/a');
    expect(said(of(answer.cannotOpen, 'anyone'))).toMatch(/custody = approval.*sealed for the approver/s);
  });

  test('counts, but does not name, keys that reach further than the one that asks', async () => {
    const { explain, caller, apiKeys } = world((made) => {
      made.caller = key(made.org, { role: 'auditor', prefixes: ['prod/'] });
      made.apiKeys.push(made.caller, key(made.org, { role: 'agent' }));
    });
    const answer = await explain('value:prod/a');
    expect(said(answer.canOpen)).toContain('one of 2 more API keys');
    for (const { id } of apiKeys.filter((one) => one !== caller)) expect(JSON.stringify(answer)).not.toContain(id);
  });

  test('outside of the names of the key that asks is refused', async () => {
    const { explain } = world((made) => {
      made.caller = key(made.org, { role: 'auditor', prefixes: ['prod/'] });
    });
    await expect(explain('value:production/a')).rejects.toEqual(refusedWith('forbidden'));
    await expect(explain('value:prod/../a')).rejects.toEqual(refusedWith('invalid_name'));
  });

  test('of a locked organization is opened by no key and no function, and the operator is not forgotten', async () => {
    const { explain } = world((made) => {
      const lock = { shredAt: later, requestedAt: before, by: 'x' };
      made.keyring = lockKeyring(authenticationKeyOf(made.org), made.keyring as Keyring, lock);
    });
    const answer = await explain('value:prod/a');
    expect(answer.state).toBe('locked');
    expect(answer.canOpen.map(({ kind }) => kind)).toEqual(['operator']);
    expect(said(answer.cannotOpen)).toContain(later);
  });

  test('that was deleted, or whose key is destroyed, is gone for everyone', async () => {
    expectGone(await world((made) => (made.value = undefined)).explain('value:prod/a'), /no value/);
    const shredded = world((made) => {
      made.keyring = createTombstone(authenticationKeyOf(made.org), made.keyring as Keyring, {
        requestedAt: before,
        shreddedAt: before,
        by: 'x',
      });
    });
    expectGone(await shredded.explain('value:prod/a'), /shredded/);
    const retired = world((made) => {
      const deks = (made.keyring as Keyring).deks.map((dek) => ({ ...dek, state: 'retired' as const, wrapped: '' }));
      made.keyring = { ...(made.keyring as Keyring), deks };
    });
    expectGone(await retired.explain('value:prod/a'), /key that is destroyed/);
  });
});

describe('a blob', () => {
  const blobId = createTimeId(now.getTime() - 1000, randomBytes(16));
  const blob = (org: string, facts: Partial<StoredBlob> = {}): StoredBlob => ({
    org,
    id: blobId,
    locator: 'l',
    state: 'ready',
    createdAt: before,
    uploadUntil: later,
    openings: 0,
    burn: false,
    ...facts,
  });
  const blobbed = (facts: Partial<StoredBlob>) => world((made) => (made.blob = blob(made.org, facts)));

  test('is opened by its link alone, while openings and expiry last', async () => {
    const answer = await blobbed({ expiresAt: later, maxOpens: 3, openings: 1, burn: true }).explain(`blob:${blobId}`);
    expect(answer).toMatchObject({ custody: 'link', state: 'stored' });
    expect(answer.canOpen).toEqual([expect.objectContaining({ kind: 'link', until: later })]);
    expect(said(answer.canOpen)).toMatch(/2 of 3 openings.*destroy it.*opened once/);
    expect(answer.cannotOpen.map(({ kind }) => kind)).toEqual(['api-key', 'function', 'operator']);
  });

  test.each([
    [{ expiresAt: before }, /expired/],
    [{ maxOpens: 2, openings: 2 }, /as often as allowed.*2 times.*kept a copy/],
    [{ state: 'burned' as const }, /destroyed/],
    [{ state: 'deleted' as const }, /deleted/],
    [{ ttl: 1 }, /no blob/],
  ])('%o is gone', async (facts, why) => {
    expectGone(await blobbed(facts).explain(`blob:${blobId}`), why);
  });

  test('that is not uploaded yet, or of a locked organization, opens for nobody now', async () => {
    const uploading = await blobbed({ state: 'uploading' }).explain(`blob:${blobId}`);
    expect(uploading).toMatchObject({ state: 'stored', canOpen: [] });
    const locked = world((made) => {
      made.blob = blob(made.org);
      const lock = { shredAt: later, requestedAt: before, by: 'x' };
      made.keyring = lockKeyring(authenticationKeyOf(made.org), made.keyring as Keyring, lock);
    });
    expect(await locked.explain(`blob:${blobId}`)).toMatchObject({ state: 'locked', canOpen: [] });
  });
});

describe('a record of a user', () => {
  test('is opened by each of its slots, and by the functions that meet what opens them', async () => {
    const kinds = ['identity', 'credential', 'password', 'session', 'link', 'ended'] as const;
    const { explain, user, record } = world((made) => {
      made.record = toUserKeyringRecord(userWith(made.org, made.user, kinds));
    });
    const answer = await explain(`memory:${user}/tea`);
    expect(answer).toMatchObject({ custody: 'user', state: 'stored' });
    const slots = Object.entries(record?.slots as Record<string, { kind: string; expiresAt?: string }>);
    const alive = slots.filter(([, { expiresAt }]) => expiresAt !== before).map(([id]) => id);
    expect(ids(answer.canOpen, 'slot').toSorted()).toEqual(alive.toSorted());
    expect(ids(answer.cannotOpen, 'slot')).toEqual(slots.filter(([id]) => !alive.includes(id)).map(([id]) => id));
    expect(of(answer.canOpen, 'slot').flatMap(({ until }) => until ?? [])).toEqual([later, later]);
    // The explainer is included, because users authenticate to it with a credential that opens a slot.
    expect(ids(answer.canOpen, 'function')).toEqual(['worker', 'memory', 'explainer']);
    const closed = said(of(answer.cannotOpen, 'function'));
    expect(closed).toMatch(/functions accounts and devices: .*cannot read records/);
    expect(closed).toMatch(/functions .*reader.*users.*: .*can use neither the custody key nor the code key/);
    expect(said(of(answer.canOpen, 'slot'))).toMatch(/keyed hash.*function worker/);
    expect(said(of(answer.canOpen, 'slot'))).toMatch(/Argon2id with 19,456 KiB and 2 passes/);
  });

  test('by a code is opened by what may use the code key, and by an identity by what may use the custody key', async () => {
    const openers = async (word: 'custodyKey' | 'codeKey') => {
      const { explain, user } = world((made) => {
        made.record = toUserKeyringRecord(userWith(made.org, made.user, ['identity', 'credential', 'link']));
        made.policies[word] = { 'kms:GenerateMac': ['accounts'] };
      });
      return said((await explain(`memory:${user}/tea`)).canOpen);
    };
    const withoutCustody = await openers('custodyKey');
    expect(withoutCustody).toMatch(/keyed hash: Unlocked by no function/);
    expect(withoutCustody).toMatch(/Anyone who sends the code .*: Unlocked by the function worker/);
    const withoutCode = await openers('codeKey');
    expect(withoutCode).toMatch(/keyed hash: Unlocked by the function worker/);
    expect(withoutCode).toMatch(/Anyone who sends the code .*: Unlocked by no function/);
  });

  test('of a conversation is handed to the responder, where there is one', async () => {
    const id = createTimeId(0, randomBytes(16));
    const talking = (change: (made: World) => void) =>
      world((made) => {
        made.records.push({ collection: 'messages', id, version: 1, data: '' });
        change(made);
      });
    const none = talking(() => undefined);
    expect(JSON.stringify(await none.explain(`message:${none.user}/${id}`))).not.toContain('responder');
    const some = talking((made) => {
      made.policies.responder = { 'lambda:InvokeFunction': ['worker'] };
    });
    expect(ids((await some.explain(`message:${some.user}/${id}`)).canOpen, 'function')).toContain('responder');
    expect(ids((await some.explain(`memory:${some.user}/tea`)).canOpen, 'function')).not.toContain('responder');
  });

  test('is opened by no API key, as long as no function that answers them may use the custody key', async () => {
    const onlyKey = (made: World) => {
      made.record = toUserKeyringRecord(userWith(made.org, made.user, ['credential']));
    };
    const { explain, user } = world(onlyKey);
    const answer = await explain(`memory:${user}/tea`);
    expect(of(answer.canOpen, 'api-key')).toEqual([]);
    expect(said(of(answer.cannotOpen, 'api-key'))).toMatch(
      /admin keys included.*None of the functions that serve API keys .* can use the custody key or the code key/,
    );
    for (const word of ['custodyKey', 'codeKey']) {
      const wrong = world((made) => {
        onlyKey(made);
        made.policies[word]?.['kms:GenerateMac']?.push('explainer');
      });
      const exposed = await wrong.explain(`memory:${wrong.user}/tea`);
      expect(of(exposed.cannotOpen, 'api-key')).toEqual([]);
      expect(said(of(exposed.canOpen, 'api-key')), word).toMatch(/explainer.*Only their code/);
    }
  });

  test('that a sender opens is within reach of keys that read or set secrets of channels, and that is said', async () => {
    const { explain, explaining, org, user, apiKeys, record } = world((made) => {
      made.caller = key(made.org);
      made.apiKeys = [
        made.caller,
        key(made.org, { role: 'agent' }),
        key(made.org, { role: 'agent', prefixes: ['channels/slack'], expiresAt: later }),
        key(made.org, { role: 'reader', prefixes: ['channels/'] }),
        key(made.org, { role: 'agent', prefixes: ['channel/', 'channels/fax'] }),
        key(made.org, { role: 'agent', verbs: ['values.list', 'values.delete'] }),
        key(made.org, { role: 'auditor' }),
        key(made.org, { role: 'agent', revokedAt: before }),
        key(made.org, { role: 'agent', expiresAt: before }),
      ];
    });
    const answer = await explain(`user:${user}`);
    const able = [0, 2, 3].map((at) => apiKeys[at]?.id);
    expect(ids(answer.canOpen, 'api-key')).toEqual(able);
    expect(of(answer.canOpen, 'api-key').map(({ until }) => until)).toEqual([undefined, later, undefined]);
    expect(said(of(answer.cannotOpen, 'api-key'))).toContain('All other API keys');
    // For a user the keys are only counted, because users must not see the organization's keys.
    const open = {
      owner: { org, user },
      keyring: parseUserKeyringRecord(record, { org, user }) as UserKeyring,
      records: new Map(),
    };
    const own = await explaining.explainForUser(open, `user:${user}`);
    expect(said(of(own.canOpen, 'api-key'))).toContain('one of 3 API keys');
    for (const { id } of apiKeys) expect(JSON.stringify(own)).not.toContain(id);
  });

  test('is told with what the operator could do, by the kinds of the slots: numbers for identities, guessing for passwords', async () => {
    const told = async (...kinds: SlotKind[]) => {
      const { explain, user } = world((made) => {
        made.record = toUserKeyringRecord(userWith(made.org, made.user, kinds));
      });
      return said(of((await explain(`user:${user}`)).cannotOpen, 'operator'));
    };
    const identity = await told('identity');
    expect(identity).toMatch(/code of a function could access the data during the next request/);
    expect(identity).toContain('27.8 hours at 10,000 calls a second');
    expect(identity).toContain('2.8 hours at 100,000 calls a second. They cost 3,000 USD');
    expect(identity).not.toContain('passwords');
    const credential = await told('credential');
    expect(credential).not.toMatch(/identities|passwords/);
    expect(await told('password')).toContain('can try passwords, at one call');
  });

  test('never calls itself zero-knowledge or end-to-end', async () => {
    const { explain, user } = world();
    for (const ref of ['value:prod/a', `user:${user}`, `memory:${user}/tea`]) {
      expect(JSON.stringify(await explain(ref))).not.toMatch(/zero.?knowledge|end.?to.?end|impossible|military/i);
    }
  });

  test('is gone once deleted, or once its user or organization is', async () => {
    const { explain } = world();
    expectGone(await explain(`user:${randomId()}`), /no user/);
    const deleted = world((made) => {
      made.record = toUserKeyringRecord(createUserTombstone(userWith(made.org, made.user, ['credential']), before));
    });
    expectGone(await deleted.explain(`memory:${deleted.user}/tea`), /deleted at 2026-11-21T11/);
    const shredded = world((made) => {
      made.keyring = createTombstone(authenticationKeyOf(made.org), made.keyring as Keyring, {
        requestedAt: before,
        shreddedAt: before,
        by: 'x',
      });
    });
    expectGone(await shredded.explain(`memory:${shredded.user}/tea`), /shredded/);
  });

  test('is not looked at for an API key: which ids there are it can find out by no answer', async () => {
    const stored = createTimeId(1, randomBytes(16));
    const { explain, user } = world((made) => {
      made.records.push({ collection: 'messages', id: stored, version: 1, data: '' });
    });
    for (const [there, none] of [
      [`memory:${user}/tea`, `memory:${user}/coffee`],
      [`message:${user}/${stored}`, `message:${user}/${createTimeId(0, randomBytes(16))}`],
    ] as const) {
      const answer = await explain(there);
      expect({ ...(await explain(none)), ref: there }).toEqual(answer);
      expect(answer.state).toBe('stored');
      expect(JSON.stringify(answer.cannotOpen)).toContain('for the user as a whole');
    }
  });

  test('of a locked organization opens by no slot', async () => {
    const { explain, user } = world((made) => {
      const lock = { shredAt: later, requestedAt: before, by: 'x' };
      made.keyring = lockKeyring(authenticationKeyOf(made.org), made.keyring as Keyring, lock);
    });
    const answer = await explain(`memory:${user}/tea`);
    expect(answer).toMatchObject({ state: 'locked', canOpen: [] });
    expect(of(answer.cannotOpen, 'slot')).toHaveLength(2);
  });

  test('is none of the business of a key that is limited to names', async () => {
    const { explain, user } = world((made) => {
      made.caller = key(made.org, { role: 'auditor', prefixes: ['prod/'] });
    });
    await expect(explain(`user:${user}`)).rejects.toEqual(refusedWith('forbidden'));
  });

  test('is explained to its own user, and nothing else is', async () => {
    const { explaining, org, user } = world();
    const keyring = userWith(org, user, ['credential']);
    const open = {
      owner: { org, user },
      keyring,
      records: new Map([['tea', { collection: 'memory', id: 'tea', version: 1, data: '' } as const]]),
    };
    expect(await explaining.explainForUser(open, `memory:${user}/tea`)).toMatchObject({
      custody: 'user',
      state: 'stored',
    });
    expect(await explaining.explainForUser(open, `user:${user}`)).toMatchObject({ state: 'stored' });
    expectGone(await explaining.explainForUser(open, `memory:${user}/coffee`), /no record/);
    for (const ref of [
      `user:${randomId()}`,
      `memory:${randomId()}/tea`,
      'value:prod/a',
      `blob:${createTimeId(1, randomBytes(16))}`,
    ]) {
      await expect(explaining.explainForUser(open, ref), ref).rejects.toEqual(refusedWith('record_not_found'));
    }
  });
});

test.each([
  '',
  ':',
  'value',
  'value:',
  'user:',
  'user:ABC',
  'memory:tea',
  'memory:/tea',
  `memory:${'a'.repeat(16)}`,
  `memory:${'a'.repeat(16)}/`,
  `memory:${'a'.repeat(16)}/../x`,
  `memory:${'a'.repeat(16)}/a/b`,
  `message:${'a'.repeat(16)}/tea`,
  'blob:x',
  'other:x',
  'constructor:x',
  `__proto__:${'a'.repeat(16)}/x`,
])('%j is no ref, and is not repeated', async (ref) => {
  const error = await world()
    .explain(ref)
    .catch((thrown: unknown) => thrown);
  expect(error).toEqual(expect.objectContaining({ code: expect.stringMatching(/^invalid_(request|name)$/) }));
  if (ref.length > 8) expect(JSON.stringify(error)).not.toContain(ref);
});

/** As lib/explain/iam-policy-report.ts writes it. */
const reportOf = (policies: Record<string, Record<string, string[]>>): string =>
  JSON.stringify(policies, (_, value) => (Array.isArray(value) ? value.join(' ') : value));

test('policies of another form stop the function', () => {
  for (const text of ['', '[]', '{"kek":["reader"]}', '{"kek":{"kms:Decrypt":["reader"]}}']) {
    expect(() => new IamGrants(text), text).toThrow();
  }
});
