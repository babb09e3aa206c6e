/** Bundles, one-time prekeys, certificates of fleets, and signed requests (docs/format-directory.md). */
import { x25519 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { isX25519PublicKey } from '../../../core/directory/directory-ids.ts';
import {
  acceptCertificate,
  type CertificateFacts,
  issueCertificate,
} from '../../../core/directory/fleet-certificate.ts';
import { maxBundleMs } from '../../../core/directory/limits.ts';
import { findParticipant, mayWrite } from '../../../core/directory/may-write.ts';
import {
  acceptBundle,
  type BundleFacts,
  kemKeyLength,
  readOneTimePrekey,
  signBundle,
  signOneTimePrekey,
} from '../../../core/directory/prekeys.ts';
import {
  parseSessionRequest,
  signSessionRequest,
  verifySessionRequest,
} from '../../../core/directory/request-signature.ts';
import { encodeFieldBytes, toBase64 } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { generateEd25519KeyPair, signEd25519 } from '../../../core/hazmat/ed25519.ts';
import {
  accepted,
  ann,
  bob,
  DirectorySimulator,
  factsOf,
  later,
  newDevice,
  now,
  org,
  otherOrg,
  summary,
} from './directory-simulator.ts';

const device = newDevice();
const keys = { ik: device.ik.publicKey, dh: device.dh };
const prekey = (id: number) => ({ id, key: new Uint8Array(x25519.keygen().publicKey) });
const day = 86_400_000;

/** Every byte changed that is checked: each third one of the statement and its signature. */
function* changes(signed: Uint8Array, step: number) {
  for (let at = 0; at < signed.length; at += step) {
    const changed = new Uint8Array(signed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    yield changed;
  }
}

describe('X25519 keys', () => {
  test('of low order, and in an encoding that is not reduced, are refused; they give zero, or repeat another key', () => {
    const low = [
      '00',
      '01',
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `ec${'ff'.repeat(30)}7f`,
    ];
    for (const text of low) {
      const key = new Uint8Array(Buffer.from(text.padEnd(64, '0'), 'hex'));
      expect(isX25519PublicKey(key)).toBe(false);
      expect(() => x25519.getSharedSecret(new Uint8Array(32).fill(5), key)).toThrow();
      expect(isX25519PublicKey(key.with(31, (key[31] ?? 0) | 128))).toBe(false);
    }
    for (const first of [0xed, 0xee, 0xff]) {
      const unreduced = new Uint8Array(32).fill(255).with(0, first).with(31, 0x7f);
      expect(isX25519PublicKey(unreduced)).toBe(false);
    }
    expect(isX25519PublicKey(new Uint8Array(32).fill(255).with(0, 0xeb).with(31, 0x7f))).toBe(true);
    const { publicKey } = x25519.keygen();
    const other = publicKey.with(31, (publicKey[31] ?? 0) | 128);
    const secret = new Uint8Array(32).fill(5);
    expect(x25519.getSharedSecret(secret, other)).toEqual(x25519.getSharedSecret(secret, publicKey));
    expect([isX25519PublicKey(new Uint8Array(publicKey)), isX25519PublicKey(new Uint8Array(other))]).toEqual([
      true,
      false,
    ]);
  });
});

describe('a bundle', () => {
  const facts: BundleFacts = {
    seq: 5,
    signedPrekey: prekey(3),
    kemKey: { id: 4, key: new Uint8Array(kemKeyLength).fill(2) },
    created: now,
    expires: now + 30 * day,
  };
  const signed = signBundle(org, device.ik, device.dh, facts);
  const accept = (bytes: Uint8Array, at = now, last?: Parameters<typeof acceptBundle>[4], of = keys, inOrg = org) =>
    acceptBundle(inOrg, of, bytes, at, last);

  test('is accepted as the device signed it, and in no other form', () => {
    expect(accept(signed)).toMatchObject({ ...facts, device: device.id, dh: device.dh });
    for (const changed of changes(signed, 11)) expect(accept(changed)).toBeUndefined();
    const other = newDevice();
    expect(accept(signed, now, undefined, { ...keys, dh: other.dh })).toBeUndefined();
    expect(accept(signed, now, undefined, { ...keys, ik: other.ik.publicKey })).toBeUndefined();
    expect(accept(signed, now, undefined, keys, otherOrg)).toBeUndefined();
    expect(accept(signOneTimePrekey(org, device.ik, device.dh, prekey(1)))).toBeUndefined();
  });

  test('with the dh of somebody else is refused, although the device signed it', () => {
    const [statement = expect.fail()] = decodeFieldBytes(signed) ?? [];
    const fields = decodeFieldBytes(statement) ?? [];
    const swapped = encodeFieldBytes(...fields.slice(0, 4), newDevice().dh, ...fields.slice(5));
    expect(accept(encodeFieldBytes(swapped, signEd25519(device.ik.seed, swapped)))).toBeUndefined();
  });

  test('is not replayed: a lower seq is refused, and the same one with other content', () => {
    const { hash } = accept(signed) ?? expect.fail();
    expect(accept(signed, now, { number: 5, hash })).toBeDefined();
    expect(accept(signed, now, { number: 4, hash: keys.dh })).toBeDefined();
    expect(accept(signed, now, { number: 6, hash })).toBeUndefined();
    expect(accept(signed, now, { number: 5, hash: keys.dh })).toBeUndefined();
  });

  test('ends at its expiry, is not from the future, and lives for at most 47 days', () => {
    expect(accept(signed, now + 30 * day - 1)).toBeDefined();
    expect(accept(signed, now + 30 * day)).toBeUndefined();
    expect(accept(signed, now - 300_000)).toBeDefined();
    expect(accept(signed, now - 300_001)).toBeUndefined();
    expect(() => signBundle(org, device.ik, device.dh, { ...facts, expires: now + maxBundleMs + 1 })).toThrow(
      RangeError,
    );
    expect(() => signBundle(org, device.ik, device.dh, { ...facts, expires: now })).toThrow(RangeError);
    const zero = { id: 1, key: new Uint8Array(32) };
    expect(() => signBundle(org, device.ik, device.dh, { ...facts, signedPrekey: zero })).toThrow(RangeError);
    expect(() => signOneTimePrekey(org, device.ik, device.dh, zero)).toThrow(RangeError);
  });
});

test('a one-time prekey is accepted as its device signed it, and from no other one', () => {
  const facts = prekey(7);
  const signed = signOneTimePrekey(org, device.ik, device.dh, facts);
  expect(readOneTimePrekey(org, keys, signed)).toEqual(facts);
  for (const changed of changes(signed, 3)) expect(readOneTimePrekey(org, keys, changed)).toBeUndefined();
  const other = newDevice();
  expect(readOneTimePrekey(org, { ik: other.ik.publicKey, dh: other.dh }, signed)).toBeUndefined();
  expect(readOneTimePrekey(otherOrg, keys, signed)).toBeUndefined();
  const zero = encodeFieldBytes('anima:one-time-prekey:v1', org, device.id, new Uint8Array(4), new Uint8Array(32));
  expect(readOneTimePrekey(org, keys, encodeFieldBytes(zero, signEd25519(device.ik.seed, zero)))).toBeUndefined();
});

describe('a fleet', () => {
  const directory = new DirectorySimulator().begin();
  const [annPhone, bobPhone] = [directory.admit(ann, 'owner'), directory.admit(bob, 'owner')];
  const bobAgent = directory.add(bobPhone, bob, 'agent');
  const { id, key } = directory.delegate(annPhone, ann, ['mail', 'shell']);
  const facts: CertificateFacts = { serial: 2, can: ['mail'], ...keys, issued: now, expires: now + day };
  const signed = issueCertificate(org, key, facts);
  const start = directory.state;
  const accept = (bytes: Uint8Array, at = now, last?: Parameters<typeof acceptCertificate>[3], state = start) =>
    acceptCertificate(state, bytes, at, last);
  /** The state after further entries. The simulated directory itself does not change. */
  const stateAfter = (...changed: readonly (() => void)[]) => {
    for (const change of changed) change();
    const { state } = directory;
    directory.state = start;
    return state;
  };

  test('issues certificates: its agents add nothing to the chain, and have the person of the fleet', () => {
    const certificate = accept(signed) ?? expect.fail();
    expect(findParticipant(start, certificate, now)).toEqual({
      id: device.id,
      person: ann,
      role: 'agent',
      can: ['mail'],
      ...keys,
      group: id,
    });
    for (const changed of changes(signed, 3)) expect(accept(changed)).toBeUndefined();
    expect(accept(issueCertificate(org, generateEd25519KeyPair(), facts))).toBeUndefined();
    expect(accept(issueCertificate(otherOrg, key, facts))).toBeUndefined();
  });

  test('gives no more rights than it has, for at most 24 hours, and no replay of an older certificate', () => {
    expect(accept(issueCertificate(org, key, { ...facts, can: ['mail', 'root'] }))).toBeUndefined();
    expect(() => issueCertificate(org, key, { ...facts, expires: now + day + 1 })).toThrow(RangeError);
    expect([accept(signed, now + day - 1) === undefined, accept(signed, now + day)]).toEqual([false, undefined]);
    expect([accept(signed, now - 300_000) === undefined, accept(signed, now - 300_001)]).toEqual([false, undefined]);
    const { hash } = accept(signed) ?? expect.fail();
    expect(accept(signed, now, { number: 2, hash })).toBeDefined();
    expect(accept(signed, now, { number: 3, hash })).toBeUndefined();
    expect(accept(signed, now, { number: 2, hash: device.dh })).toBeUndefined();
  });

  test('ends by expiry, suspension and revocation, and begins with the countersignature', () => {
    const late = issueCertificate(org, key, { ...facts, issued: later - 10, expires: later + 10 });
    expect([accept(late, later - 1) === undefined, accept(late, later)]).toEqual([false, undefined]);
    for (const op of ['suspend', 'revoke'] as const)
      expect(
        accept(
          signed,
          now,
          undefined,
          stateAfter(() => accepted(directory.setStatus(op, id))),
        ),
      ).toBeUndefined();
    const pending = generateEd25519KeyPair();
    const fleet = { key: pending.publicKey, person: ann, can: ['mail'], expires: later };
    const unconfirmed = stateAfter(() => directory.append(directory.authority, { op: 'delegate', fleet }));
    expect(accept(issueCertificate(org, pending, facts), now, undefined, unconfirmed)).toBeUndefined();
  });

  test('does not bring back a revoked device, nor a member that was suspended', () => {
    const revoked = { ik: bobAgent.ik.publicKey, dh: bobAgent.dh };
    const state = stateAfter(() => accepted(directory.setStatus('revoke', bobAgent.id)));
    expect(accept(issueCertificate(org, key, { ...facts, ...revoked }), now, undefined, state)).toBeUndefined();
    expect(accept(issueCertificate(org, key, { ...facts, dh: bobAgent.dh }), now, undefined, state)).toBeUndefined();
    const suspended = stateAfter(() => accepted(directory.setStatus('suspend', device.id, annPhone.ik, signed)));
    expect(accept(signed, now, undefined, suspended)).toBeUndefined();
    const certificate = accept(signed) ?? expect.fail();
    expect(findParticipant(suspended, certificate, now)).toBeUndefined();
    const admitted = stateAfter(() =>
      directory.append(directory.authority, { op: 'admit', device: factsOf(device, ann, 'agent') }),
    );
    expect(findParticipant(admitted, certificate, now)).toBeUndefined();
  });

  test('is linked as a whole: with an agent, and with itself', () => {
    const certificate = accept(signed) ?? expect.fail();
    const other = newDevice();
    const second =
      accept(issueCertificate(org, key, { ...facts, ik: other.ik.publicKey, dh: other.dh })) ?? expect.fail();
    expect(mayWrite(start, certificate, bobAgent.id, now)).toBe(false);
    const [a = '', b = ''] = [id, bobAgent.id].toSorted();
    const linked = stateAfter(
      () => directory.append(directory.authority, { op: 'link', a, b }),
      () => directory.append(directory.authority, { op: 'link', a: id, b: id }),
      () => {
        const [outer = '', inner = ''] = directory.state.links.keys();
        directory.countersign(annPhone, outer);
        directory.countersign(bobPhone, outer);
        directory.countersign(annPhone, inner);
      },
    );
    for (const [from, to] of [
      [certificate, bobAgent.id],
      [bobAgent.id, second],
      [certificate, second],
    ] as const)
      expect(mayWrite(linked, from, to, now)).toBe(true);
    expect(mayWrite(linked, certificate, certificate, now)).toBe(false);
    expect(mayWrite(linked, certificate, bobAgent.id, now + day)).toBe(false);
    expect(summary(directory.write(directory.authority, { op: 'link', a: bobAgent.id, b: bobAgent.id }))).toBe(
      'void unknown_subject',
    );
    directory.state = start;
  });
});

describe('a signed request', () => {
  const target = { method: 'POST', authority: 'vault.example', path: '/v1/session/messages', query: 'a=1' };
  const body = Buffer.from('{}');
  const signer = { org, device: device.id, created: now / 1000 };

  test('verifies with the key of its device, over method, host, path, query, body and time', async () => {
    const headers = await signSessionRequest(device.ik, signer, target, body);
    const claimed = parseSessionRequest(headers) ?? expect.fail();
    expect(claimed).toMatchObject(signer);
    const digest = headers['content-digest'];
    const isValid = (
      changes: Partial<typeof target> = {},
      bytes: Uint8Array = body,
      claim = claimed,
      header: string | undefined = digest,
    ) => verifySessionRequest(device.ik.publicKey, { ...target, ...changes }, bytes, header, claim);
    expect(await isValid()).toBe(true);
    const refused = await Promise.all([
      isValid({ method: 'GET' }),
      isValid({ authority: 'other.example' }),
      isValid({ path: '/v1/session/acks' }),
      isValid({ query: '' }),
      isValid({}, Buffer.from('{} ')),
      isValid({}, body, { ...claimed, created: now / 1000 + 1 }),
      isValid({}, body, { ...claimed, org: otherOrg }),
      isValid({}, body, { ...claimed, device: '0'.repeat(32) }),
      isValid({}, body, claimed, ''),
      verifySessionRequest(device.ik.publicKey, target, body, undefined, claimed),
      verifySessionRequest(newDevice().ik.publicKey, target, body, digest, claimed),
    ]);
    expect(refused).toEqual(refused.map(() => false));
  });

  test('of a member of a fleet covers the certificate: without it, or with another one, it does not verify', async () => {
    const certificate = toBase64(new Uint8Array(40).fill(7));
    const headers = await signSessionRequest(device.ik, { ...signer, certificate }, target, body);
    expect(headers['anima-certificate']).toBe(certificate);
    expect(headers['signature-input']).toContain('"content-digest" "anima-certificate");created=');
    const claimed = parseSessionRequest(headers) ?? expect.fail();
    const verify = (claim: typeof claimed) =>
      verifySessionRequest(device.ik.publicKey, target, body, headers['content-digest'], claim);
    expect(await verify(claimed)).toBe(true);
    expect(await verify({ ...claimed, certificate: toBase64(new Uint8Array(40).fill(8)) })).toBe(false);
    const { certificate: _, ...bare } = claimed;
    expect(await verify(bare)).toBe(false);
    // The list of components tells whether there is a certificate.
    const { 'anima-certificate': __, ...without } = headers;
    expect(parseSessionRequest(without)).toBeUndefined();
    const plain = await signSessionRequest(device.ik, signer, target, body);
    expect(parseSessionRequest({ ...plain, 'anima-certificate': certificate })).toBeUndefined();
  });

  test('has one form', async () => {
    const headers = await signSessionRequest(device.ik, signer, target, body);
    const input = headers['signature-input'];
    const forms = [
      input.replace('anima=', 'sig1='),
      input.replace(' "@query"', ''),
      input.replace(';created', '; created'),
      input.replace('anima-session-v1', 'anima-device-v1'),
      input.replace('ed25519', 'ecdsa-p256-sha256'),
      input.replace(org, org.toUpperCase()),
      input.replace(device.id, device.id.slice(1)),
      `${input};nonce="x"`,
      '',
    ];
    for (const form of forms) expect(parseSessionRequest({ ...headers, 'signature-input': form })).toBeUndefined();
    for (const signature of ['', 'anima=:AAAA:', headers.signature.replace('anima', 'x')])
      expect(parseSessionRequest({ ...headers, signature })).toBeUndefined();
  });
});
