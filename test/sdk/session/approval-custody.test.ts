/** Setting a value of custody `approval` with a service that lies about the key of the person. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ruleEntries } from '../../../contract/broker/usage-rules.ts';
import { type PersonKey, signPersonKey } from '../../../core/approvals/person-key.ts';
import { openApprovalValue, openShare } from '../../../core/approvals/sealed-value.ts';
import { parseSealedValue } from '../../../core/approvals/sealed-value-form.ts';
import { rulesHash } from '../../../core/approvals/statement.ts';
import { directoryPin } from '../../../core/directory/directory-pin.ts';
import { toBase64, toBase64Url, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { ed25519KeyPairOf } from '../../../core/hazmat/ed25519.ts';
import type { Transport } from '../../../sdk/src/http/transport.ts';
import { approvalCustody } from '../../../sdk/src/session/approvals/approval-custody.ts';
import type { CallSettings } from '../../../sdk/src/shared/client-options.ts';
import { ApprovalScene, randomBytes } from '../../core/approvals/approval-fixture.ts';
import { type HeldKey, newPersonKey, nextEpoch } from '../../core/approvals/person-key-fixture.ts';
import { ann, now, org } from '../../core/directory/directory-simulator.ts';

let scene: ApprovalScene;
let held: HeldKey;
let pin: string;
/** What the service shows: the statement, and the directory up to an entry. */
let shown: { statement: Uint8Array; seq: number };

const signed = (key: PersonKey, by = scene.phone) => signPersonKey({ ...key, device: by.id }, by.ik);

beforeEach(async () => {
  scene = new ApprovalScene();
  pin = toBase64Url(directoryPin(scene.state));
  held = await newPersonKey(scene);
  shown = { statement: signed(held.key), seq: scene.state.head.seq };
});

const service = {
  request: async (
    { route, query }: { route: { path: string }; query?: { after: number } },
    _: unknown,
    decode: (json: unknown) => unknown,
  ) => {
    if (route.path.startsWith('/v1/broker/approvers/')) return decode({ statement: toBase64(shown.statement) });
    const entries = scene.directory.log.slice(query?.after ?? 0, shown.seq).map((step) => toBase64(step.signed));
    return decode({ entries, head: shown.seq, more: false });
  },
} as unknown as Transport;

const metadata = { allowed_hosts: 'api.stripe.com' };
const seal = (custody = approvalCustody({ org, approver: ann, pin, now: () => now }), value = 'the secret') =>
  custody.seal({ name: 'prod/key', version: 1, value, metadata }, service, {} as CallSettings);

test('a value is sealed to the key of the person, with its rules and the entries of the custody', async () => {
  const { value, metadata: entries } = await seal();
  expect(entries).toEqual({ ...metadata, custody: 'approval', allowed_approver: ann });
  expect(value).not.toContain('the secret');
  const sealed = parseSealedValue(value) ?? expect.fail('malformed');
  const binding = { org, name: 'prod/key', version: 1, rulesHash: rulesHash(ruleEntries(entries)) };
  const share = await openShare(binding, sealed, held.secret, sealed.share);
  expect(await openApprovalValue(binding, sealed, share)).toEqual(utf8Bytes('the secret'));
});

describe('nothing is sealed', () => {
  const refusal = (detail: string) => ({ code: 'approver_key_refused', detail });

  test('to a key that the service made', async () => {
    shown.statement = signPersonKey(held.key, ed25519KeyPairOf(randomBytes()));
    await expect(seal()).rejects.toMatchObject(refusal('bad_signature'));
    shown.statement = utf8Bytes('a key');
    await expect(seal()).rejects.toMatchObject(refusal('malformed'));
  });

  test('with a directory that the pin does not vouch for, or that is older than the statement', async () => {
    const other = approvalCustody({ org, approver: ann, pin: toBase64Url(randomBytes()), now: () => now });
    await expect(seal(other)).rejects.toMatchObject({ code: 'pin_not_reached' });
    const subject = scene.laptop.id;
    scene.directory.append(scene.directory.authority, { op: 'revoke', subject, certificate: new Uint8Array(0) });
    shown.statement = signed((await nextEpoch(scene, held, [scene.phone])).key);
    await expect(seal()).rejects.toMatchObject(refusal('directory_behind'));
    shown.seq += 1;
    await seal();
    shown.statement = signed(held.key);
    await expect(seal()).rejects.toMatchObject(refusal('key_outdated'));
  });

  test('to a key that is older than one that the service showed before', async () => {
    const custody = approvalCustody({ org, approver: ann, pin, now: () => now });
    const newer = await nextEpoch(scene, held, [scene.phone, scene.laptop]);
    shown.statement = signed(newer.key);
    await seal(custody);
    shown.statement = signed(held.key);
    await expect(seal(custody)).rejects.toMatchObject(refusal('older than one shown before'));
  });

  test('that a request could not use or conceal', async () => {
    await expect(seal(undefined, 'abc')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(seal(undefined, 'x'.repeat(4097))).rejects.toMatchObject({ code: 'value_too_large' });
  });

  test('with an option that does not exist', () => {
    const misspelt = { org, approver: ann, pin, aprover: ann };
    expect(() => approvalCustody(misspelt)).toThrow(/there is no option "aprover"; the nearest is "approver"/);
  });

  test('with malformed ids or pins', () => {
    for (const wrong of [{ org: 'Org' }, { approver: 'ann' }, { pin: 'short' }])
      expect(() => approvalCustody({ org, approver: ann, pin, ...wrong })).toThrow(/invalid|must/);
  });
});
