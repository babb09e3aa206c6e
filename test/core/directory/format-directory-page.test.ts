/** The worked examples of docs/format-directory.md, recomputed from the page, and checked with libsodium. */
import { x25519 } from '@noble/curves/ed25519.js';
import sodium from 'libsodium-wrappers-sumo';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentDigest, signatureBaseOf } from '../../../core/devices/request-signature.ts';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { checkpointOf } from '../../../core/directory/checkpoint-roots.ts';
import {
  encodeConversation,
  joinConversation,
  readConversation,
  signConversation,
} from '../../../core/directory/conversation.ts';
import { deviceIdOf, fingerprintOf, fleetIdOf, linkIdOf, nameHashOf } from '../../../core/directory/directory-ids.ts';
import { directoryPin } from '../../../core/directory/directory-pin.ts';
import { type DirectoryState, initialDirectory, personState } from '../../../core/directory/directory-state.ts';
import { createEnrollment, isProvenEnrollment } from '../../../core/directory/enrollment.ts';
import { encodeEntry, parseSignedEntry, signEntry } from '../../../core/directory/entry.ts';
import { acceptCertificate, issueCertificate } from '../../../core/directory/fleet-certificate.ts';
import { verifyInclusion } from '../../../core/directory/hash-tree.ts';
import {
  formatInvite,
  inviteLookup,
  inviteProofKey,
  parseInvite,
  storedLookup,
} from '../../../core/directory/invite.ts';
import { inviteMs, maxAuthorities, maxEntryBytes, maxOneTimePrekeys } from '../../../core/directory/limits.ts';
import { mayWrite } from '../../../core/directory/may-write.ts';
import { acceptBundle, readOneTimePrekey, signBundle, signOneTimePrekey } from '../../../core/directory/prekeys.ts';
import { signSessionRequest } from '../../../core/directory/request-signature.ts';
import { resumeFromCheckpoint } from '../../../core/directory/resume-from-checkpoint.ts';
import { type SigningKey, signingKeyOf } from '../../../core/directory/signing-key.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { encodeFieldBytes, toBase64, toHex, u32Bytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { readExamplePage } from '../example-page.ts';
import { summary } from './directory-simulator.ts';

const { text, hex, unread } = readExamplePage('format-directory.md');
const org = text('org');
const start = 1_795_996_800_000;
const day = 86_400_000;
const [ann, bob] = ['annannannannanna', 'bobbobbobbobbobb'];
const count = 24;
const cosigned = [22];

const keyOf = (name: string): SigningKey => signingKeyOf(hex(`${name} seed`));
const deviceOf = (name: string) => {
  const ik = signingKeyOf(hex(`${name} ik seed`));
  const dh = hex(`${name} dh`);
  return { id: text(`${name} id`), ik, dh, keys: { ik: ik.publicKey, dh } };
};
const signedEntry = (seq: number, signature = seq) =>
  encodeFieldBytes(
    hex(`entry ${seq}`),
    hex(`signature ${signature}`),
    cosigned.includes(seq) ? hex(`cosignature ${seq}`) : '',
  );
const entryAt = (seq: number) => {
  const entry = parseSignedEntry(signedEntry(seq));
  return typeof entry === 'string' ? expect.fail(entry) : entry;
};
const states: DirectoryState[] = [initialDirectory(org)];
const outcomes: string[] = [];
const stateAt = (seq: number): DirectoryState => states[seq] ?? expect.fail(`no state ${seq}`);
/** The examples of a name and a number, counted from 1. */
const numbered = (name: string, length: number) => Array.from({ length }, (_, at) => hex(`${name} ${at + 1}`));

beforeAll(async () => {
  await sodium.ready;
  for (let seq = 1; seq <= count; seq++) {
    const outcome = applyEntry(stateAt(seq - 1), signedEntry(seq));
    if (outcome.result === 'stop') expect.fail(`${seq}: ${outcome.reason}`);
    outcomes.push(summary(outcome));
    states.push(outcome.state);
  }
});

describe('docs/format-directory.md', () => {
  test('section 1: keys, ids, a fingerprint and the hash of a name', () => {
    for (const name of ['X', 'Y', 'Z', 'R', 'F']) expect(keyOf(name).publicKey).toEqual(hex(`${name} key`));
    for (const name of ['A', 'B', 'C', 'D', 'E', 'M', 'N']) {
      const { id, ik, keys } = deviceOf(name);
      expect(ik.publicKey).toEqual(hex(`${name} ik`));
      expect(new Uint8Array(x25519.getPublicKey(hex(`${name} dh secret`)))).toEqual(keys.dh);
      expect(deviceIdOf(org, keys)).toBe(id);
      const hash = sodium.crypto_generichash(32, encodeFieldBytes('anima:device:v1', org, keys.ik, keys.dh), null);
      expect(toHex(hash.subarray(0, 16))).toBe(id);
    }
    expect(fingerprintOf(org, deviceOf('A').keys)).toBe(text('A fingerprint'));
    expect(nameHashOf(org, text('C id'), hex('name salt'), text('name of C'))).toEqual(hex('name hash'));
    expect(stateAt(count).devices.get(text('C id'))?.name).toEqual(hex('name hash'));
  });

  test('section 3: the ids of the link and the fleet', () => {
    const [a = '', b = ''] = [text('D id'), text('E id')].toSorted();
    expect(linkIdOf(org, a, b)).toBe(text('link'));
    expect(fleetIdOf(org, hex('F key'))).toBe(text('fleet'));
    expect([...stateAt(12).links.keys(), ...stateAt(14).fleets.keys()]).toEqual([text('link'), text('fleet')]);
    expect(mayWrite(stateAt(11), text('D id'), text('E id'), start)).toBe(false);
    expect(mayWrite(stateAt(12), text('D id'), text('E id'), start)).toBe(true);
  });

  test('section 4: pins', () => {
    expect(directoryPin(stateAt(1))).toEqual(hex('pin 1'));
    expect(directoryPin(stateAt(24))).toEqual(hex('pin 24'));
  });

  test('section 5: an invite, what follows from it, and an enrollment', async () => {
    const invite = parseInvite(text('invite')) ?? expect.fail('no invite');
    expect(invite).toEqual({ org, id: text('invite id'), secret: text('secret'), pin: hex('pin 1') });
    expect(formatInvite(invite)).toBe(text('invite'));
    expect(await inviteLookup(invite)).toEqual(hex('lookup'));
    expect(await inviteProofKey(invite)).toEqual(hex('proof key'));
    expect(storedLookup(hex('lookup'))).toEqual(hex('stored'));
    const { ik, dh } = deviceOf('A');
    const grant = { person: ann, role: 'owner' } as const;
    const enrollment = await createEnrollment(invite, grant, ik, dh, hex('challenge'));
    expect([enrollment.proof, enrollment.possession]).toEqual([hex('proof'), hex('possession')]);
    expect(await isProvenEnrollment(invite, grant, start + inviteMs, enrollment, hex('challenge'), start)).toBe(true);
    expect(stateAt(2).devices.get(text('A id'))).toMatchObject({ ...grant, invite: invite.id, confirmed: true });
  });

  test('section 6: a certificate', () => {
    const facts = { serial: 1, can: ['mail'], ...deviceOf('M').keys, issued: start, expires: start + day };
    const signed = encodeFieldBytes(hex('certificate'), hex('certificate signature'));
    expect(issueCertificate(org, keyOf('F'), facts)).toEqual(signed);
    expect(acceptCertificate(stateAt(14), signed, start, undefined)?.id).toBe(text('M id'));
    expect(acceptCertificate(stateAt(13), signed, start, undefined)).toBeUndefined();
    expect(acceptCertificate(stateAt(18), signed, start, undefined)).toBeUndefined();
  });

  test('section 7: a conversation', () => {
    const facts = {
      host: ann,
      nonce: hex('nonce'),
      version: 1,
      persons: [ann, bob],
      agents: [text('D id'), text('E id')],
      time: start + 12_500,
      head: stateAt(12).head,
    };
    const statement = encodeConversation(org, facts);
    expect(statement).toEqual(hex('statement'));
    const signatures = ['A', 'B'].map((name) => ({
      device: text(`${name} id`),
      signature: hex(`signature of ${name}`),
    }));
    for (const [at, name] of ['A', 'B'].entries())
      expect(signConversation(statement, deviceOf(name).ik)).toEqual(signatures[at]?.signature);
    const conversation = readConversation(stateAt(12), joinConversation(statement, signatures)) ?? expect.fail();
    expect(conversation.id).toBe(text('conversation'));
    expect(mayWrite(stateAt(12), text('B id'), text('D id'), start, conversation)).toBe(true);
    expect(mayWrite(stateAt(16), text('B id'), text('D id'), start, conversation)).toBe(false);
    expect(mayWrite(stateAt(23), text('A id'), text('D id'), start, conversation)).toBe(false);
  });

  test('section 8: a checkpoint, the start of a new client, and an inclusion proof', () => {
    const roots = checkpointOf(stateAt(14));
    expect([roots.entries, roots.state]).toEqual([hex('entries root'), hex('state root')]);
    const [subtrees, leaves] = [numbered('subtree', 3), numbered('leaf', 8)];
    expect([stateAt(14).entries.subtrees, encodeLeaves(stateAt(14))]).toEqual([subtrees, leaves]);
    const tail = Array.from({ length: 9 }, (_, at) => signedEntry(16 + at));
    const bundle = { checkpoint: signedEntry(15), subtrees, leaves, tail };
    const resumed = resumeFromCheckpoint(org, hex('pin 24'), bundle) ?? expect.fail('not resumed');
    expect(checkpointOf(resumed)).toEqual(checkpointOf(stateAt(24)));
    expect(resumeFromCheckpoint(org, hex('pin 1'), bundle)).toBeUndefined();
    const proof = numbered('inclusion', 4);
    expect(verifyInclusion(hex('hash 2'), 1, 14, proof, roots.entries)).toBe(true);
    expect(verifyInclusion(hex('hash 3'), 1, 14, proof, roots.entries)).toBe(false);
  });

  test('section 9: a bundle and a one-time prekey', () => {
    const { ik, dh, keys } = deviceOf('A');
    const facts = {
      seq: 5,
      signedPrekey: { id: 3, key: hex('spk') },
      kemKey: { id: 4, key: hex('kem key') },
      created: start,
      expires: start + 30 * day,
    };
    const bundle = encodeFieldBytes(hex('bundle'), hex('bundle signature'));
    expect(signBundle(org, ik, dh, facts)).toEqual(bundle);
    expect(acceptBundle(org, keys, bundle, start, undefined)).toMatchObject(facts);
    const prekey = encodeFieldBytes(hex('one-time prekey'), hex('one-time signature'));
    expect(signOneTimePrekey(org, ik, dh, { id: 21, key: hex('one-time key') })).toEqual(prekey);
    expect(readOneTimePrekey(org, keys, prekey)).toEqual({ id: 21, key: hex('one-time key') });
    const [statement = expect.fail()] = decodeFieldBytes(prekey) ?? [];
    expect(decodeFieldBytes(statement)?.[3]).toEqual(u32Bytes(21));
  });

  test('section 10: a signed request', async () => {
    const target = { method: 'POST', authority: 'vault.example', path: '/v1/session/messages', query: '' };
    const signer = { org, device: text('A id'), created: 1_764_547_200 };
    const body = utf8Bytes('{}');
    const headers = await signSessionRequest(deviceOf('A').ik, signer, target, body);
    const base = signatureBaseOf(target, await contentDigest(body), headers['signature-input'].slice('anima='.length));
    expect(Buffer.from(base).toString().replaceAll('\n', '\\n')).toBe(text('request base'));
    expect(headers.signature).toBe(`anima=:${text('request signature')}:`);
    const signature = Buffer.from(text('request signature'), 'base64');
    expect(sodium.crypto_sign_verify_detached(signature, base, hex('A ik'))).toBe(true);
    expect(toBase64(signature)).toBe(text('request signature'));
  });

  test('section 11: limits', () => {
    expect([maxEntryBytes, maxAuthorities, maxOneTimePrekeys]).toEqual([8192, 16, 50]);
  });

  test('section 13: the chain, with hashes and signatures that libsodium computes too', () => {
    for (let seq = 1; seq <= count; seq++) {
      const { unsigned, signature, cosignature, ...entry } = entryAt(seq);
      expect(encodeEntry(entry)).toEqual(unsigned);
      expect(entry.time).toBe(start + 1000 * seq);
      expect(outcomes[seq - 1]).toBe(seq === 19 ? 'void forbidden' : 'accept');
      expect(stateAt(seq).head).toEqual({ seq, hash: hex(`hash ${seq}`) });
      expect(toHex(sodium.crypto_generichash(32, unsigned, null))).toBe(text(`hash ${seq}`));
      expect(sodium.crypto_sign_verify_detached(signature, unsigned, entry.signer)).toBe(true);
      if (cosignature !== undefined)
        expect(sodium.crypto_sign_verify_detached(cosignature, unsigned, entry.cosigner ?? expect.fail())).toBe(true);
    }
    const { unsigned: _, signature: __, cosignature: ___, ...rotate } = entryAt(22);
    expect(signEntry(rotate, keyOf('X'), keyOf('Y'))).toEqual(signedEntry(22));
  });

  test('section 13: ends in the state that the page describes', () => {
    const state = stateAt(count);
    const roots = checkpointOf(state);
    expect([roots.entries, roots.state]).toEqual([hex('final entries root'), hex('final state root')]);
    expect(encodeLeaves(state)).toEqual(numbered('final leaf', 10));
    expect(state.retired).toEqual([hex('X key')]);
    expect([personState(stateAt(22), bob), personState(stateAt(23), bob), personState(state, bob)]).toEqual([
      'established',
      'lost',
      'established',
    ]);
    const status = (name: string) => state.devices.get(text(`${name} id`))?.status;
    expect(['A', 'B', 'C', 'D', 'E', 'N'].map(status)).toEqual([
      'active',
      'revoked',
      'revoked',
      'active',
      'active',
      'active',
    ]);
    expect(state.members.get(text('M id'))).toMatchObject({ fleet: text('fleet'), status: 'suspended', changed: 18 });
  });

  test('section 13: is not continued by the entries that the page names', () => {
    expect(summary(applyEntry(stateAt(1), signedEntry(3)))).toBe('stop bad_sequence');
    expect(summary(applyEntry(stateAt(2), signedEntry(3, 4)))).toBe('stop bad_signature');
    const { unsigned: _, signature: __, cosignature: ___, ...entry } = entryAt(20);
    const next = { ...entry, seq: 25, prev: stateAt(24).head.hash };
    for (const signer of [keyOf('X'), deviceOf('B').ik])
      expect(summary(applyEntry(stateAt(24), signEntry({ ...next, signer: signer.publicKey }, signer)))).toBe(
        'stop unknown_signer',
      );
  });

  test('every example of the page is read by a test', () => {
    expect(unread(() => true)).toEqual([]);
  });
});
