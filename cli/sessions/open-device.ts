/** The device of session custody that a command is about. */
import { setTimeout as wait } from 'node:timers/promises';
import { type SessionClient, SessionDevices, type SessionNotice } from '../../sdk/src/session/index.ts';
import type { CertifyKeys } from '../../sdk/src/session/session-types.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { fetchFor } from '../shell/node-fetch.ts';
import type { Shell } from '../shell/shell.ts';
import { line } from '../shell/terminal-text.ts';
import { version } from '../shell/version.ts';
import { sessionClock } from './session-clock.ts';
import { isSessionError } from './session-errors.ts';
import {
  deviceProfile,
  isAddressChosen,
  listStoredOrgs,
  readDeviceSettings,
  sessionStorage,
} from './session-folder.ts';

/** How long a command waits for another one that has the device open, milliseconds. */
const lockPatienceMs = 3_000;
const lockIntervalMs = 100;

export interface OrgFlag {
  readonly org?: string | undefined;
}

/** How a command uses its device. */
export interface DeviceUse {
  /** For programs without a person. */
  readonly acceptsParticipants?: boolean;
  readonly certify?: CertifyKeys | undefined;
  /** Default: the notices of `describeNotice` as notes. */
  readonly onNotice?: (notice: SessionNotice) => void;
}

const noticeTexts: Readonly<Record<SessionNotice['kind'], string>> = {
  directory_frozen:
    'A sender knows a newer directory than the service shows. Its messages stay unread, and nothing is sent to it. Ask the operator',
  directory_forked:
    'The service shows two directories. Nothing is sent from now on. Compare `anima session status` with other people',
  directory_behind: 'The service shows an older directory than before. Ask the operator',
  conversation_conflict: 'There are two statements about who takes part in a conversation. Ask who opened it',
  participants_changed: 'A conversation is new, or its participants changed',
  message_quarantined: 'A message did not open, or its sender is not active. It is tried again for 30 days',
  messages_missing: 'Messages are missing',
  message_refused: 'A recipient may not get a message any more',
  counter_reused: 'This device was restored from a backup. It begins new sessions',
  session_restarted: 'A session with another device began again',
  sync_failed: 'The vault could not be reached. It is tried again',
};

export const describeNotice = ({ kind, detail }: SessionNotice): string => line`${noticeTexts[kind]} (${detail}).`;

/** The SDK object for the devices of a profile. @param org for the stored address; undefined for a new device */
export async function sessionDevices(
  shell: Shell,
  org: string | undefined,
  use: DeviceUse = {},
  historyDays?: number,
): Promise<SessionDevices> {
  const { env } = shell;
  const profile = deviceProfile(shell);
  const stored = org === undefined ? undefined : await readDeviceSettings(env, profile, org);
  const baseURL = stored === undefined || isAddressChosen(shell) ? await shell.address() : stored.url;
  return new SessionDevices({
    ...{ storage: await sessionStorage(env, profile), baseURL, userAgent: `anima-cli/${version}` },
    ...{ fetch: fetchFor(env), clock: sessionClock },
    historyDays: historyDays ?? stored?.historyDays ?? 0,
    acceptsParticipants: use.acceptsParticipants ?? false,
    onNotice: use.onNotice ?? ((notice) => shell.note(describeNotice(notice))),
  });
}

/** Opens the device of `--org`, or the only one of the profile, and closes it after the work. */
export async function withDevice<T>(
  shell: Shell,
  { org: wanted }: OrgFlag,
  use: DeviceUse,
  work: (client: SessionClient) => Promise<T>,
): Promise<T> {
  const org = await chooseOrg(shell, wanted);
  const sessions = await sessionDevices(shell, org, use);
  const client = await openDevice(sessions, org, use);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

async function openDevice(sessions: SessionDevices, org: string, { certify }: DeviceUse): Promise<SessionClient> {
  for (const end = Date.now() + lockPatienceMs; ; ) {
    try {
      return await sessions.open({ org, certify });
    } catch (error) {
      if (!isSessionError(error, 'in_use') || Date.now() > end) throw error;
      await wait(lockIntervalMs);
    }
  }
}

/** @throws CommandError notFound without a device; usage if there are several and none is named */
export async function chooseOrg(shell: Shell, wanted: string | undefined): Promise<string> {
  const profile = deviceProfile(shell);
  const stored = await listStoredOrgs(shell.env, profile, 'device');
  if (wanted !== undefined) {
    const org = checkOrg(wanted);
    if (stored.includes(org)) return org;
  }
  const [only, ...more] = stored;
  if (only === undefined || wanted !== undefined) {
    throw new CommandError('This machine has no such device, in this profile; nothing was done', {
      exit: exitCodes.notFound,
      next: 'Enroll it with an invite: `anima session enroll`, or `anima agent enroll` for an agent. --profile chooses another profile.',
    });
  }
  if (more.length === 0) return only;
  throw usageError(
    'This profile has devices of several organizations; nothing was done',
    line`Name one with --org: ${stored.join(', ')}`,
  );
}

/** @throws CommandError usage */
export function checkOrg(org: string): string {
  if (/^[0-9a-z]{16}$/.test(org)) return org;
  throw usageError('--org must be the id of an organization, 16 characters of 0-9 a-z; nothing was done');
}
