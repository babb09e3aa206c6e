import { callerHeaders, clientEnv } from '../../../contract/shared/environment-variables.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { parseApiKey } from '../../../core/api-keys/api-key.ts';
import { parseUserKey } from '../../../core/users/user-key.ts';
import { version } from '../version.ts';
import { checkOptions } from './check-options.ts';
import { defaultAddressFor, defaultAddressOf } from './default-address.ts';
import { createError } from './errors.ts';
import type { LoginTarget } from './identity-types.ts';
import { isPlainObject } from './is-plain-object.ts';
import type { AnimaOptions, CallerIds, CallOptions, Fetch } from './option-types.ts';
import type { Signal } from './signal.ts';
import { checkBaseURL } from './url.ts';

export type { AnimaOptions, CallerIds, CallOptions, Fetch, Signal };

/** Looked up on each call, so that a polyfill or an instrumented fetch installed later is used. */
export const platformFetch: Fetch = (input, init) => globalThis.fetch(input, init);

const callOptionNames: readonly string[] = ['signal', 'timeout', 'maxRetries', ...Object.keys(callerHeaders)];

const clientOptionNames = ['apiKey', 'login', 'identity', 'session', 'baseURL', 'fetch', 'userAgent'];

/** Complete settings of one call. */
export interface CallSettings {
  readonly signal: Signal | undefined;
  readonly timeout: number;
  readonly maxRetries: number;
  /** Headers with the caller ids. */
  readonly callerHeaders: Readonly<Record<string, string>>;
  /** Added to errors if a request was sent but its response did not arrive: what is known, and what to do. */
  readonly outcomeHint: string;
}

/** The client's credential. Sent only to routes that require it. */
export type Credential =
  | { readonly kind: 'org'; readonly authorization: string }
  | { readonly kind: 'org'; readonly login: LoginTarget }
  | { readonly kind: 'user'; readonly authorization: string; readonly org: string; readonly user: string }
  | { readonly kind: 'session' }
  | { readonly kind: 'none' };

/** Validated settings of a transport. */
export interface ClientSettings {
  readonly baseURL: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credential: Credential;
  readonly fetch: Fetch;
  /** Defaults for calls without options. */
  readonly callDefaults: CallSettings;
}

const defaultCallSettings: CallSettings = {
  signal: undefined,
  timeout: 30_000,
  maxRetries: 3,
  callerHeaders: {},
  outcomeHint: 'A write may or may not have taken effect; repeat the same call, or read the value',
};

/** The same hint for a call that only reads. */
const readHint = 'Nothing was changed; repeat the call';

/** The settings of a call that only reads: its failures do not mention writes. */
export const settingsForRead = (settings: CallSettings): CallSettings =>
  settings.outcomeHint === defaultCallSettings.outcomeHint ? { ...settings, outcomeHint: readHint } : settings;

/** Browser and Node timers use 31 bits; a longer timer fires immediately. */
export const maxTimeoutMs = 2 ** 31 - 1;

/**
 * Resolves options and environment to settings.
 * @param own names of options that a client has in addition, and that were already taken out
 * @throws AnimaError missing_api_key, invalid_api_key, missing_url, insecure_url, invalid_argument
 */
export function resolveClientSettings(options: AnimaOptions, own: readonly string[] = []): ClientSettings {
  checkOptions(options, [...clientOptionNames, ...callOptionNames, ...own]);
  if (options.session === true) return sessionSettings(options);
  const login = options.login ?? (options.apiKey === undefined ? environmentLogin() : undefined);
  if (login !== undefined) return loginSettings(options, login);
  const apiKey = options.apiKey ?? readEnvironment(clientEnv.apiKey);
  const credential = parseCredential(apiKey);
  const baseURL = checkBaseURL(options.baseURL ?? (environmentURL() || defaultAddressFor(apiKey ?? '')));
  return { ...anonymousSettings(baseURL, options), credential };
}

/** The login of the environment, if it has no key. */
const environmentLogin = (): string | undefined =>
  readEnvironment(clientEnv.apiKey) ? undefined : readEnvironment(clientEnv.login) || undefined;

/** @throws AnimaError invalid_argument, missing_url, insecure_url */
function loginSettings(options: AnimaOptions, login: string): ClientSettings {
  const [, org = '', id = ''] = /^([0-9a-z]{16})\/([0-9a-z]{16})$/.exec(login) ?? [];
  if (org === '' || options.apiKey !== undefined) {
    const detail = 'login must be ORGANIZATION/LOGIN, and no apiKey given with it. Nothing was sent';
    throw createError('invalid_argument', { detail });
  }
  const baseURL = checkBaseURL(options.baseURL ?? (environmentURL() || defaultAddressOf(org)));
  return {
    ...anonymousSettings(baseURL, options),
    credential: { kind: 'org', login: { org, id, identity: options.identity } },
  };
}

const environmentURL = (): string | undefined => readEnvironment(clientEnv.url);

function sessionSettings(options: AnimaOptions): ClientSettings {
  if (options.apiKey !== undefined)
    throw createError('invalid_argument', { detail: 'apiKey and session are both given; give one. Nothing was sent' });
  const location: unknown = Reflect.get(globalThis, 'location');
  const origin = isPlainObject(location) && typeof location.origin === 'string' ? location.origin : undefined;
  const configuredURL = options.baseURL ?? origin ?? environmentURL();
  // A session begins with a password, which must not reach a program that listens at the default address.
  if (configuredURL === undefined || configuredURL === '') {
    throw createError('missing_url', {
      detail: `outside a page, give baseURL or set ${clientEnv.url}. Nothing was sent`,
    });
  }
  const baseURL = checkBaseURL(configuredURL);
  // The browser would not send the cookie, and a missing-credential error would be misleading.
  if (origin !== undefined && new URL(baseURL).origin !== origin) {
    const detail = 'a session requires baseURL to have the origin of the page. Nothing was sent';
    throw createError('invalid_argument', { detail });
  }
  return { ...anonymousSettings(baseURL, options), credential: { kind: 'session' } };
}

/**
 * Settings for clients whose requests devices sign.
 * @param own names of the client's other options
 * @throws AnimaError missing_url, insecure_url, invalid_argument
 */
export function deviceClientSettings(
  options: Omit<AnimaOptions, 'apiKey' | 'session'>,
  own: readonly string[],
): ClientSettings {
  const url = options.baseURL ?? environmentURL();
  if (url === undefined || url === '')
    throw createError('missing_url', { detail: `give baseURL or set ${clientEnv.url}. Nothing was sent` });
  const names = clientOptionNames.filter((name) => name !== 'apiKey' && name !== 'session');
  return anonymousSettings(checkBaseURL(url), options, [...names, ...own]);
}

/** The invite of this device in the environment. */
export const environmentInvite = (): string | undefined => readEnvironment(clientEnv.invite);

/**
 * Settings without a key, for public routes.
 * @param own names of options that are checked elsewhere. Default: those of a client
 * @throws AnimaError invalid_argument
 */
export function anonymousSettings(
  baseURL: string,
  options: Omit<AnimaOptions, 'apiKey' | 'baseURL'>,
  own: readonly string[] = clientOptionNames,
): ClientSettings {
  return {
    baseURL,
    headers: { accept: 'application/json', ...agentHeader(options.userAgent) },
    credential: { kind: 'none' },
    fetch: options.fetch ?? platformFetch,
    callDefaults: resolveCallSettings(options, defaultCallSettings, own),
  };
}

/**
 * The settings of a call: its options, with the client's defaults.
 * @param own names of the method's other options. All others are refused
 * @throws AnimaError invalid_argument
 */
export function resolveCallSettings(
  options: CallOptions,
  base: CallSettings,
  own: readonly string[] = [],
): CallSettings {
  // Most calls have none.
  if (isPlainObject(options) && Object.keys(options).length === 0) return base;
  checkOptions(options, [...own, ...callOptionNames]);
  const { signal = base.signal, timeout = base.timeout, maxRetries = base.maxRetries } = options;
  if (!(timeout > 0 && timeout <= maxTimeoutMs)) {
    throw createError('invalid_argument', {
      detail: `timeout must be milliseconds, above 0 and at most ${maxTimeoutMs}`,
    });
  }
  if (!(Number.isInteger(maxRetries) && maxRetries >= 0 && maxRetries <= 20)) {
    throw createError('invalid_argument', { detail: 'maxRetries must be a whole number from 0 to 20' });
  }
  return {
    ...base,
    signal,
    timeout,
    maxRetries,
    callerHeaders: { ...base.callerHeaders, ...buildCallerHeaders(options) },
  };
}

/** @throws AnimaError invalid_argument */
function buildCallerHeaders(ids: CallerIds): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [label, header] of Object.entries(callerHeaders) as [keyof CallerIds, string][]) {
    const id = ids[label];
    if (id === undefined) continue;
    // Characters that end a header, or that proxies trim or recode, would be recorded as a different id.
    if (typeof id !== 'string' || id.length > limits.callerIdLength || !/^[\x21-\x7e]+$/.test(id)) {
      const detail = `${label} must be 1 to ${limits.callerIdLength} visible ASCII characters, without spaces`;
      throw createError('invalid_argument', { detail });
    }
    headers[header] = id;
  }
  return headers;
}

/** @throws AnimaError missing_api_key, invalid_api_key */
export function parseCredential(apiKey: string | undefined): Credential {
  if (apiKey === undefined || apiKey === '') {
    throw createError('missing_api_key', { detail: `pass apiKey, or set ${clientEnv.apiKey} in the environment` });
  }
  const authorization = `Bearer ${apiKey}`;
  const owner = typeof apiKey === 'string' ? parseUserKey(apiKey) : undefined;
  if (owner !== undefined) return { kind: 'user', authorization, org: owner.org, user: owner.user };
  if (typeof apiKey !== 'string' || parseApiKey(apiKey) === undefined) {
    throw createError('invalid_api_key', {
      detail: 'its form or checksum is wrong, so nothing was sent. Copy it whole, without spaces or line ends',
    });
  }
  return { kind: 'org', authorization };
}

/**
 * Browsers do not let scripts set `user-agent`, and setting it would require a CORS permission. Outside Node the same
 * text is sent as `x-anima-client`.
 */
function agentHeader(suffix: string | undefined): Record<string, string> {
  if (suffix !== undefined && !/^[\x20-\x7e]{1,200}$/.test(suffix)) {
    throw createError('invalid_argument', { detail: 'userAgent must be 1 to 200 printable ASCII characters' });
  }
  const agent = suffix === undefined ? `anima-sdk/${version}` : `anima-sdk/${version} ${suffix}`;
  return nodeProcessPart('versions') === undefined ? { 'x-anima-client': agent } : { 'user-agent': agent };
}

function readEnvironment(name: string): string | undefined {
  const value = nodeProcessPart('env')?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** A part of Node's `process`, if it exists. */
export function nodeProcessPart(part: 'env' | 'versions'): Record<string, unknown> | undefined {
  const host: unknown = Reflect.get(globalThis, 'process');
  const found = isPlainObject(host) ? host[part] : undefined;
  return isPlainObject(found) ? found : undefined;
}
