/** `anima session enroll`, `anima agent enroll` and `anima agent join`: this machine becomes a device. */
import { spawn } from 'node:child_process';
import { fromBase64, toBase64 } from '../../core/encoding/bytes.ts';
import type { EnrollProgress, SessionClient } from '../../sdk/src/session/index.ts';
import type { CertifyKeys } from '../../sdk/src/session/session-types.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { parseWhole } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { checkOrg, sessionDevices } from './open-device.ts';
import { readSecretText } from './secret-input.ts';
import { describeSessionKeys, deviceProfile, storeDeviceSettings } from './session-folder.ts';

const agentRoles = ['agent', 'broker'];

export interface EnrollFlags {
  readonly inviteFile?: string;
  readonly historyDays?: string;
}

const progressTexts: Readonly<Record<EnrollProgress['state'], string | undefined>> = {
  sent: undefined,
  waiting: 'Waiting for an admin, up to one day: `anima directory admit`.',
  admitted: 'Admitted. Waiting for a device of the person: `anima session confirm`.',
  active: undefined,
};

/** @param kind what the invite has to be for: a device that a person holds, or an agent */
export async function enroll(shell: Shell, kind: 'owner' | 'agent', flags: EnrollFlags): Promise<void> {
  // A person reads earlier messages again; an agent has dealt with them.
  const historyDays = parseHistoryDays(flags.historyDays ?? (kind === 'owner' ? '30' : '0'));
  const variable = shell.env.ANIMA_INVITE || undefined;
  const invite =
    flags.inviteFile === undefined && variable !== undefined
      ? variable
      : await readSecretText(shell, 'Invite', flags.inviteFile);
  const org = /^anmi_([0-9a-z]{16})_/.exec(invite.trim())?.[1];
  await runUntilInterrupted(async (signal) => {
    // Without an org, the SDK says what is wrong with the invite.
    if (org !== undefined)
      await storeDeviceSettings(shell.env, deviceProfile(shell), org, { url: await shell.address(), historyDays });
    const sessions = await sessionDevices(shell, undefined, {}, historyDays);
    if (org !== undefined) shell.note(line`Adding this device to the organization ${org} at ${await shell.address()}.`);
    const client = await sessions.enroll({ invite, signal, onProgress: progressOf(shell) });
    try {
      await finish(shell, client, kind);
    } finally {
      await client.close();
    }
  });
}

function progressOf(shell: Shell): (progress: EnrollProgress) => void {
  let isShown = false;
  return ({ state, fingerprint }) => {
    // Not a note, because --quiet must not hide what people compare.
    if (!isShown && state !== 'active') shell.error(`Fingerprint of this device, to compare:\n\n    ${fingerprint}\n`);
    isShown = true;
    const text = progressTexts[state];
    if (text !== undefined) shell.note(text);
  };
}

async function finish(shell: Shell, client: SessionClient, kind: 'owner' | 'agent'): Promise<void> {
  const { org, device, person } = client;
  // Prekeys: without them nobody can write to this device.
  await client.sync();
  const role = client.devices().find(({ isThis }) => isThis)?.role ?? 'agent';
  const keys = await describeSessionKeys(shell, deviceProfile(shell), org, 'device');
  shell.print(
    `This device is active.\n${formatFacts([
      ['organization', org],
      ['device', device],
      ['person', person],
      ['role', role],
      ['fingerprint', client.fingerprint()],
      ['keys', keys],
    ])}`,
    { org, device, person, role, fingerprint: client.fingerprint(), keys },
  );
  if (agentRoles.includes(role) === (kind === 'owner'))
    shell.note(line`The invite was for the role ${role}; the device has that role.`);
  shell.note(
    role === 'owner'
      ? '`anima chat --list` shows the conversations, `anima chat AGENT` begins one.'
      : '`anima agent listen -- COMMAND` answers messages.',
  );
}

function parseHistoryDays(text: string): number {
  const days = parseWhole('--history-days', text);
  if (days <= 3650) return days;
  throw usageError('--history-days must be at most 3650. Nothing was done');
}

export interface JoinFlags {
  readonly org: string;
  readonly pin: string;
  readonly certify: string;
}

/** Makes this machine a member of a fleet. */
export async function join(shell: Shell, flags: JoinFlags): Promise<void> {
  const org = checkOrg(flags.org);
  const certify = certifyBy(shell, flags.certify);
  await storeDeviceSettings(shell.env, deviceProfile(shell), org, { url: await shell.address(), historyDays: 0 });
  await runUntilInterrupted(async (signal) => {
    const sessions = await sessionDevices(shell, org);
    const client = await sessions.joinFleet({ org, pin: flags.pin, certify, signal });
    try {
      await client.sync();
      const keys = await describeSessionKeys(shell, deviceProfile(shell), org, 'device');
      shell.print(
        `This device is a member of the fleet.\n${formatFacts([
          ['organization', org],
          ['device', client.device],
          ['keys', keys],
        ])}`,
        { org, device: client.device, keys },
      );
    } finally {
      await client.close();
    }
  });
}

const certifyTimeoutMs = 60_000;
const maxCertificateText = 16_384;

/** Asks a command of the operator for a certificate: keys on standard input, certificate on standard output. */
export function certifyBy(shell: Shell, command: string): CertifyKeys {
  return async ({ device, ik, dh }) => {
    const text = await runForText(shell, command, JSON.stringify({ device, ik: toBase64(ik), dh: toBase64(dh) }));
    const certificate = fromBase64(text.trim());
    if (certificate !== undefined) return certificate;
    throw new CommandError('The command of --certify printed no certificate; nothing was sent', {
      exit: exitCodes.failed,
      next: 'It must print the certificate in base64, as `anima directory certify` does.',
    });
  };
}

async function runForText(shell: Shell, command: string, input: string): Promise<string> {
  const child = spawn(command, {
    shell: true,
    env: { ...shell.env },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: certifyTimeoutMs,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > maxCertificateText) child.kill();
  });
  child.stdin.on('error', () => undefined).end(input);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (status) => resolve(status));
  });
  if (code === 0) return output;
  throw new CommandError(
    `The command of --certify ended with ${code === null ? 'no exit code' : `the exit code ${code}`}`,
    {
      exit: exitCodes.failed,
      next: 'Run it by hand to see why.',
    },
  );
}
