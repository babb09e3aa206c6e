/** Resolves the vault address and key of a command. */

import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { parseUserKey } from '../../core/users/user-key.ts';
import { defaultAddressFor, defaultAddressOf, localUrl } from '../../sdk/src/shared/default-address.ts';
import { checkBaseURL } from '../../sdk/src/shared/url.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { VaultAccess } from '../shell/shell.ts';
import { openProfile, readProfile, usualProfiles } from './profile-store.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface AccessFlags {
  readonly profile?: string | undefined;
  readonly url?: string | undefined;
}

/**
 * Resolves a key and its address from one source, so that a key is never sent to another vault: `--profile`; otherwise
 * ANIMA_KEY with ANIMA_URL (default for keys of local vaults: the local vault, as in the SDK); otherwise the login
 * ANIMA_LOGIN with ANIMA_URL; otherwise the profile ANIMA_PROFILE, `default` or `local`. `--url` overrides only the address.
 * @throws CommandError denied if there is no key; AnimaError missing_url
 */
export async function resolveAccess(flags: AccessFlags, env: Environment): Promise<VaultAccess> {
  if (flags.profile === undefined && isNonEmpty(env.ANIMA_KEY)) {
    const url = checkBaseURL(
      flags.url ?? (isNonEmpty(env.ANIMA_URL) ? env.ANIMA_URL : defaultAddressFor(env.ANIMA_KEY)),
    );
    return { name: 'environment', url, apiKey: env.ANIMA_KEY, keyFrom: 'environment' };
  }
  if (flags.profile === undefined && isNonEmpty(env.ANIMA_LOGIN)) return resolveLogin(flags, env, env.ANIMA_LOGIN);
  for (const name of profileCandidates(flags, env)) {
    const profile = await openProfile(env, name);
    if (profile === undefined) continue;
    assertSameAddress(flags, env, profile.url);
    return { name, url: checkBaseURL(flags.url ?? profile.url), apiKey: profile.key, keyFrom: profile.keyFrom };
  }
  const asked = flags.profile ?? env.ANIMA_PROFILE;
  const what = isNonEmpty(asked) ? `There is no profile ${printableProfileName(asked)}` : 'There is no API key';
  throw new CommandError(`${what}; nothing was sent`, {
    exit: exitCodes.denied,
    next: `Log in with \`anima login${isNonEmpty(asked) ? ` --profile ${printableProfileName(asked)}` : ''}\`, or set ANIMA_KEY (and ANIMA_URL). \`anima dev --login\` starts a local vault.`,
  });
}

/** @throws CommandError usage; AnimaError missing_url */
function resolveLogin(flags: AccessFlags, env: Environment, login: string): VaultAccess {
  const [org] = login.split('/');
  if (!/^[0-9a-z]{16}\/[0-9a-z]{16}$/.test(login) || org === undefined) {
    throw usageError(
      'ANIMA_LOGIN is not an organization and a login with a slash between them; nothing was sent',
      '`anima logins list` shows it to an admin.',
    );
  }
  const url = checkBaseURL(flags.url ?? (isNonEmpty(env.ANIMA_URL) ? env.ANIMA_URL : defaultAddressOf(org)));
  return { name: 'environment', url, apiKey: '', login, keyFrom: 'login' };
}

/** The address only, for commands without a key. */
export async function resolveAddress(flags: AccessFlags, env: Environment): Promise<string> {
  if (flags.url !== undefined) return checkBaseURL(flags.url);
  if (flags.profile === undefined && isNonEmpty(env.ANIMA_URL)) return checkBaseURL(env.ANIMA_URL);
  if (flags.profile === undefined && isNonEmpty(env.ANIMA_KEY)) return defaultAddressFor(env.ANIMA_KEY);
  if (flags.profile === undefined && isNonEmpty(env.ANIMA_LOGIN)) return resolveLogin(flags, env, env.ANIMA_LOGIN).url;
  for (const name of profileCandidates(flags, env)) {
    const profile = await readProfile(env, name);
    if (profile !== undefined) return checkBaseURL(profile.url);
  }
  return localUrl;
}

/** The ids in a key. */
export interface KeyIds {
  readonly org: string;
  /** Id of the API key or of the login; of a user key, `u` and the id of the user. */
  readonly id: string;
  /** The user of a user key. */
  readonly user?: string;
}

/** The ids of an access: those in its key, or those of its login. */
export function idsOfAccess({ apiKey, login }: Pick<VaultAccess, 'apiKey' | 'login'>): KeyIds | undefined {
  const [org, id] = login?.split('/') ?? [];
  return org === undefined || id === undefined ? parseKeyIds(apiKey) : { org, id };
}

/** The ids in an API key or a user key; undefined if its format or checksum is wrong. */
export function parseKeyIds(apiKey: string): KeyIds | undefined {
  const owner = parseUserKey(apiKey);
  if (owner !== undefined) return { org: owner.org, id: `u${owner.user}`, user: owner.user };
  const parsed = parseApiKey(apiKey);
  return parsed === undefined ? undefined : { org: parsed.org, id: parsed.id };
}

function profileCandidates(flags: AccessFlags, env: Environment): readonly string[] {
  if (flags.profile !== undefined) return [flags.profile];
  return isNonEmpty(env.ANIMA_PROFILE) ? [env.ANIMA_PROFILE] : usualProfiles;
}

function assertSameAddress(flags: AccessFlags, env: Environment, url: string): void {
  if (flags.url !== undefined || flags.profile !== undefined || !isNonEmpty(env.ANIMA_URL)) return;
  if (checkBaseURL(env.ANIMA_URL) === url) return;
  throw usageError(
    'ANIMA_URL differs from the address of the stored profile, and the key belongs to that address; nothing was sent',
    'Set ANIMA_KEY too, or unset ANIMA_URL, or select the profile with --profile.',
  );
}

const isNonEmpty = (text: string | undefined): text is string => text !== undefined && text !== '';

/** A profile name for messages. Text that could be a misplaced key is not shown. */
const printableProfileName = (name: string): string =>
  /^(?!anm_)[A-Za-z0-9._-]{1,64}$/.test(name) ? name : 'of that name';
