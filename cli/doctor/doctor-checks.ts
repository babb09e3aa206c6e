/** The checks of `anima doctor`. */
import { open } from 'node:fs/promises';
import { type Anima, AnimaError } from '../../sdk/src/index.ts';
import { deviceStorage, listLocalVaults } from '../devices/device-folder.ts';
import { idsOfAccess } from '../profiles/access-resolution.ts';
import { hasKeyring } from '../profiles/os-keyring.ts';
import { listProfiles, permissionProblem, profileFile } from '../profiles/profile-store.ts';
import {
  describeSessionKeys,
  deviceProfile,
  isAddressChosen,
  listStoredOrgs,
  readDeviceSettings,
} from '../sessions/session-folder.ts';
import { toFailure } from '../shell/command-error.ts';
import { durationText } from '../shell/durations.ts';
import { findKeyRecord, undefinedIfForbidden } from '../shell/key-permissions.ts';
import { systemErrorCode } from '../shell/private-files.ts';
import type { Shell, VaultAccess } from '../shell/shell.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { checkExtraCertificates, describeProxy } from './network-checks.ts';
import { type ProbeResult, probeVault } from './vault-probe.ts';

/** Clock skew that causes a warning, milliseconds. AWS signatures reject larger skews. */
const warningSkewMs = 60_000;
const maxSkewMs = 300_000;

/** A key that expires within this time causes a warning, milliseconds. */
const expiryWarningMs = 7 * 86_400_000;

/** Runs the checks in order. Checks that depend on a failed check are skipped. */
export async function* runDoctorChecks(shell: Shell): AsyncGenerator<Finding, void, undefined> {
  yield* checkFiles(shell);
  yield* checkEnvironment(shell);
  yield* checkExtraCertificates(shell);
  const deviceUrl = yield* checkSessionKeys(shell);
  const access = await valueOrFinding('profile', () => shell.access());
  let url: string | undefined;
  if ('finding' in access) {
    // A machine that has only a device of session custody needs no key.
    yield deviceUrl === undefined ? access.finding : { ...access.finding, state: 'warn' };
    url = isAddressChosen(shell) ? undefined : deviceUrl;
    url ??= await shell.address().catch(() => undefined);
  } else {
    yield checkProfile(access.value);
    yield* checkDeviceKeys(shell.env, access.value);
    yield* checkAuthorityKeys(shell, access.value.name);
    url = access.value.url;
  }
  if (url === undefined) return;
  const proxy = await valueOrFinding('proxy', async () => describeProxy(url, shell.env));
  if ('finding' in proxy) {
    yield proxy.finding;
    return;
  }
  yield ok('proxy', proxy.value);
  const answer = await valueOrFinding('address', () => probeVault(url, shell.env));
  if ('finding' in answer) {
    yield answer.finding;
    return;
  }
  yield* checkAddress(url, answer.value);
  if (!('finding' in access)) yield* checkKey(shell, access.value);
}

/** Where the keys of this device are, per device vault. */
async function* checkDeviceKeys(env: Shell['env'], access: VaultAccess): AsyncGenerator<Finding> {
  const { name } = access;
  const { org = '', user } = idsOfAccess(access) ?? {};
  if (user === undefined) return;
  const vaults = await listLocalVaults(env, name, { org, user });
  if (vaults.length === 0) yield ok('devices', 'this machine is in no device vault of the user, in this profile');
  const { keys } = await deviceStorage(env, name);
  for (const vault of vaults) yield ok('devices', `vault ${vault}: keys ${await keys.describe({ org, user, vault })}`);
}

/**
 * Where the keys of session custody are on this machine, per org. They need no API key.
 * @returns the address of the vault of one of them
 */
async function* checkSessionKeys(shell: Shell): AsyncGenerator<Finding, string | undefined> {
  const profile = deviceProfile(shell);
  let url: string | undefined;
  for (const org of await listStoredOrgs(shell.env, profile, 'device')) {
    const keys = await describeSessionKeys(shell, profile, org, 'device');
    const settings = await readDeviceSettings(shell.env, profile, org);
    url ??= settings?.url;
    yield settings === undefined
      ? warn('sessions', `device of ${org}: no address of a vault is stored; keys ${keys}`, 'Use --url or ANIMA_URL.')
      : ok('sessions', `device of ${org} at ${settings.url}: keys ${keys}`);
  }
  return url;
}

/** Where this machine keeps keys of admins of directories, in a profile. */
async function* checkAuthorityKeys(shell: Shell, profile: string): AsyncGenerator<Finding> {
  for (const org of await listStoredOrgs(shell.env, profile, 'admin')) {
    const keys = await describeSessionKeys(shell, profile, org, 'admin');
    yield ok('sessions', `admin of the directory of ${org}: keys ${keys}`);
  }
}

/** The result of a call, or a finding if it failed. */
async function valueOrFinding<T>(check: string, what: () => Promise<T>): Promise<{ value: T } | { finding: Finding }> {
  try {
    return { value: await what() };
  } catch (error) {
    const { message, next } = toFailure(error);
    return { finding: fail(check, message, next) };
  }
}

async function* checkFiles({ env }: Shell): AsyncGenerator<Finding> {
  const names = await listProfiles(env);
  for (const name of names) {
    const path = profileFile(env, name);
    const problem = await profileFileProblem(path);
    if (problem !== undefined) yield fail('files', `profile ${name}: ${problem}`, `chmod 600 ${path}`);
  }
  yield ok('files', names.length === 0 ? 'no profile is stored' : `profiles: ${names.join(', ')}`);
  if (env.ANIMA_KEYRING === 'off')
    yield ok('keyring', 'disabled by ANIMA_KEYRING; keys are kept in files of mode 0600');
  else if (await hasKeyring(env)) yield ok('keyring', 'the system keyring is available');
  else yield warn('keyring', 'no system keyring is available; keys are kept in files of mode 0600');
}

async function profileFileProblem(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { mode, uid } = await file.stat();
      return permissionProblem(mode, uid);
    } finally {
      await file.close();
    }
  } catch (error) {
    return `it can’t be read (${systemErrorCode(error) ?? 'unknown'})`;
  }
}

function* checkEnvironment({ env }: Shell): Generator<Finding> {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    yield fail(
      'environment',
      'NODE_TLS_REJECT_UNAUTHORIZED=0: certificates are not verified, so an attacker on the network can steal the key',
      'Unset it. For a private certificate authority use NODE_EXTRA_CA_CERTS.',
    );
  }
  if (env.ANIMA_KEY && env.ANIMA_LOGIN) {
    yield warn(
      'environment',
      'ANIMA_KEY and ANIMA_LOGIN are both set; ANIMA_KEY takes precedence',
      'Unset one of them.',
    );
  }
  if (env.ANIMA_KEY && env.ANIMA_PROFILE) {
    yield warn(
      'environment',
      'ANIMA_KEY and ANIMA_PROFILE are both set; ANIMA_KEY takes precedence',
      'Unset one of them.',
    );
  }
}

function checkProfile(access: VaultAccess): Finding {
  const { name, url, keyFrom, login } = access;
  const variable = login === undefined ? 'ANIMA_KEY' : 'ANIMA_LOGIN';
  const from = name === 'environment' ? variable : `profile ${name}, key from the ${keyFrom}`;
  if (idsOfAccess(access) !== undefined) return ok('profile', `${url}, ${from}`);
  return fail(
    'profile',
    `${from}: the format or checksum of the key is wrong`,
    'Copy the whole key; it starts with anm_. Then run `anima login`.',
  );
}

function* checkAddress(url: string, answer: ProbeResult): Generator<Finding> {
  const { status, isVault, tls, skewMs, tookMs } = answer;
  if (!isVault) {
    yield fail(
      'address',
      `${url} answers (HTTP ${status}), but not as an Anima vault`,
      'Check the address: --url, ANIMA_URL or `anima login`.',
    );
    return;
  }
  yield ok('address', `${url} answers in ${tookMs} ms`);
  if (tls === undefined) yield ok('tls', 'none: the address is this machine');
  else if (tls === 'proxied') yield ok('tls', 'certificate verified, through the proxy');
  else if (tls === 'TLSv1.3' || tls === 'TLSv1.2') yield ok('tls', `${tls}, certificate verified`);
  else yield fail('tls', `${tls} is too old`, 'Configure the endpoint to require TLS 1.2 or newer.');
  if (skewMs === undefined) return;
  const skew = `this clock is ${durationText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`;
  const mend = 'Synchronize the clock with NTP.';
  if (Math.abs(skewMs) > maxSkewMs) yield fail('clock', skew, mend);
  else if (Math.abs(skewMs) > warningSkewMs) yield warn('clock', skew, mend);
  else yield ok('clock', 'agrees with the vault');
}

async function* checkKey(shell: Shell, access: VaultAccess): AsyncGenerator<Finding> {
  const { id, user } = idsOfAccess(access) ?? {};
  if (id === undefined) return;
  const client = await shell.client();
  if (user !== undefined) {
    const account = await valueOrFinding('key', () => client.account.info({ maxRetries: 1 }));
    yield 'finding' in account ? account.finding : ok('key', `the key of the user ${user} is accepted by the vault`);
    return;
  }
  const org = await valueOrFinding('key', () => undefinedIfForbidden(client.org.get({ maxRetries: 1 })));
  if ('finding' in org) {
    yield org.finding;
    return;
  }
  yield access.login === undefined
    ? ok('key', `${id} is accepted by the vault`)
    : ok('login', `the vault gives this machine a key of the login ${id}`);
  const state = org.value?.state;
  if (state === 'active') yield ok('org', `${org.value?.org} is active`);
  else if (state === 'locked')
    yield warn('org', 'it is locked until it is shredded', '`anima shred cancel` unlocks it.');
  else if (state === 'shredded')
    yield fail(
      'org',
      'it was shredded; its data was destroyed irreversibly',
      '`anima shred status` shows the receipts.',
    );
  // The id of the key that the login gave is not known here.
  if (access.login === undefined) yield* aboutRights(client, id);
}

/** The key's permissions, from its record, or determined by calls that read no values. */
async function* aboutRights(client: Anima, id: string): AsyncGenerator<Finding> {
  const record = await findKeyRecord(client, id);
  if (record !== undefined) {
    const { role, verbs, prefixes, expiresAt } = record;
    const limits = [verbs?.join(' '), prefixes === undefined ? undefined : `below ${prefixes.join(' ')}`];
    yield ok('rights', [`role ${role}`, ...limits.filter((limit) => limit !== undefined)].join(', '));
    if (expiresAt !== undefined && Date.parse(expiresAt) - Date.now() < expiryWarningMs) {
      yield warn('expiry', `the key ends at ${expiresAt}`, '`anima keys rotate ID` makes a new one.');
    }
    return;
  }
  const probes = [
    ['list all names', () => client.vault.list({ pageSize: 1 }).page()],
    ['read the audit', () => client.audit.query({ pageSize: 1, from: new Date() }).page()],
  ] as const;
  const may: string[] = [];
  const mayNot: string[] = ['read records of keys'];
  for (const [what, ask] of probes) ((await allowed(ask)) ? may : mayNot).push(what);
  const detail = may.length === 0 ? '' : `can ${may.join(', ')}; `;
  yield ok('rights', `${detail}cannot ${mayNot.join(', ')} (an admin can see all:  \`anima keys list\`)`);
}

async function allowed(ask: () => Promise<object>): Promise<boolean> {
  try {
    return (await undefinedIfForbidden(ask())) !== undefined;
  } catch (error) {
    // A locked or shredded organization rejects every key, so the permission is not the cause.
    if (error instanceof AnimaError) return false;
    throw error;
  }
}
