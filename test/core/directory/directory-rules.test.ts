/** Who may sign what (docs/format-directory.md, section 3). */
import { describe, expect, test } from 'vitest';
import { personState } from '../../../core/directory/directory-state.ts';
import type { EntryBody } from '../../../core/directory/entry-bodies.ts';
import { issueCertificate } from '../../../core/directory/fleet-certificate.ts';
import { mayWrite } from '../../../core/directory/may-write.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { generateEd25519KeyPair } from '../../../core/hazmat/ed25519.ts';
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
  summary,
} from './directory-simulator.ts';

const none = new Uint8Array(0);

/** Two persons with a phone and an agent each. */
function twoPersons() {
  const directory = new DirectorySimulator().begin();
  const [annPhone, bobPhone] = [directory.admit(ann, 'owner'), directory.admit(bob, 'owner')];
  const annAgent = directory.add(annPhone, ann, 'agent');
  const bobAgent = directory.add(bobPhone, bob, 'agent');
  return { directory, annPhone, bobPhone, annAgent, bobAgent };
}

/** Expects that the entry is void: the head moves, and nothing else. */
function expectVoid(
  directory: DirectorySimulator,
  reason: string,
  write: () => ReturnType<DirectorySimulator['write']>,
) {
  const before = directory.state;
  expect(summary(write())).toBe(`void ${reason}`);
  expect(directory.state.head.seq).toBe(before.head.seq + 1);
  expect(encodeLeaves(directory.state)).toEqual(encodeLeaves(before));
}

describe('a stolen authority key', () => {
  test('cannot rotate alone, not even with the key of a device; the recovery key or two authorities can', () => {
    const { directory, annPhone } = twoPersons();
    const [stolen, second] = directory.authorities;
    const thief = generateEd25519KeyPair();
    const takeover = () => directory.keysBody('rotate', [stolen, thief], generateEd25519KeyPair());
    expectVoid(directory, 'forbidden', () => directory.write(stolen, takeover()));
    expect(summary(directory.write(stolen, takeover(), annPhone.ik))).toBe('stop unknown_signer');
    expect(summary(directory.write(stolen, takeover(), thief))).toBe('stop unknown_signer');
    expect(summary(directory.write(thief, takeover()))).toBe('stop unknown_signer');
    const replacement = generateEd25519KeyPair();
    directory.append(directory.recovery, directory.keysBody('rotate', [second, replacement]));
    expect(summary(directory.write(stolen, takeover()))).toBe('stop unknown_signer');
    directory.append(second, directory.keysBody('rotate', [second], generateEd25519KeyPair()), replacement);
    expect(summary(directory.write(directory.recovery, directory.keysBody('rotate')))).toBe('stop unknown_signer');
  });

  test('a lost one is not the end: the other authority goes on, and the recovery key replaces all', () => {
    const { directory } = twoPersons();
    const [, second] = directory.authorities;
    expect(
      summary(directory.write(second, { op: 'admit', device: factsOf(newDevice(), 'carolcarolcarolc', 'owner') })),
    ).toBe('accept');
    const fresh = generateEd25519KeyPair();
    directory.append(directory.recovery, directory.keysBody('rotate', [fresh]));
    expect(summary(directory.write(second, directory.keysBody('rotate')))).toBe('stop unknown_signer');
    directory.append(fresh, { op: 'admit', device: factsOf(newDevice(), 'davedavedavedave', 'owner') });
  });

  test('retired keys never return, and no key has two uses', () => {
    const { directory, annPhone } = twoPersons();
    const [first, second] = directory.authorities;
    const fresh = generateEd25519KeyPair();
    directory.append(directory.recovery, directory.keysBody('rotate', [fresh]));
    for (const keys of [[first], [annPhone.ik], [fresh, second]])
      expectVoid(directory, 'key_reused', () =>
        directory.write(directory.recovery, directory.keysBody('rotate', keys)),
      );
    for (const recovery of [first, annPhone.ik])
      expectVoid(directory, 'key_reused', () =>
        directory.write(directory.recovery, directory.keysBody('rotate', [fresh], recovery)),
      );
    const keys = directory.keysBody('rotate', [fresh], fresh);
    expectVoid(directory, 'malformed_body', () => directory.write(directory.recovery, keys));
    const device = (ik: typeof first) =>
      ({ op: 'admit', device: factsOf({ ...newDevice(), ik }, 'carolcarolcarolc', 'owner') }) as const;
    for (const used of [first, fresh, directory.recovery, annPhone.ik])
      expectVoid(directory, 'key_reused', () => directory.write(fresh, device(used)));
  });
});

describe('admin approval alone is not enough: an admin’s ghost device', () => {
  test.each(['owner', 'agent', 'broker'] as const)(
    'as %s of a person is pending until that person countersigns',
    (role) => {
      const { directory, annPhone, bobPhone } = twoPersons();
      const ghost = directory.admit(ann, role);
      expect(directory.state.devices.get(ghost.id)).toMatchObject({ confirmed: false, status: 'active' });
      // It signs nothing, and cannot confirm itself.
      const body: EntryBody = { op: 'countersign', subject: ghost.id, entry: directory.entryOf(ghost.id) };
      expect(summary(directory.write(ghost.ik, body))).toBe('stop unknown_signer');
      expectVoid(directory, 'forbidden', () => directory.write(bobPhone.ik, body));
      expectVoid(directory, 'forbidden', () => directory.write(directory.authority, body));
      expectVoid(directory, 'forbidden', () => directory.write(directory.recovery, body));
      directory.countersign(annPhone, ghost.id);
      expect(directory.state.devices.get(ghost.id)?.confirmed).toBe(true);
      expectVoid(directory, 'not_pending', () => directory.write(annPhone.ik, body));
    },
  );

  test('cannot take the place of a person whose devices the same admin revoked; two authorities can restore it', () => {
    const { directory, annPhone } = twoPersons();
    const [stolen, second] = directory.authorities;
    // A pending ghost device does not keep the person established.
    directory.admit(ann, 'owner');
    accepted(directory.setStatus('revoke', annPhone.id));
    expect(personState(directory.state, ann)).toBe('lost');
    const ghost = (role: 'owner' | 'agent') => ({ op: 'admit', device: factsOf(newDevice(), ann, role) }) as const;
    expectVoid(directory, 'no_owner', () => directory.write(stolen, ghost('owner')));
    expectVoid(directory, 'no_owner', () => directory.write(stolen, ghost('agent')));
    expectVoid(directory, 'forbidden', () => directory.write(stolen, ghost('agent'), second));
    directory.append(second, ghost('owner'), stolen);
    expect(personState(directory.state, ann)).toBe('established');
  });

  test('two authorities cannot pass by a person who still has a device', () => {
    const { directory } = twoPersons();
    const [first, second] = directory.authorities;
    const device = factsOf(newDevice(), ann, 'owner');
    expectVoid(directory, 'forbidden', () => directory.write(first, { op: 'admit', device }, second));
    expectVoid(directory, 'forbidden', () => directory.write(directory.recovery, { op: 'admit', device }));
  });

  test('a countersignature is for one entry: with the hash of another one it is void', () => {
    const { directory, annPhone } = twoPersons();
    const [one, two] = [directory.admit(ann, 'agent'), directory.admit(ann, 'owner')];
    const body = { op: 'countersign', subject: one.id, entry: directory.entryOf(two.id) } as const;
    expectVoid(directory, 'other_entry', () => directory.write(annPhone.ik, body));
    expectVoid(directory, 'unknown_subject', () => directory.write(annPhone.ik, { ...body, subject: '0'.repeat(32) }));
  });
});

describe('device-bound identities: devices, keys and invites', () => {
  test('a repeated ik or dh is refused, of present, pending and revoked devices', () => {
    const { directory, annPhone, bobAgent } = twoPersons();
    const pending = directory.admit(ann, 'owner');
    accepted(directory.setStatus('revoke', bobAgent.id));
    const fresh = newDevice();
    for (const { ik, dh } of [annPhone, pending, bobAgent]) {
      for (const device of [
        { ...fresh, ik },
        { ...fresh, dh },
      ])
        expectVoid(directory, 'key_reused', () =>
          directory.write(directory.authority, { op: 'admit', device: factsOf(device, ann, 'owner') }),
        );
    }
  });

  test('an invite that was used, is used once: the chain refuses it even if the service allows it twice', () => {
    const { directory } = twoPersons();
    const invite = 'iiiiiiiiiiiiiiii';
    directory.admit(ann, 'owner', { invite });
    const device = factsOf(newDevice(), bob, 'owner', { invite });
    expectVoid(directory, 'invite_reused', () => directory.write(directory.authority, { op: 'admit', device }));
  });

  test('keys of low order, in another encoding, or equal to each other are refused', () => {
    const { directory } = twoPersons();
    const fresh = newDevice();
    const unreduced = new Uint8Array(fresh.dh).with(31, (fresh.dh[31] ?? 0) | 128);
    const zero = new Uint8Array(32);
    for (const device of [
      factsOf({ ...fresh, dh: unreduced }, ann, 'owner'),
      factsOf({ ...fresh, dh: zero }, ann, 'owner'),
      { ...factsOf(fresh, ann, 'owner'), ik: zero },
      { ...factsOf(fresh, ann, 'owner'), ik: fresh.dh, dh: fresh.dh },
    ])
      expectVoid(directory, 'malformed_body', () => directory.write(directory.authority, { op: 'admit', device }));
  });

  test('agents, brokers and fleets belong to a person who has a device', () => {
    const directory = new DirectorySimulator().begin();
    for (const role of ['agent', 'broker'] as const)
      expectVoid(directory, 'no_owner', () =>
        directory.write(directory.authority, { op: 'admit', device: factsOf(newDevice(), ann, role) }),
      );
    const fleet = { key: generateEd25519KeyPair().publicKey, person: ann, can: [], expires: later };
    expectVoid(directory, 'no_owner', () => directory.write(directory.authority, { op: 'delegate', fleet }));
  });

  test('a revoked device never returns, nor is it resumed, suspended or countersigned', () => {
    const { directory, annPhone, annAgent } = twoPersons();
    const pending = directory.admit(ann, 'agent');
    for (const { id } of [annAgent, pending]) {
      accepted(directory.setStatus('revoke', id));
      expectVoid(directory, 'revoked', () => directory.setStatus('revoke', id));
      expectVoid(directory, 'not_active', () => directory.setStatus('suspend', id));
      expectVoid(directory, 'not_suspended', () => directory.write(directory.authority, { op: 'resume', subject: id }));
      const countersign = { op: 'countersign', subject: id, entry: directory.entryOf(id) } as const;
      expectVoid(directory, 'not_pending', () => directory.write(annPhone.ik, countersign));
    }
  });
});

describe('an owner’s device', () => {
  test('suspends agents of its person, and nobody else; only an authority resumes them', () => {
    const { directory, annPhone, bobPhone, annAgent, bobAgent } = twoPersons();
    const [annLaptop, broker] = [directory.add(annPhone, ann, 'owner'), directory.add(annPhone, ann, 'broker')];
    const suspend = (subject: string) => directory.setStatus('suspend', subject, annPhone.ik);
    for (const { id } of [bobAgent, bobPhone, annLaptop, annPhone, broker])
      expectVoid(directory, 'forbidden', () => suspend(id));
    accepted(suspend(annAgent.id));
    expectVoid(directory, 'forbidden', () => directory.write(annPhone.ik, { op: 'resume', subject: annAgent.id }));
    expectVoid(directory, 'not_active', () => suspend(annAgent.id));
    directory.append(directory.authority, { op: 'resume', subject: annAgent.id });
    expect(directory.state.devices.get(annAgent.id)).toMatchObject({
      status: 'active',
      changed: directory.state.head.seq,
    });
  });

  test('signs no other operation', () => {
    const { directory, annPhone, annAgent, bobAgent } = twoPersons();
    const [a = '', b = ''] = [annAgent.id, bobAgent.id].toSorted();
    const fleet = { key: generateEd25519KeyPair().publicKey, person: ann, can: [], expires: later };
    const bodies: EntryBody[] = [
      { op: 'admit', device: factsOf(newDevice(), ann, 'owner') },
      { op: 'revoke', subject: annAgent.id, certificate: none },
      { op: 'link', a, b },
      { op: 'unlink', a, b },
      { op: 'delegate', fleet },
      directory.keysBody('rotate'),
    ];
    for (const body of bodies) expectVoid(directory, 'forbidden', () => directory.write(annPhone.ik, body));
    expectVoid(directory, 'misplaced_genesis', () => directory.write(annPhone.ik, directory.keysBody('genesis')));
    expectVoid(directory, 'misplaced_genesis', () =>
      directory.write(directory.authority, directory.keysBody('genesis')),
    );
  });

  test('signs nothing while it is suspended, and nothing with a time after its expiry', () => {
    const { directory, annPhone, annAgent } = twoPersons();
    const brief = directory.add(annPhone, ann, 'owner', { expires: now });
    expectVoid(directory, 'expired', () => directory.setStatus('suspend', annAgent.id, brief.ik));
    accepted(directory.setStatus('suspend', annPhone.id));
    expect(summary(directory.setStatus('suspend', annAgent.id, annPhone.ik))).toBe('stop unknown_signer');
  });
});

describe('the recovery key', () => {
  test('signs rotations, and the device of a lost person, and nothing else', () => {
    const { directory, annAgent, bobAgent } = twoPersons();
    const [a = '', b = ''] = [annAgent.id, bobAgent.id].toSorted();
    for (const body of [
      { op: 'suspend', subject: annAgent.id, certificate: none },
      { op: 'revoke', subject: annAgent.id, certificate: none },
      { op: 'resume', subject: annAgent.id },
      { op: 'link', a, b },
      { op: 'admit', device: factsOf(newDevice(), 'carolcarolcarolc', 'owner') },
    ] as const satisfies EntryBody[])
      expectVoid(directory, 'forbidden', () => directory.write(directory.recovery, body));
    const [first] = directory.authorities;
    expectVoid(directory, 'forbidden', () => directory.write(directory.recovery, directory.keysBody('rotate'), first));
  });
});

describe('links', () => {
  test('connect two agents after a device of each person confirmed, until they are removed', () => {
    const { directory, annPhone, bobPhone, annAgent, bobAgent } = twoPersons();
    const [a = '', b = ''] = [annAgent.id, bobAgent.id].toSorted();
    const may = () => mayWrite(directory.state, annAgent.id, bobAgent.id, now);
    directory.append(directory.authority, { op: 'link', a, b });
    const [link = ''] = directory.state.links.keys();
    expect(may()).toBe(false);
    directory.countersign(annPhone, link);
    expect(may()).toBe(false);
    const again = { op: 'countersign', subject: link, entry: directory.entryOf(link) } as const;
    expectVoid(directory, 'forbidden', () => directory.write(annPhone.ik, again));
    expectVoid(directory, 'other_entry', () =>
      directory.write(bobPhone.ik, { ...again, entry: directory.state.genesis }),
    );
    directory.countersign(bobPhone, link);
    expect(may()).toBe(true);
    expectVoid(directory, 'not_pending', () => directory.write(bobPhone.ik, again));
    expectVoid(directory, 'already_linked', () => directory.write(directory.authority, { op: 'link', a, b }));
    directory.append(directory.authority, { op: 'unlink', a, b });
    expect(may()).toBe(false);
    expectVoid(directory, 'not_linked', () => directory.write(directory.authority, { op: 'unlink', a, b }));
    // A new link needs new countersignatures: the old ones name another entry.
    directory.append(directory.authority, { op: 'link', a, b });
    expectVoid(directory, 'other_entry', () => directory.write(annPhone.ik, again));
  });

  test('are between two agents or fleets of the chain, in ascending order', () => {
    const { directory, annPhone, annAgent, bobAgent } = twoPersons();
    const broker = directory.add(annPhone, ann, 'broker');
    const ordered = (one: string, two: string) => {
      const [a = '', b = ''] = [one, two].toSorted();
      return { op: 'link', a, b } as const;
    };
    for (const other of [annPhone.id, broker.id, '0'.repeat(32), annAgent.id])
      expectVoid(directory, 'unknown_subject', () => directory.write(directory.authority, ordered(annAgent.id, other)));
    const { a, b } = ordered(annAgent.id, bobAgent.id);
    expectVoid(directory, 'malformed_body', () => directory.write(directory.authority, { op: 'link', a: b, b: a }));
    accepted(directory.setStatus('revoke', bobAgent.id));
    expectVoid(directory, 'unknown_subject', () =>
      directory.write(directory.authority, ordered(annAgent.id, bobAgent.id)),
    );
  });
});

describe('fleets in the chain', () => {
  test('a member is suspended and revoked by its certificate, also by its owner, and cannot join as a device', () => {
    const { directory, annPhone, bobPhone } = twoPersons();
    const { id, key } = directory.delegate(annPhone, ann);
    const member = newDevice();
    const keys = { ik: member.ik.publicKey, dh: member.dh };
    const certificate = issueCertificate(org, key, { serial: 1, can: [], ...keys, issued: now, expires: now + 3600 });
    expectVoid(directory, 'unknown_subject', () => directory.setStatus('suspend', member.id));
    expectVoid(directory, 'bad_certificate', () =>
      directory.setStatus('suspend', annPhone.id, directory.authority, certificate),
    );
    const other = issueCertificate(org, generateEd25519KeyPair(), {
      serial: 1,
      can: [],
      ...keys,
      issued: now,
      expires: now + 1,
    });
    expectVoid(directory, 'bad_certificate', () =>
      directory.setStatus('suspend', member.id, directory.authority, other),
    );
    expectVoid(directory, 'forbidden', () => directory.setStatus('suspend', member.id, bobPhone.ik, certificate));
    accepted(directory.setStatus('suspend', member.id, annPhone.ik, certificate));
    expect(directory.state.members.get(member.id)).toMatchObject({ fleet: id, status: 'suspended' });
    directory.append(directory.authority, { op: 'resume', subject: member.id });
    accepted(directory.setStatus('revoke', member.id));
    const device = factsOf(member, ann, 'agent');
    expectVoid(directory, 'key_reused', () => directory.write(directory.authority, { op: 'admit', device }));
  });

  test('a fleet is pending until its person confirms it, and its owner can suspend it', () => {
    const { directory, annPhone, bobPhone } = twoPersons();
    const { id, key } = directory.delegate(annPhone, ann);
    const again = { key: key.publicKey, person: ann, can: [], expires: later };
    expectVoid(directory, 'key_reused', () => directory.write(directory.authority, { op: 'delegate', fleet: again }));
    expectVoid(directory, 'forbidden', () => directory.setStatus('suspend', id, bobPhone.ik));
    accepted(directory.setStatus('suspend', id, annPhone.ik));
    const pending = generateEd25519KeyPair();
    const fleet = { key: pending.publicKey, person: ann, can: [], expires: later };
    directory.append(directory.authority, { op: 'delegate', fleet });
    expect([...directory.state.fleets.values()].map(({ confirmed, status }) => [confirmed, status])).toEqual([
      [true, 'suspended'],
      [false, 'active'],
    ]);
    expectVoid(directory, 'malformed_body', () =>
      directory.write(directory.authority, { op: 'delegate', fleet: { ...fleet, expires: 0 } }),
    );
  });
});
