/** Who is in the directory, who was removed, and a service that shows another directory. */
import { expect, test } from 'vitest';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { initialDirectory } from '../../../core/directory/directory-state.ts';
import { signingKeyOf } from '../../../core/directory/signing-key.ts';
import { writeEntry } from '../../../core/directory/write-entry.ts';
import { DirectoryAdmin } from '../../../sdk/src/session/admin/directory-admin.ts';
import { issueFleetCertificate } from '../../../sdk/src/session/admin/fleet-keys.ts';
import { watchedStorage } from '../device/watched-storage.ts';
import { begin } from './fake-clock.ts';
import { ann, bob, day, fullWorld, org, SessionWorld, type WorldDevice } from './session-world.ts';

const kinds = (device: WorldDevice): string[] => device.notices.map(({ kind }) => kind);

test('an enrollment goes on after a crash at each write, and ends with the same device', async () => {
  for (let write = 1; write <= 3; write++) {
    for (const when of ['before', 'after'] as const) {
      const world = await SessionWorld.create();
      const storage = watchedStorage();
      const sessions = world.sessions(storage, []);
      const invite = await world.admin.invite({ person: ann, role: 'owner' });
      const states: string[] = [];
      let admitted = false;
      world.clock.onWait = async () => {
        if (!admitted) await world.admin.admit({ invite });
        admitted = true;
      };
      storage.failAt = { write, when };
      const enroll = () => sessions.enroll({ invite: invite.invite, onProgress: ({ state }) => states.push(state) });
      await expect(enroll()).rejects.toMatchObject({ code: 'storage_failed' });
      storage.failAt = undefined;
      const client = await enroll();
      expect(world.admin.devices()).toMatchObject([{ device: client.device, person: ann, status: 'active' }]);
      expect(states.at(-1)).toBe('active');
      expect([...storage.items.values()].some((bytes) => Buffer.from(bytes).includes(invite.invite))).toBe(false);
      await client.close();
      // The same invite opens the device; another one is refused.
      expect((await enroll()).device).toBe(client.device);
    }
  }
});

test('an enrollment goes on by its org, without the invite, and only where one was begun', async () => {
  const world = await SessionWorld.create();
  const storage = watchedStorage();
  const sessions = world.sessions(storage, []);
  await expect(sessions.enroll({ org })).rejects.toMatchObject({ code: 'not_enrolled' });
  const invite = await world.admin.invite({ person: ann, role: 'owner' });
  const stop = new AbortController();
  const codes: string[] = [];
  const onProgress = ({ fingerprint }: { fingerprint: string }) => codes.push(fingerprint);
  world.clock.onWait = async () => stop.abort();
  const first = sessions.enroll({ invite: invite.invite, onProgress, signal: stop.signal });
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  world.clock.onWait = async () => void (await world.admin.admit({ invite }));
  const client = await sessions.enroll({ org, onProgress });
  expect(new Set(codes)).toEqual(new Set([client.fingerprint()]));
  await client.close();
  expect((await sessions.enroll({ org })).device).toBe(client.device);
});

test('an invite that is mistyped, used, unknown, or for another waiting device is refused', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const invite = await world.admin.invite({ person: ann, role: 'owner' });
  const sessions = world.sessions(watchedStorage(), []);
  await expect(sessions.enroll({ invite: `${invite.invite}x` })).rejects.toMatchObject({ code: 'invite_malformed' });
  await world.admin.cancelInvite(invite.id);
  await expect(sessions.enroll({ invite: invite.invite })).rejects.toMatchObject({ code: 'invite_refused' });
  const next = await world.admin.invite({ person: ann, role: 'owner' });
  await expect(phone.sessions.enroll({ invite: next.invite })).rejects.toMatchObject({ code: 'in_use' });
  await phone.client.close();
  await expect(phone.sessions.enroll({ invite: next.invite })).rejects.toMatchObject({ code: 'invite_mismatch' });
  await expect(phone.sessions.forget({ org, confirm: 'no' })).rejects.toMatchObject({ code: 'invalid_argument' });
  await phone.sessions.forget({ org, confirm: org });
  expect(phone.storage.items.size).toBeGreaterThan(0);
  await expect(phone.sessions.open({ org })).rejects.toMatchObject({ code: 'not_enrolled' });
});

test('A1: the admin admits no other keys, person or role than those of the invited device', async () => {
  const world = await SessionWorld.create();
  const invite = await world.admin.invite({ person: ann, role: 'owner' });
  await expect(world.admin.admit({ invite })).rejects.toMatchObject({ code: 'subject_unknown' });
  const tries: (string | undefined)[] = [];
  world.clock.onWait = async () => {
    const open = world.relay.invites.get(invite.id) ?? expect.fail();
    const { enrollment } = open;
    if (enrollment === undefined) expect.fail();
    for (const change of [
      { dh: new Uint8Array(32).fill(9) },
      { ik: new Uint8Array(enrollment.ik).fill(1) },
      { proof: new Uint8Array(32) },
      { possession: new Uint8Array(64) },
    ]) {
      open.enrollment = { ...enrollment, ...change };
      await world.admin.admit({ invite }).catch(({ code }) => tries.push(code));
    }
    open.enrollment = enrollment;
    for (const change of [{ person: bob }, { role: 'agent' as const }])
      await world.admin.admit({ invite: { ...invite, ...change } }).catch(({ code }) => tries.push(code));
    world.clock.onWait = async () => void (await world.admin.admit({ invite }));
  };
  await world.sessions(watchedStorage(), []).enroll({ invite: invite.invite });
  expect(tries).toEqual(Array.from({ length: 6 }, () => 'invite_refused'));
  expect(world.relay.log).toHaveLength(2);
});

test('A2: a ghost device that an admin adds to a person gets nothing, until a device of the person countersigns it', async () => {
  const { world, phone, bobPhone, laptop, agent, conversation } = await fullWorld();
  const invite = await world.admin.invite({ person: ann, role: 'owner' });
  let ghost = '';
  const controller = new AbortController();
  world.clock.onWait = async () => {
    if (ghost === '') ghost = await world.admin.admit({ invite });
    else controller.abort();
  };
  const states: string[] = [];
  const enrolling = world.sessions(watchedStorage(), []).enroll({
    invite: invite.invite,
    signal: controller.signal,
    onProgress: ({ state }) => states.push(state),
  });
  await expect(enrolling).rejects.toMatchObject({ code: 'aborted' });
  await bobPhone.client.sync();
  const { devices } = await bobPhone.client.send(conversation, 'not for a ghost');
  expect(Object.keys(devices)).not.toContain(ghost);
  expect(Object.keys(devices)).toContain(laptop.id);
  expect(world.relay.mailbox(ghost).messages.size).toBe(0);
  expect(phone.client.devices().find(({ device }) => device === ghost)).toBeUndefined();
  await phone.client.sync();
  expect(phone.client.devices().find(({ device }) => device === ghost)).toMatchObject({ status: 'pending' });
  await expect(phone.client.countersign(ghost, { fingerprint: phone.client.fingerprint() })).rejects.toMatchObject({
    code: 'fingerprint_differs',
  });
  await expect(phone.client.countersign(ghost)).rejects.toMatchObject({ code: 'fingerprint_differs' });
  await expect(
    bobPhone.client.countersign(ghost, { fingerprint: phone.client.fingerprint(ghost) }),
  ).rejects.toMatchObject({
    code: 'change_refused',
  });
  expect(agent.client.person).toBe(ann);
});

test('a further device is shown before the next message goes to it', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  const tablet = await world.enroll(ann, 'owner', phone);
  await bobPhone.client.sync();
  await expect(bobPhone.client.send(conversation, 'x')).rejects.toMatchObject({
    code: 'participants_changed',
    detail: tablet.id,
  });
  const changes = await bobPhone.client.conversations.changes(conversation);
  expect(changes).toEqual({ conversation, added: [{ device: tablet.id, person: ann, role: 'owner' }], removed: [] });
  await bobPhone.client.conversations.accept(changes);
  expect(Object.keys((await bobPhone.client.send(conversation, 'now')).devices)).toContain(tablet.id);
  await tablet.client.sync();
  world.clock.time += 31_000;
  expect(await world.texts(tablet)).toEqual(['now']);
});

test('A3: a device that is suspended or revoked in the midst of a conversation gets and gives nothing any more', async () => {
  const { world, phone, agent, laptop, bobPhone, conversation } = await fullWorld();
  await agent.client.send(conversation, 'before');
  expect(await world.texts(bobPhone)).toEqual(['before']);
  await agent.client.send(conversation, 'on the way');
  await phone.client.suspend(agent.id);
  // Nobody but an admin resumes it; and nobody else is an agent of Ann's.
  await expect(phone.client.suspend(laptop.id)).rejects.toMatchObject({ code: 'change_refused' });
  await expect(agent.client.sync()).rejects.toMatchObject({ code: 'not_active' });
  expect(await agent.client.send(conversation, 'queued').catch(({ code }) => code)).not.toMatchObject({
    state: 'sent',
  });
  // Bob's device learns it before anything is sealed.
  const waiting = world.relay.mailbox(agent.id).messages.size;
  const { devices } = await bobPhone.client.send(conversation, 'without the agent');
  expect(devices).toMatchObject({ [agent.id]: 'refused', [phone.id]: 'sent' });
  expect(world.relay.mailbox(agent.id).messages.size).toBe(waiting);
  expect(await world.texts(bobPhone)).toEqual([]);
  expect(kinds(bobPhone)).toContain('message_quarantined');
  await world.admin.resume(agent.id);
  await bobPhone.client.sync();
  expect(await world.texts(bobPhone)).toEqual(['on the way']);
  await world.admin.revoke(laptop.id);
  await phone.client.sync();
  expect(Object.keys((await phone.client.send(conversation, 'y')).devices)).not.toContain(laptop.id);
  await expect(laptop.client.sync()).rejects.toMatchObject({ code: 'not_active' });
  expect((await phone.client.conversations.changes(conversation)).removed).toContain(laptop.id);
});

test('A3: the keys of sessions with a revoked device are deleted within a day, and those with a suspended one are kept', async () => {
  const { world, phone, agent, laptop, conversation } = await fullWorld();
  await phone.client.send(conversation, 'to both');
  for (const device of [agent, laptop]) expect(await world.texts(device)).toEqual(['to both']);
  // A session has at least the associated data of its handshake.
  const bytesOf = ({ id }: WorldDevice) => phone.storage.items.get(`peer/${id}`)?.length ?? expect.fail();
  expect(Math.min(bytesOf(agent), bytesOf(laptop))).toBeGreaterThan(2_500);
  await world.admin.suspend(agent.id);
  await world.admin.revoke(laptop.id);
  world.clock.time += 86_400_000;
  await phone.client.sync();
  expect(bytesOf(agent)).toBeGreaterThan(2_500);
  expect(bytesOf(laptop)).toBeLessThan(1_000);
  await world.admin.resume(agent.id);
  await phone.client.sync();
  expect((await phone.client.send(conversation, 'again')).devices).toMatchObject({ [agent.id]: 'sent' });
  expect(await world.texts(agent)).toEqual(['again']);
});

test('I2: a frozen directory: the message stays unread, nothing goes to that sender, and it heals', async () => {
  const { world, phone, bobPhone, bobLaptop, conversation } = await fullWorld();
  const shown = world.relay.log.length;
  await world.enroll('carlcarlcarlcarl');
  await phone.client.sync();
  world.relay.frozenAt = shown;
  await phone.client.send(conversation, 'I know more');
  expect(await world.texts(bobPhone)).toEqual([]);
  expect(kinds(bobPhone)).toContain('directory_frozen');
  const sent = await bobPhone.client.send(conversation, 'to all but the phone');
  expect(sent.devices).toMatchObject({ [phone.id]: 'queued', [bobLaptop.id]: 'sent' });
  await phone.client.sync();
  expect(kinds(phone)).toContain('directory_behind');
  world.relay.frozenAt = undefined;
  expect(await world.texts(bobPhone)).toEqual(['I know more']);
  expect((await bobPhone.client.delivery(sent.id)).devices).toMatchObject({ [phone.id]: 'sent' });
});

test('I2: a forked directory: nothing is sent at all, also after a restart', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  // The service gives Bob another next entry than Ann: a stolen authority key signs both.
  const key = signingKeyOf(world.keys.authority);
  const fork = (time: number) =>
    writeEntry(
      world.relay.state,
      {
        op: 'delegate',
        fleet: { key: world.fleetKey.publicKey as never, person: ann, can: [], expires: begin + 9 * day },
      },
      time,
      key,
    );
  const [one, other] = [fork(begin + 1), fork(begin + 2)];
  world.relay.append(one);
  await phone.client.sync();
  world.relay.log.pop();
  world.relay.states.pop();
  world.relay.append(other);
  await bobPhone.client.sync();
  await phone.client.send(conversation, 'from the other side').catch(() => undefined);
  expect(await world.texts(bobPhone)).toEqual([]);
  expect(kinds(bobPhone)).toContain('directory_forked');
  expect(bobPhone.client.isForked).toBe(true);
  await expect(bobPhone.client.send(conversation, 'x')).rejects.toMatchObject({ code: 'directory_forked' });
  await world.reopen(bobPhone);
  await expect(bobPhone.client.send(conversation, 'x')).rejects.toMatchObject({ code: 'directory_forked' });
  expect(phone.client.head().code).not.toBe(bobPhone.client.head().code);
});

test('I1: a directory with another entry, signature or pin is refused, and the verified one stays', async () => {
  const { world, phone } = await fullWorld();
  const head = phone.client.head();
  const last = world.relay.log.at(-1) ?? expect.fail();
  const changed = last.slice();
  changed[changed.length - 10] = (changed.at(-10) ?? 0) ^ 1;
  world.relay.log.push(changed);
  await expect(phone.client.sync()).rejects.toMatchObject({ code: 'bad_directory' });
  world.relay.log.pop();
  await phone.client.sync();
  expect(phone.client.head()).toEqual(head);
  // A service that invents a whole directory of its own.
  const evil = new SessionWorld();
  await evil.admin.genesis(evil.keys.recovery);
  const invite = await world.admin.invite({ person: bob, role: 'owner' });
  evil.relay.invites.set(invite.id, world.relay.invites.get(invite.id) ?? expect.fail());
  evil.clock.onWait = async () => void (await evil.admin.admit({ invite }).catch(() => undefined));
  const controller = new AbortController();
  let waits = 0;
  const before = evil.clock.onWait;
  evil.clock.onWait = async () => {
    await before();
    if (++waits === 3) controller.abort();
  };
  const enrolling = evil.sessions(watchedStorage(), []).enroll({ invite: invite.invite, signal: controller.signal });
  await expect(enrolling).rejects.toMatchObject({ code: 'pin_not_reached' });
  // An admin with a pin believes no other directory either.
  const admin = evil.newAdmin(evil.keys.authority, world.admin.pin);
  await expect(admin.sync()).rejects.toMatchObject({ code: 'pin_not_reached' });
});

test('a device whose invite is gone starts at a checkpoint, if that leads to the pin', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  await world.admin.checkpoint();
  const storage = watchedStorage();
  const sessions = world.sessions(storage, []);
  const invite = await world.admin.invite({ person: bob, role: 'owner' });
  const controller = new AbortController();
  world.clock.onWait = async () => {
    await world.admin.admit({ invite });
    controller.abort();
  };
  const enrolling = sessions.enroll({ invite: invite.invite, signal: controller.signal });
  await expect(enrolling).rejects.toMatchObject({ code: 'aborted' });
  const operations: string[] = [];
  world.relay.fault = (operation) => void operations.push(operation);
  const client = await sessions.enroll({ invite: invite.invite });
  expect(operations.slice(0, 2)).toEqual(['checkpoint', 'entries']);
  await phone.client.sync();
  expect(client.head()).toEqual(phone.client.head());
});

test('agents of a fleet come and go without entries, and a suspended one is refused', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const expiresAt = new Date(begin + 300 * day);
  const fleet = await world.admin.delegate({ key: world.fleetKey.publicKey, person: ann, can: ['mail'], expiresAt });
  await phone.client.countersign(fleet);
  const entries = world.relay.log.length;
  const join = async (name: string) => {
    const storage = watchedStorage();
    const notices: never[] = [];
    const sessions = world.sessions(storage, notices, { acceptsParticipants: true });
    const certify = async (keys: { ik: Uint8Array; dh: Uint8Array }) =>
      issueFleetCertificate(org, world.fleetKey.seed, keys, { can: ['mail'], now: world.clock.time });
    const client = await sessions.joinFleet({ org, pin: world.admin.pin, name, certify });
    await client.sync();
    return { client, sessions, storage, notices, id: client.device };
  };
  const member = await join('one');
  const other = await join('two');
  expect(world.relay.log).toHaveLength(entries);
  const conversation = await phone.client.conversations.open({ persons: [bob], agents: [member.id] });
  await phone.client.send(conversation, 'hello member');
  await member.client.sync();
  expect(await world.texts(member)).toEqual(['hello member']);
  await member.client.send(conversation, 'hello person');
  expect(await world.texts(phone)).toEqual(['hello person']);
  // A day later the certificate was renewed; a suspended member is refused.
  world.clock.time += 20 * 3_600_000;
  await member.client.sync();
  await member.client.send(conversation, 'renewed');
  expect(await world.texts(phone)).toEqual(['renewed']);
  await world.admin.link(fleet, fleet);
  const link = [...world.relay.state.links.keys()][0] ?? expect.fail();
  await phone.client.countersign(link);
  await member.client.sync();
  await other.client.sync();
  const certificate = world.relay.certificates.get(other.id) ?? expect.fail();
  await world.admin.suspendMember(other.id, certificate);
  await expect(other.client.sync()).rejects.toMatchObject({ code: 'not_active' });
  // With the fleet, all its agents are revoked.
  const bytesOf = () => phone.storage.items.get(`peer/${member.id}`)?.length ?? expect.fail();
  expect(bytesOf()).toBeGreaterThan(2_500);
  await world.admin.revoke(fleet);
  world.clock.time += day;
  await phone.client.sync();
  expect(bytesOf()).toBeLessThan(2_000);
});

test('linked agents write to each other without a conversation, and others do not', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const mine = await world.enroll(ann, 'agent', phone);
  const theirs = await world.enroll(bob, 'agent', bobPhone);
  await expect(mine.client.send({ agent: theirs.id }, 'x')).rejects.toMatchObject({ code: 'not_allowed' });
  await world.admin.link(mine.id, theirs.id);
  const link = [...world.relay.state.links.keys()][0] ?? expect.fail();
  await phone.client.countersign(link);
  await mine.client.sync();
  await expect(mine.client.send({ agent: theirs.id }, 'x')).rejects.toMatchObject({ code: 'not_allowed' });
  await bobPhone.client.countersign(link);
  await mine.client.sync();
  await theirs.client.sync();
  expect(await mine.client.send({ agent: theirs.id }, 'over the link')).toMatchObject({
    state: 'sent',
    conversation: link,
  });
  expect(await world.texts(theirs)).toEqual(['over the link']);
  await theirs.client.send({ agent: mine.id }, 'back');
  expect(await world.texts(mine)).toEqual(['back']);
  await world.admin.unlink(mine.id, theirs.id);
  await mine.client.sync();
  await expect(mine.client.send({ agent: theirs.id }, 'x')).rejects.toMatchObject({ code: 'not_allowed' });
});

test('agents of another person take part only with a signature of that person', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const bobPhone = await world.enroll(bob);
  const theirs = await world.enroll(bob, 'agent', bobPhone, { acceptsParticipants: true });
  await phone.client.sync();
  await bobPhone.client.sync();
  const participants = { persons: [bob], agents: [theirs.id] };
  const alone = await phone.client.conversations.open(participants);
  expect(Object.keys((await phone.client.send(alone, 'x')).devices)).not.toContain(theirs.id);
  const proposal = await phone.client.conversations.propose(participants);
  expect(bobPhone.client.conversations.read(proposal)).toMatchObject({ host: ann, agents: [theirs.id], version: 1 });
  const signature = bobPhone.client.conversations.sign(proposal);
  const conversation = await phone.client.conversations.publish(proposal, [signature]);
  await phone.client.send(conversation, 'for your agent');
  expect(await world.texts(theirs)).toEqual(['for your agent']);
  await expect(
    phone.client.conversations.publish(proposal, [{ ...signature, signature: 'AAAA' }]),
  ).rejects.toMatchObject({
    code: 'not_allowed',
  });
  await phone.client.conversations.change(conversation, { persons: [bob], agents: [] });
  expect(Object.keys((await phone.client.send(conversation, 'no longer')).devices)).not.toContain(theirs.id);
});

test('a lost or stolen authority key: the recovery key replaces it, and the thief can change nothing', async () => {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const next = DirectoryAdmin.newKeys();
  const admin = world.newAdmin(next.authority);
  await admin.sync();
  await world.admin.rotate({ authorities: [admin.publicKey], recovery: next.recovery, signer: world.keys.recovery });
  await expect(world.admin.revoke(phone.id)).rejects.toMatchObject({ code: 'change_refused' });
  await admin.suspend(phone.id);
  await admin.resume(phone.id);
  await expect(
    world.admin.rotate({ authorities: [world.admin.publicKey], recovery: world.keys.recovery }),
  ).rejects.toMatchObject({ code: 'change_refused' });
  const replayed = world.relay.log.reduce((state, signed) => {
    const outcome = applyEntry(state, signed);
    if (outcome.result !== 'accept') expect.fail(outcome.reason);
    return outcome.state;
  }, initialDirectory(org));
  expect(replayed.head.seq).toBe(5);
});

test('C4: a session is replaced after 7 days, and nothing is lost meanwhile', async () => {
  const { world, phone, bobPhone, conversation } = await fullWorld();
  const claims = () => world.relay.claims.filter((one) => one === `${phone.id}/${bobPhone.id}`).length;
  await phone.client.send(conversation, 'one');
  await phone.client.send(conversation, 'two');
  expect(claims()).toBe(1);
  expect(await world.texts(bobPhone)).toEqual(['one', 'two']);
  world.clock.time += 7 * day;
  await phone.client.send(conversation, 'three');
  expect(claims()).toBe(2);
  expect(await world.texts(bobPhone)).toEqual(['three']);
});
