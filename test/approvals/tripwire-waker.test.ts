/** Whose devices are woken when tripwires were hit, and with how many events. */
import { describe, expect, test } from 'vitest';
import { approveRight } from '../../core/approvals/approval-keys.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { handleTripwireEvents } from '../../lambdas/approvals/handlers/tripwire-events.ts';
import { isTripwireEvent, TripwireWaker } from '../../lambdas/approvals/tripwire-waker.ts';
import type { NotifierEvent } from '../../lambdas/shared/notifier-event.ts';
import { ann, bob, DirectorySimulator, later, now, org } from '../core/directory/directory-simulator.ts';

const can = [approveRight];

/** Events for the notifier when tripwires of this directory were hit; undefined for an org without a directory. */
async function eventsFor(directory: DirectorySimulator | undefined, at = now): Promise<NotifierEvent[]> {
  const events: NotifierEvent[] = [];
  const view = directory && { state: directory.state, snapshotSeq: 0, checkpoints: [] };
  await new TripwireWaker({
    directory: { read: async () => ({ orgKeyring: undefined, view }) },
    invokeNotifier: async (event) => void events.push(event),
    clock: () => new Date(at),
  }).wake(org);
  return events;
}

const wokenOf = (events: readonly NotifierEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'wake' && event.org === org ? event.devices : expect.fail(event.kind)));

describe('tripwires wake', () => {
  test("every owner's device with the right to approve, of all persons, and no other device", async () => {
    const directory = new DirectorySimulator().begin();
    const phone = directory.admit(ann, 'owner', { can });
    const laptop = directory.add(phone, ann, 'owner', { can });
    directory.add(phone, ann, 'owner');
    directory.add(phone, ann, 'agent', { can });
    directory.add(phone, ann, 'broker', { can });
    const bobs = directory.admit(bob, 'owner', { can });
    expect(wokenOf(await eventsFor(directory)).sort()).toEqual([phone.id, laptop.id, bobs.id].sort());
  });

  test('no device that is suspended, revoked, expired or not confirmed', async () => {
    const directory = new DirectorySimulator().begin();
    const phone = directory.admit(ann, 'owner', { can });
    directory.setStatus('suspend', directory.add(phone, ann, 'owner', { can }).id);
    directory.setStatus('revoke', directory.add(phone, ann, 'owner', { can }).id);
    const temporary = directory.add(phone, ann, 'owner', { can, expires: later });
    directory.admit(ann, 'owner', { can });
    expect(wokenOf(await eventsFor(directory)).sort()).toEqual([phone.id, temporary.id].sort());
    expect(wokenOf(await eventsFor(directory, later))).toEqual([phone.id]);
  });

  test('nobody in an org without a directory, or without a device that may approve', async () => {
    expect(await eventsFor(undefined)).toEqual([]);
    const directory = new DirectorySimulator().begin();
    directory.admit(ann, 'owner');
    expect(await eventsFor(directory)).toEqual([]);
  });

  test('many devices by events of at most 16 devices, each device once', async () => {
    const directory = new DirectorySimulator().begin();
    const devices = Array.from({ length: 35 }, () => directory.admit(randomId(), 'owner', { can }).id);
    const events = await eventsFor(directory);
    expect(events.map((event) => (event.kind === 'wake' ? event.devices.length : 0))).toEqual([16, 16, 3]);
    expect(wokenOf(events).sort()).toEqual(devices.sort());
  });
});

describe('the event of the sealer', () => {
  test('is recognized by its own members, so that no request of the HTTP API is taken for it', () => {
    expect(isTripwireEvent({ kind: 'tripwires', org })).toBe(true);
    for (const other of [
      { kind: 'tripwires' },
      { kind: 'tripwires', org: '../x' },
      { kind: 'tripwires', org: [org] },
      { kind: 'wake', org },
      { version: '2.0', body: JSON.stringify({ kind: 'tripwires', org }), headers: { kind: 'tripwires', org } },
    ])
      expect(isTripwireEvent(other)).toBe(false);
  });

  test('that fails is logged without content and thrown, so that Lambda repeats it', async () => {
    const lines: object[] = [];
    const failure = new Error('the secret cause');
    const invokeNotifier = async () => await Promise.reject(failure);
    const directory = new DirectorySimulator().begin();
    directory.admit(ann, 'owner', { can });
    const view = { state: directory.state, snapshotSeq: 0, checkpoints: [] };
    const read = async () => ({ orgKeyring: undefined, view });
    const waker = new TripwireWaker({ directory: { read }, invokeNotifier, clock: () => new Date(now) });
    const handle = handleTripwireEvents((entry) => void lines.push(entry), waker);
    await expect(handle({ kind: 'tripwires', org }, { awsRequestId: 'r' } as never)).rejects.toBe(failure);
    expect(lines).toMatchObject([{ requestId: 'r', route: 'tripwires', org, status: 500, code: 'internal' }]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});
