import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approveRight, readApprovalKey, signApprovalKey } from '../../../core/approvals/approval-keys.ts';
import { maxApprovalMs } from '../../../core/approvals/limits.ts';
import { judgeQuestion, openQuestion, sealQuestion, signStatement } from '../../../core/approvals/question.ts';
import { authHash, encodeDetails, hostOf, parseDetails } from '../../../core/approvals/shown-request.ts';
import { type ApprovalStatement, encodeStatement, parseStatement } from '../../../core/approvals/statement.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { ed25519KeyPairOf } from '../../../core/hazmat/ed25519.ts';
import { x25519PublicKey } from '../../../core/hazmat/x25519.ts';
import { bob, now, org } from '../directory/directory-simulator.ts';
import { ApprovalScene, randomBytes, request } from './approval-fixture.ts';

test('a device believes the question of the broker of its person, and shows what the agent sent', async () => {
  const scene = new ApprovalScene();
  const { opened, facts } = await scene.ask(scene.phone);
  expect(judgeQuestion(opened, scene.context(scene.phone))).toBeUndefined();
  expect(opened.facts).toEqual(facts);
  expect(opened.reason).toBe('The customer asked for it.');
  expect(opened.request).toEqual({
    ...request,
    headers: { authorization: 'Bearer {{anima://prod/stripe/key}}' },
  });
});

test('a question opens for its device, its approval and its org only, and not if a byte differs', async () => {
  const scene = new ApprovalScene();
  const { sealed, facts } = await scene.ask(scene.phone);
  const [device, { approval }] = [scene.phone.id, facts];
  const secret = scene.phone.secret;
  for (const [place, key] of [
    [{ org, device: scene.laptop.id, approval }, secret],
    [{ org, device, approval: 'anotherapproval0' }, secret],
    [{ org: 'fedcba9876543210', device, approval }, secret],
    [{ org, device, approval }, scene.laptop.secret],
  ] as const)
    expect(await openQuestion(place, key, sealed)).toBeUndefined();
  for (const at of [0, 31, 32, 40, sealed.length - 1]) {
    const changed = sealed.map((byte, index) => (index === at ? byte ^ 1 : byte));
    expect(await openQuestion({ org, device, approval }, secret, changed)).toBeUndefined();
  }
  expect(await openQuestion({ org, device, approval }, secret, sealed.subarray(0, -1))).toBeUndefined();
  expect(await openQuestion({ org, device, approval }, secret, new Uint8Array(0))).toBeUndefined();
});

describe('a device refuses a question', () => {
  test('that another key signed: of the service, of an authority, of an agent', async () => {
    const scene = new ApprovalScene();
    const agent = scene.directory.add(scene.phone, scene.facts().person, 'agent');
    for (const signer of [ed25519KeyPairOf(randomBytes()), scene.directory.authority, agent.ik, scene.phone.ik]) {
      const { opened } = await scene.ask(scene.phone, { signer });
      expect(judgeQuestion(opened, scene.context(scene.phone))).toBe('bad_signature');
    }
  });

  test('of the broker of another person, and one to another person', async () => {
    const scene = new ApprovalScene();
    const phone = scene.directory.admit(bob, 'owner', { can: [approveRight] });
    const other = ed25519KeyPairOf(randomBytes());
    scene.addBroker(other, bob, phone);
    const asked = await scene.ask(scene.phone, { signer: other });
    expect(judgeQuestion(asked.opened, scene.context(scene.phone))).toBe('bad_signature');
    const addressed = await scene.ask(scene.phone, { signer: other, person: bob });
    expect(judgeQuestion(addressed.opened, scene.context(scene.phone))).toBe('other_person');
  });

  test('of a broker that its person did not countersign, so an admin cannot add one', async () => {
    const scene = new ApprovalScene();
    const ghost = ed25519KeyPairOf(randomBytes());
    scene.addBroker(ghost, scene.facts().person);
    const { opened } = await scene.ask(scene.phone, { signer: ghost });
    expect(judgeQuestion(opened, scene.context(scene.phone))).toBe('bad_signature');
  });

  test.each(['suspend', 'revoke'] as const)('after %s of the broker', async (op) => {
    const scene = new ApprovalScene();
    const { opened } = await scene.ask(scene.phone);
    const subject = scene.brokerDevice.id;
    scene.directory.append(scene.directory.authority, { op, subject, certificate: new Uint8Array(0) });
    expect(judgeQuestion(opened, scene.context(scene.phone))).toBe('unknown_broker');
  });

  test('if it cannot approve: without the right, as an agent, suspended, expired', async () => {
    const scene = new ApprovalScene();
    const { person } = scene.facts();
    const plain = scene.directory.add(scene.phone, person, 'owner');
    const agent = scene.directory.add(scene.phone, person, 'agent', { can: [approveRight] });
    const old = scene.directory.add(scene.phone, person, 'owner', { can: [approveRight], expires: now + 1 });
    const { opened } = await scene.ask(scene.phone);
    for (const device of [plain.id, agent.id, 'f'.repeat(32)])
      expect(judgeQuestion(opened, scene.context(scene.phone, { device }))).toBe('other_person');
    expect(judgeQuestion(opened, scene.context(scene.phone, { device: old.id, now: now + 1 }))).toBe('other_person');
    const revoked = { op: 'revoke', subject: scene.phone.id, certificate: new Uint8Array(0) } as const;
    scene.directory.append(scene.directory.authority, revoked);
    expect(judgeQuestion(opened, scene.context(scene.phone))).toBe('other_person');
  });

  test('whose details are others, and whose host or method is not that of the details', async () => {
    const scene = new ApprovalScene();
    const context = scene.context(scene.phone);
    for (const more of [
      { detailsHash: new Uint8Array(32) },
      { host: 'api.example.com' },
      { host: 'api.stripe.com:8443' },
      { method: 'GET' },
      { scope: { kind: 'time', path: '/**', uses: 2, authHash: new Uint8Array(32) } },
    ] as const)
      expect(judgeQuestion((await scene.ask(scene.phone, more)).opened, context)).toBe('other_details');
    const shown = { ...request, auth: { type: 'hmac', scheme: 'github', secret: 'anima://prod/stripe/key' } };
    const hash = authHash(shown);
    for (const [one, refusal] of [
      [hash, undefined],
      [undefined, 'other_details'],
      [authHash({ auth: { ...shown.auth, scheme: 'slack' } }), 'other_details'],
    ] as const) {
      const scope = { kind: 'time', path: '/**', uses: 2, authHash: one } as const;
      expect(judgeQuestion((await scene.ask(scene.phone, { shown, scope })).opened, context)).toBe(refusal);
    }
  });

  test('that is over, or from too far in the future', async () => {
    const scene = new ApprovalScene();
    const { opened } = await scene.ask(scene.phone);
    const at = (time: number) => judgeQuestion(opened, scene.context(scene.phone, { now: time }));
    expect([at(now + maxApprovalMs - 1), at(now + maxApprovalMs)]).toEqual([undefined, 'expired']);
    expect([at(now - 60_000), at(now - 60_001)]).toEqual([undefined, 'clock']);
  });

  test('whose directory is ahead of its own, until it has read on; and stops at another directory', async () => {
    const scene = new ApprovalScene();
    const { state, relationOf } = scene.context(scene.phone);
    scene.directory.add(scene.phone, scene.facts().person, 'agent');
    const { opened, facts } = await scene.ask(scene.phone);
    const behind = scene.context(scene.phone, {
      state,
      relationOf: (head) => (head.seq > state.head.seq ? 'ahead' : relationOf(head)),
    });
    expect(judgeQuestion(opened, behind)).toBe('directory_behind');
    expect(judgeQuestion(opened, scene.context(scene.phone))).toBeUndefined();
    const fork = { seq: facts.head.seq, hash: randomBytes() };
    const forked = await scene.ask(scene.phone, { head: fork });
    expect(judgeQuestion(forked.opened, scene.context(scene.phone))).toBe('directory_forked');
  });

  test('that names an entry from before those that it knows, with any hash', async () => {
    const scene = new ApprovalScene();
    const relationOf = () => 'older' as const;
    for (const head of [scene.directory.log[2]?.before.head, { seq: 2, hash: randomBytes() }]) {
      const { opened } = await scene.ask(scene.phone, { head: head ?? expect.fail('no entry') });
      expect(judgeQuestion(opened, scene.context(scene.phone, { relationOf }))).toBe('directory_unknown');
    }
  });
});

describe('approval keys', () => {
  test('are those that the device itself signed for this org', () => {
    const { phone, laptop } = new ApprovalScene();
    const signed = signApprovalKey(org, phone.key, phone.ik);
    const [id, ik] = [phone.id, phone.ik.publicKey];
    expect(readApprovalKey(org, { id, ik }, signed)).toEqual(phone.key);
    expect(readApprovalKey('fedcba9876543210', { id, ik }, signed)).toBeUndefined();
    expect(readApprovalKey(org, { id: laptop.id, ik: laptop.ik.publicKey }, signed)).toBeUndefined();
    expect(readApprovalKey(org, { id, ik: laptop.ik.publicKey }, signed)).toBeUndefined();
    expect(readApprovalKey(org, { id, ik }, encodeFieldBytes(...(decodeFieldBytes(signed) ?? []), ''))).toBeUndefined();
  });

  test('of low order or in another encoding are refused', () => {
    const { phone } = new ApprovalScene();
    for (const ak of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const signed = signApprovalKey(org, { ...phone.key, ak }, phone.ik);
      expect(readApprovalKey(org, { id: phone.id, ik: phone.ik.publicKey }, signed)).toBeUndefined();
    }
  });
});

describe('details', () => {
  test('of the same request are the same bytes, whatever the order and the case of header names', async () => {
    const other = {
      form: { amount: '500', charge: 'ch_1' },
      headers: { AUTHORIZATION: 'Bearer {{anima://prod/stripe/key}}' },
      method: 'POST',
      url: 'https://api.stripe.com/v1/refunds',
    };
    expect(await encodeDetails(other, 'r')).toEqual(await encodeDetails(request, 'r'));
    expect(await encodeDetails({ ...other, form: { amount: '501', charge: 'ch_1' } }, 'r')).not.toEqual(
      await encodeDetails(request, 'r'),
    );
  });

  test('show a body of 16,384 bytes, and a longer one by its hash', async () => {
    const shownOf = async (length: number) =>
      parseDetails(await encodeDetails({ ...request, form: undefined, body: 'x'.repeat(length) }, ''))?.request;
    expect(await shownOf(16_382)).toMatchObject({ body: 'x'.repeat(16_382) });
    const shown = await shownOf(16_383);
    expect(shown).not.toHaveProperty('body');
    expect(shown?.bodyDigest).toMatchObject({ bytes: 16_385, kind: 'body' });
    expect(shown?.bodyDigest?.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('of a request with two bodies are not made, and are not parsed', async () => {
    await expect(encodeDetails({ ...request, body: 'x' }, '')).rejects.toThrow(RangeError);
    const shown = '{"body":"x","json":1,"method":"POST","url":"https://a.example"}';
    expect(parseDetails(encodeFieldBytes(shown, '', ''))).toBeUndefined();
  });

  test.each([
    ['another spelling of the JSON', '{"url":"https://a.example","method":"GET"}'],
    ['an unknown member', '{"extra":1,"method":"GET","url":"https://a.example"}'],
    ['no method', '{"url":"https://a.example"}'],
    ['headers that are not texts', '{"headers":{"a":1},"method":"GET","url":"https://a.example"}'],
    ['no JSON', '{'],
    ['no object', '"text"'],
  ])('with %s are refused', (_, shown) => {
    expect(parseDetails(encodeFieldBytes(shown, '', ''))).toBeUndefined();
  });

  test('with a reason of more than 200 characters are refused', async () => {
    expect(parseDetails(await encodeDetails(request, '😀'.repeat(200)))?.reason).toHaveLength(400);
    expect(parseDetails(await encodeDetails(request, '😀'.repeat(201)))).toBeUndefined();
  });

  test('name the host with its port, unless it is that of https', () => {
    const hosts = ['https://A.example/x', 'https://a.example:8443', 'http://a.example', 'http://a.example:81', 'x'];
    expect(hosts.map(hostOf)).toEqual(['a.example', 'a.example:8443', 'a.example:80', 'a.example:81', undefined]);
  });
});

describe('statements', () => {
  const scene = new ApprovalScene();
  const facts = scene.facts();
  const value = facts.values[0] ?? expect.fail('no value');

  test('of every form come back as they were, with the values in order', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const places = fc.uniqueArray(fc.constantFrom('auth', 'body', 'header', 'query' as const), { minLength: 1 });
    const used = fc.record({ name, version: fc.integer({ min: 1, max: 9 }), places });
    const authHash = fc.constantFrom(undefined, new Uint8Array(32).fill(3));
    const repeated = { path: fc.string(), uses: fc.integer({ min: 1, max: 1000 }), authHash };
    const scope = fc.oneof(
      fc.constant({ kind: 'once' as const }),
      fc.record({ kind: fc.constant('time' as const), ...repeated }),
      fc.record({ kind: fc.constant('run' as const), run: fc.stringMatching(/^[0-9a-z]{16}$/), ...repeated }),
    );
    const values = fc.uniqueArray(used, { minLength: 1, maxLength: 16, selector: (v) => `${v.name} ${v.version}` });
    fc.assert(
      fc.property(values, scope, fc.boolean(), (list, chosen, withKey) => {
        const statement: ApprovalStatement = {
          ...facts,
          values: list.map((one) => ({ ...one, rulesHash: value.rulesHash })),
          scope: chosen,
          requestKey: withKey ? x25519PublicKey(new Uint8Array(32).fill(9)) : undefined,
        };
        const parsed = parseStatement(encodeStatement(statement));
        const sorted = statement.values
          .map((one) => ({ ...one, places: [...one.places].sort() }))
          .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version));
        expect(parsed).toEqual({ ...statement, values: sorted });
      }),
    );
  });

  test.each<[string, Partial<ApprovalStatement>]>([
    ['no value', { values: [] }],
    ['a value twice', { values: [value, value] }],
    ['17 values', { values: Array.from({ length: 17 }, (_, at) => ({ ...value, version: at + 1 })) }],
    ['a value without a place', { values: [{ ...value, places: [] }] }],
    ['version 0', { values: [{ ...value, version: 0 }] }],
    ['more than five minutes', { expires: now + maxApprovalMs + 1 }],
    ['no time at all', { expires: now }],
    ['no uses', { scope: { kind: 'time', path: '/', uses: 0 } }],
    ['a run that the service did not issue', { scope: { kind: 'run', run: 'run-1', path: '/', uses: 1 } }],
    ['an auth hash of 31 bytes', { scope: { kind: 'time', path: '/', uses: 1, authHash: new Uint8Array(31) } }],
    ['a request key of low order', { requestKey: new Uint8Array(32) }],
    ['an agent of 129 characters', { agent: 'x'.repeat(129) }],
    ['no host', { host: '' }],
    ['another form of a person', { person: 'ann' }],
  ])('with %s are neither made nor read', (_, more) => {
    expect(() => encodeStatement({ ...facts, ...more })).toThrow(RangeError);
  });

  test('that are too long are not sealed', async () => {
    const details = new Uint8Array(98_304);
    await expect(sealQuestion(facts, scene.phone.key, signStatement(facts, scene.broker), details)).rejects.toThrow(
      RangeError,
    );
  });

  test('with a field more, a field less or bytes after them are refused', () => {
    const bytes = encodeStatement(facts);
    const fields = decodeFieldBytes(bytes) ?? [];
    expect(parseStatement(bytes)).toEqual(facts);
    for (const changed of [
      encodeFieldBytes(...fields, ''),
      encodeFieldBytes(...fields.slice(0, -1)),
      new Uint8Array([...bytes, 0]),
      bytes.subarray(0, -1),
    ])
      expect(parseStatement(changed)).toBeUndefined();
  });
});
