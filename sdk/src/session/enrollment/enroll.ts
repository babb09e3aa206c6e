/** Makes this device a device of the directory, by an invite (docs/format-directory.md, section 5). */
import type { Device } from '../../../../core/directory/directory-state.ts';
import { createEnrollment } from '../../../../core/directory/enrollment.ts';
import { type Invite, inviteLookup, parseInvite } from '../../../../core/directory/invite.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { DirectoryCopy } from '../directory/directory-copy.ts';
import { PinnedStart } from '../directory/pinned-start.ts';
import type { EnrollmentRequests, SessionRequests } from '../requests/session-requests.ts';
import type { SessionClock } from '../session-clock.ts';
import { sessionError } from '../session-errors.ts';
import type { EnrollOptions, EnrollProgress } from '../session-types.ts';
import {
  type DeviceRecord,
  fingerprintOfOwn,
  loadOwnDevice,
  newOwnDevice,
  type OwnDevice,
  stageKeys,
  stageRecord,
} from '../storage/own-device.ts';
import { Changes, type SessionStore } from '../storage/session-store.ts';

export { enrollmentRequests } from '../requests/enrollment-requests.ts';
export { PinnedStart };

/** How long an enrollment waits (docs/session-service.md, section 3), and the time between two questions. */
const waitMs = 86_400_000;
const firstPauseMs = 2_000;
const longestPauseMs = 30_000;

export interface EnrollmentContext {
  readonly store: SessionStore;
  readonly clock: SessionClock;
  readonly enrollment: EnrollmentRequests;
  /** Requests that the new device signs. The service refuses them until it is active. */
  readonly requestsOf: (own: OwnDevice) => SessionRequests;
}

/** @throws SessionError invite_malformed */
export function readInvite(text: string | undefined): Invite {
  const invite = parseInvite((text ?? '').trim());
  if (invite === undefined) throw sessionError('invite_malformed');
  return invite;
}

/**
 * The invite to which a stored device answered; undefined if the device is active.
 * @throws SessionError not_enrolled
 */
export async function storedInvite(store: SessionStore, org: string): Promise<string | undefined> {
  const record = (await loadOwnDevice(store, org))?.record;
  if (record === undefined || (record.phase !== 'active' && record.invite === '')) throw sessionError('not_enrolled');
  return record.phase === 'active' ? undefined : record.invite;
}

const isRefusal = (error: unknown, code: 'invite_refused' | 'device_refused'): boolean =>
  error instanceof AnimaError && error.code === code;

/**
 * Enrolls, or goes on where an earlier call stopped. Ends when the device is active.
 * @throws SessionError invite_refused, invite_mismatch, enrollment_expired, pin_not_reached, bad_directory; AnimaError
 */
export async function enroll(
  context: EnrollmentContext,
  invite: Invite,
  text: string,
  settings: CallSettings,
  onProgress: EnrollOptions['onProgress'],
): Promise<void> {
  let { own, record } = await load(context, invite, text);
  const report = (state: EnrollProgress['state']) => onProgress?.({ state, fingerprint: fingerprintOfOwn(own) });
  if (record.phase === 'active') return report('active');
  const lookup = await inviteLookup(invite);
  if (record.phase === 'begun') record = await send(context, own, record, invite, lookup, settings);
  report('sent');
  const start = await awaitAdmission(context, own, record, invite, lookup, settings, report);
  const changes = new Changes();
  DirectoryCopy.stage(changes, start);
  // The secret of the invite is of no more use.
  stageRecord(changes, { ...record, phase: 'active', invite: '' });
  await context.store.write(changes);
  report('active');
}

async function load({ store, clock }: EnrollmentContext, invite: Invite, text: string) {
  const stored = await loadOwnDevice(store, invite.org);
  if (stored !== undefined) {
    if (stored.record.inviteId !== invite.id) throw sessionError('invite_mismatch');
    return stored;
  }
  const own = newOwnDevice(invite.org);
  const record: DeviceRecord = {
    ...{ phase: 'begun', invite: text, inviteId: invite.id, pin: '' },
    ...{ person: '', role: '', started: clock.now() },
  };
  await store.write(stageRecord(stageKeys(new Changes(), own), record));
  return { own, record };
}

/** Sends the keys. A repeated call sends the same bytes. */
async function send(
  { store, enrollment }: EnrollmentContext,
  own: OwnDevice,
  record: DeviceRecord,
  invite: Invite,
  lookup: Bytes,
  settings: CallSettings,
): Promise<DeviceRecord> {
  try {
    const { person, role, challenge } = await enrollment.begin(lookup, settings);
    await enrollment.put(
      lookup,
      await createEnrollment(invite, { person, role }, own.ik, own.device.dh, challenge),
      settings,
    );
    const sent: DeviceRecord = { ...record, phase: 'sent', person, role };
    await store.write(stageRecord(new Changes(), sent));
    return sent;
  } catch (error) {
    throw isRefusal(error, 'invite_refused') ? sessionError('invite_refused') : error;
  }
}

async function awaitAdmission(
  context: EnrollmentContext,
  own: OwnDevice,
  record: DeviceRecord,
  invite: Invite,
  lookup: Bytes,
  settings: CallSettings,
  report: (state: EnrollProgress['state']) => void,
): Promise<PinnedStart> {
  const start = new PinnedStart(invite.org, invite.pin);
  const deadline = record.started + waitMs;
  let shown: EnrollProgress['state'] = 'sent';
  for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.5)) {
    await readOn(context, own, start, lookup, settings);
    const state = admissionOf(start, own, record);
    if (state === 'active') return start;
    if (state !== shown) report(state);
    shown = state;
    if (context.clock.now() >= deadline) throw sessionError('enrollment_expired');
    await context.clock.wait(pause * (0.75 + Math.random() / 2), settings);
  }
}

/**
 * Reads the directory with the invite, which is deleted when the device is admitted, and then with its signature, which is
 * refused while the device is pending.
 */
async function readOn(
  { enrollment, requestsOf }: EnrollmentContext,
  own: OwnDevice,
  start: PinnedStart,
  lookup: Bytes,
  settings: CallSettings,
): Promise<void> {
  const refused = await unlessRefused('invite_refused', () =>
    start.read((after, s) => enrollment.entries(lookup, after, s), settings),
  );
  if (refused) await unlessRefused('device_refused', () => readSigned(requestsOf(own), start, settings));
}

/** @returns whether the service refused. A connection outlives a failure for a while. */
async function unlessRefused(code: 'invite_refused' | 'device_refused', read: () => Promise<void>): Promise<boolean> {
  try {
    await read();
    return false;
  } catch (error) {
    if (error instanceof AnimaError && error.retryable) return false;
    if (!isRefusal(error, code)) throw error;
    return true;
  }
}

async function readSigned(requests: SessionRequests, start: PinnedStart, settings: CallSettings): Promise<void> {
  const read = (after: number, s: CallSettings) => requests.entries(after, s);
  const checkpoint = start.isPinned ? undefined : await requests.checkpoint(settings);
  if (checkpoint !== undefined && checkpoint.seq > start.state.head.seq)
    await start.tryCheckpoint(checkpoint, read, settings);
  await start.read(read, settings);
}

/** @throws SessionError pin_not_reached, invite_refused */
function admissionOf(start: PinnedStart, own: OwnDevice, { person, role }: DeviceRecord): EnrollProgress['state'] {
  const device: Device | undefined = start.state.devices.get(own.device.id);
  if (device === undefined) return 'waiting';
  if (!start.isPinned) throw sessionError('pin_not_reached');
  // The admin's device checked the proof over both; another answer means that somebody else admitted this device.
  if (device.person !== person || device.role !== role || device.status === 'revoked')
    throw sessionError('invite_refused', 'the directory has other facts about this device');
  return device.confirmed && device.status === 'active' ? 'active' : 'admitted';
}
