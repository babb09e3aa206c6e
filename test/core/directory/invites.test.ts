/** Invites and enrollment (docs/format-directory.md, section 5). */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { deviceIdOf, fingerprintOf } from '../../../core/directory/directory-ids.ts';
import { directoryPin } from '../../../core/directory/directory-pin.ts';
import {
  createEnrollment,
  type Enrollment,
  type InviteGrant,
  isPossessed,
  isProvenEnrollment,
} from '../../../core/directory/enrollment.ts';
import {
  createInvite,
  formatInvite,
  type Invite,
  inviteLookup,
  inviteProofKey,
  isStoredLookup,
  parseInvite,
  storedLookup,
} from '../../../core/directory/invite.ts';
import { inviteMs } from '../../../core/directory/limits.ts';
import { encodeFieldBytes, toHex } from '../../../core/encoding/bytes.ts';
import { ann, DirectorySimulator, factsOf, newDevice, now, org, otherOrg, summary } from './directory-simulator.ts';

const pin = new Uint8Array(32).map((_, at) => at);
const invite = createInvite(org, pin);
const challenge = new Uint8Array(32).fill(9);
const grant: InviteGrant = { person: ann, role: 'owner' };
const expires = now + inviteMs;
const device = newDevice();
const enroll = (of: Invite = invite, as: InviteGrant = grant) =>
  createEnrollment(of, as, device.ik, device.dh, challenge);

describe('the text of an invite', () => {
  test('has one spelling: every change of a character is refused, in the pin too', () => {
    const text = formatInvite(invite);
    expect(text).toMatch(/^anmi_0123456789abcdef_[0-9a-hjkmnp-tv-z]{16}_[0-9A-Za-z]{49}\.[A-Za-z0-9_-]{43}$/);
    expect(parseInvite(text)).toEqual(invite);
    for (let at = 0; at < text.length; at++) {
      for (const other of ['0', 'a', 'Z', '_'])
        if (text.charAt(at) !== other)
          expect(parseInvite(text.slice(0, at) + other + text.slice(at + 1)), `${at} ${other}`).toBeUndefined();
      expect(parseInvite(text.slice(0, at) + text.slice(at + 1))).toBeUndefined();
    }
    for (const bad of [` ${text}`, `${text}\n`, text.toUpperCase(), text.replace('.', ''), ''])
      expect(parseInvite(bad)).toBeUndefined();
  });

  test('is random: no two invites share an id or a secret', () => {
    const invites = Array.from({ length: 200 }, () => createInvite(org, pin));
    expect(new Set(invites.flatMap(({ id, secret }) => [id, secret])).size).toBe(400);
    expect(() => createInvite('ORG', pin)).toThrow(RangeError);
    expect(() => createInvite(org, new Uint8Array(31))).toThrow(RangeError);
  });
});

describe('A1: of an invite, only a hash is stored, and the server never sees the secret', () => {
  test('lookup, proof key and stored value are those of the page, and differ from each other and from the secret', async () => {
    const derive = (purpose: string) =>
      toHex(
        new Uint8Array(
          hkdfSync('sha256', invite.secret, '', encodeFieldBytes('anima:invite:v1', purpose, org, invite.id), 32),
        ),
      );
    const [lookup, proofKey] = [await inviteLookup(invite), await inviteProofKey(invite)];
    expect([toHex(lookup), toHex(proofKey)]).toEqual([derive('lookup'), derive('enroll')]);
    const sent = [lookup, storedLookup(lookup), (await enroll()).proof, proofKey].map(toHex);
    expect(new Set(sent).size).toBe(4);
    for (const value of sent) expect(value).not.toContain(toHex(Buffer.from(invite.secret).subarray(0, 8)));
  });

  test('the lookup value of another invite, org or id finds nothing', async () => {
    const stored = storedLookup(await inviteLookup(invite));
    expect(isStoredLookup(stored, await inviteLookup(invite))).toBe(true);
    for (const other of [
      { ...invite, org: otherOrg },
      { ...invite, id: '0'.repeat(16) },
      { ...invite, secret: createInvite(org, pin).secret },
    ])
      expect(isStoredLookup(stored, await inviteLookup(other))).toBe(false);
    expect(isStoredLookup(stored, await inviteProofKey(invite))).toBe(false);
    expect(isStoredLookup(stored, stored)).toBe(false);
    expect(isStoredLookup(stored, new Uint8Array(0))).toBe(false);
  });
});

describe('proof of possession, and approval: an enrollment', () => {
  const isProven = (enrollment: Enrollment, at = now, of = invite, as = grant, answered = challenge) =>
    isProvenEnrollment(of, as, expires, enrollment, answered, at);

  test('is proven to the inviting device, with the HMAC of the page', async () => {
    const enrollment = await enroll();
    expect(await isProven(enrollment)).toBe(true);
    expect(isPossessed(org, enrollment, challenge)).toBe(true);
    const fields = encodeFieldBytes(
      'anima:enroll-proof:v1',
      org,
      invite.id,
      pin,
      ann,
      'owner',
      enrollment.ik,
      enrollment.dh,
    );
    const mac = createHmac('sha256', await inviteProofKey(invite))
      .update(fields)
      .digest('hex');
    expect(toHex(enrollment.proof)).toBe(mac);
  });

  test('whose keys, proof, person, role, pin, challenge or time are others, is refused, always with the same answer', async () => {
    const enrollment = await enroll();
    const other = newDevice();
    const stolen = await createEnrollment(invite, grant, other.ik, other.dh, challenge);
    const refused = await Promise.all([
      isProven({ ...enrollment, dh: other.dh }),
      isProven({ ...enrollment, ik: other.ik.publicKey }),
      isProven({ ...stolen, proof: enrollment.proof }),
      isProven({ ...enrollment, possession: stolen.possession }),
      isProven({ ...enrollment, proof: new Uint8Array(32) }),
      isProven({ ...enrollment, proof: enrollment.proof.subarray(1) }),
      isProven({ ...enrollment, invite: '0'.repeat(16) }),
      isProven(await enroll(invite, { ...grant, role: 'agent' })),
      isProven(await enroll(invite, { ...grant, person: 'bobbobbobbobbobb' })),
      isProven(await enroll({ ...invite, pin: new Uint8Array(32) })),
      isProven(await enroll({ ...invite, org: otherOrg })),
      isProven(await enroll(createInvite(org, pin))),
      isProven(enrollment, now, invite, grant, new Uint8Array(32)),
      isProven(enrollment, expires),
    ]);
    expect(refused).toEqual(refused.map(() => false));
  });

  test('shows that the private key of ik is there, over a challenge that was not used before', async () => {
    const enrollment = await enroll();
    expect(isPossessed(otherOrg, enrollment, challenge)).toBe(false);
    expect(isPossessed(org, enrollment, new Uint8Array(32))).toBe(false);
    expect(isPossessed(org, { ...enrollment, possession: enrollment.possession.subarray(1) }, challenge)).toBe(false);
    expect(isPossessed(org, { ...enrollment, dh: new Uint8Array(32) }, challenge)).toBe(false);
    const short = await createEnrollment(invite, grant, device.ik, device.dh, challenge.subarray(1));
    expect(isPossessed(org, short, challenge.subarray(1))).toBe(false);
  });

  test('ends in the directory: invited, proven, admitted, and found by the device above its pin', async () => {
    const directory = new DirectorySimulator().begin();
    const own = createInvite(org, directoryPin(directory.state));
    const enrollment = await enroll(own);
    expect(await isProven(enrollment, now, own)).toBe(true);
    directory.append(directory.authority, { op: 'admit', device: factsOf(device, ann, 'owner', { invite: own.id }) });
    expect(directory.state.devices.get(deviceIdOf(org, enrollment))).toMatchObject({
      ...grant,
      invite: own.id,
      confirmed: true,
    });
    const again = factsOf(newDevice(), 'carolcarolcarolc', 'owner', { invite: own.id });
    expect(summary(directory.write(directory.authority, { op: 'admit', device: again }))).toBe('void invite_reused');
  });
});

test('a fingerprint is 80 bits of the hash whose first half is the id, and changes with each part', () => {
  const keys = { ik: device.ik.publicKey, dh: device.dh };
  expect(fingerprintOf(org, keys)).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  const other = newDevice();
  const all = [
    [org, keys],
    [otherOrg, keys],
    [org, { ...keys, ik: other.ik.publicKey }],
    [org, { ...keys, dh: other.dh }],
  ] as const;
  expect(new Set(all.map(([of, one]) => fingerprintOf(of, one))).size).toBe(4);
  expect(new Set(all.map(([of, one]) => deviceIdOf(of, one))).size).toBe(4);
  // The id is no SHA-256, and the parts are not simply joined.
  expect(deviceIdOf(org, keys)).not.toBe(createHash('sha256').update(keys.ik).digest('hex').slice(0, 32));
});
