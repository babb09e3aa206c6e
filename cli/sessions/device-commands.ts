/** `anima session`: this device, and the other devices as it verified them. */
import type { SessionClient } from '../../sdk/src/session/index.ts';
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { confirmFingerprint, type FingerprintFlags, requireComparison } from './confirm-fingerprint.ts';
import { describePersons } from './directory-status.ts';
import { chooseOrg, type OrgFlag, sessionDevices, withDevice } from './open-device.ts';
import { toSessionFailure } from './session-errors.ts';
import { describeSessionKeys, deviceProfile, forgetDeviceSettings } from './session-folder.ts';
import { findId } from './subject-ids.ts';

/** Reads what is new, or says why the shown state may be old. */
async function syncOrSay(shell: Shell, client: SessionClient): Promise<void> {
  try {
    await client.sync();
  } catch (error) {
    const { message, next } = toSessionFailure(error);
    shell.note(`What follows may be outdated. ${message}.${next === undefined ? '' : ` ${next}`}`);
  }
}

export async function status(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await syncOrSay(shell, client);
    const { org, device, person } = client;
    const info = client.devices().find(({ isThis }) => isThis);
    const { seq, code } = client.head();
    const profile = deviceProfile(shell);
    const keys = await describeSessionKeys(shell, profile, org, 'device');
    const state = client.isForked ? 'the service shows two directories' : (info?.status ?? 'member of a fleet');
    shell.print(
      formatFacts([
        ['organization', org],
        ['device', device],
        ['person', person === '' ? undefined : person],
        ['role', info?.role ?? 'agent'],
        ['state', state],
        ['fingerprint', client.fingerprint()],
        ['head', `entry ${seq}, ${code}`],
        ['profile', profile],
        ['keys', keys],
      ]),
      {
        ...{ org, device, person, role: info?.role ?? 'agent', status: info?.status ?? 'member' },
        ...{ fingerprint: client.fingerprint(), head: { seq, code }, forked: client.isForked, profile, keys },
      },
    );
    shell.note('Other devices must show the same code for the same entry (head).');
  });
}

export async function list(shell: Shell, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await syncOrSay(shell, client);
    const devices = client.devices();
    shell.print(describePersons(devices.filter((one) => one.status !== 'revoked')), devices);
  });
}

/** Countersigns a further device of the person, or an agent, a fleet or a link. */
export async function confirm(shell: Shell, wanted: string, flags: OrgFlag & FingerprintFlags): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await client.sync();
    const own = client.devices().filter(({ person }) => person === client.person);
    const isFull = /^[0-9a-f]{32}$/.test(wanted);
    const ids = own.filter((one) => one.status === 'pending').map(({ device }) => device);
    // Fleets and links are named by their whole id, which the admin shows.
    const subject = isFull ? wanted : findId('pending device', wanted, ids, '`anima session list` shows the ids.');
    const device = client.devices().find((one) => one.device === subject);
    if (device !== undefined) requireComparison(shell, flags);
    else await confirmWithoutFingerprint(shell, subject, flags);
    if (device !== undefined) {
      const what = `The device ${subject} wants to act for you, the person ${device.person}, with the role ${device.role}. Its fingerprint:`;
      await confirmFingerprint(shell, what, device.fingerprint, flags);
    }
    await client.countersign(subject, { fingerprint: device?.fingerprint });
    shell.print(`Confirmed ${subject}. It can send and receive now.`, { subject, confirmed: true });
  });
}

async function confirmWithoutFingerprint(shell: Shell, subject: string, { yes }: FingerprintFlags): Promise<void> {
  if (yes === true) return;
  if (!shell.stdin.isTTY)
    throw usageError('There is no terminal for the confirmation; nothing was done', 'In scripts use --yes.');
  await shell.confirm(
    `The fleet or link ${subject} lets agents that are not listed here write in your name. Compare the id with the admin. Type yes to confirm it:`,
    'yes',
  );
}

export async function suspend(shell: Shell, wanted: string, flags: OrgFlag): Promise<void> {
  await withDevice(shell, flags, {}, async (client) => {
    await client.sync();
    const own = client.devices().filter(({ person, role }) => person === client.person && role === 'agent');
    const isFull = /^[0-9a-f]{32}$/.test(wanted);
    const ids = own.map(({ device }) => device);
    const subject = isFull
      ? wanted
      : findId('agent of this person', wanted, ids, '`anima session list` shows the ids.');
    await client.suspend(subject);
    shell.print(`Suspended ${subject}. It gets and sends nothing until an admin resumes it.`, {
      subject,
      status: 'suspended',
    });
  });
}

export interface ForgetFlags extends OrgFlag {
  readonly yes?: boolean;
}

export async function forget(shell: Shell, { org: wanted, yes }: ForgetFlags): Promise<void> {
  const org = await chooseOrg(shell, wanted);
  if (yes !== true) {
    if (!shell.stdin.isTTY)
      throw usageError('There is no terminal for the confirmation; nothing was done', 'In scripts use --yes.');
    await shell.confirm(
      `This deletes the keys and messages of this device, for good. Type the id of the organization, ${org}, to continue:`,
      org,
    );
  }
  const sessions = await sessionDevices(shell, org);
  await sessions.forget({ org, confirm: org });
  await forgetDeviceSettings(shell.env, deviceProfile(shell), org);
  shell.print(`Deleted the device of ${org} from this machine. The directory lists it until an admin revokes it.`, {
    org,
    forgotten: true,
  });
}
