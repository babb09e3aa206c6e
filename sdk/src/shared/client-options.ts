import { callerHeaders, clientEnv, localUrl } from '../../../contract/shared/environment-variables.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { parseApiKey } from '../../../core/api-keys/api-key.ts';
import { parseUserKey } from '../../../core/users/user-key.ts';
import { version } from '../version.ts';
import { createError } from './errors.ts';
import { isPlainObject } from './is-plain-object.ts';
import { checkBaseURL } from './url.ts';

/** For programs compiled with neither the DOM's nor Node's types. */
interface SignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The `AbortSignal` of the platform compiled for, from the DOM's types or Node's, so that neither is needed. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : SignalLike;

/** The `fetch` of the platform compiled for. */
export type Fetch = typeof globalThis extends { fetch: infer F } ? F : (url: string, init: object) => Promise<object>;

/** Looked up at each call, so that a polyfill or an instrumented fetch installed later is used. */
export const platformFetch: Fetch = (input, init) => globalThis.fetch(input, init);

/** What a call is made for, for the audit: 1 to 128 visible ASCII characters each. It is recorded, and trusted no further. */
export interface CallerIds {
  /** The agent that calls. */
  agent?: string | undefined;
  /** The run of that agent. */
  run?: string | undefined;
  /** The tool call within that run. */
  toolCall?: string | undefined;
}

/** How one call is to be made. Everything may be left out. */
export interface CallOptions extends CallerIds {
  /** Cancels the call, its attempts and the waits between them. */
  signal?: Signal | undefined;
  /** Milliseconds that one attempt may take, the reading of the answer included. */
  timeout?: number | undefined;
  /** Retries after the first attempt, 0 to 20. */
  maxRetries?: number | undefined;
}

export interface AnimaOptions extends CallerIds {
  /** API key of an organization, or user key; by default the environment's `ANIMA_KEY`. */
  apiKey?: string | undefined;
  /**
   * Instead of a key, the session of the user who logged in (`client.account.logIn`): for pages that have one origin with the vault. Its
   * cookie is kept by the browser, and no script can read it. `baseURL` is the page's own origin unless told.
   */
  session?: boolean | undefined;
  /** Address of the vault; by default the environment's `ANIMA_URL`, else the local vault. https, or loopback. */
  baseURL?: string | undefined;
  /** Milliseconds that one attempt may take; 30 000 by default. */
  timeout?: number | undefined;
  /** Retries after the first attempt, 0 to 20; 3 by default. */
  maxRetries?: number | undefined;
  /** Called instead of the platform's `fetch`. It sees the API key. */
  fetch?: Fetch | undefined;
  /** Appended to the user agent, e.g. `billing-agent/2.1`. */
  userAgent?: string | undefined;
}

/** How one call is made, all of it known. */
export interface CallSettings {
  readonly signal: Signal | undefined;
  readonly timeout: number;
  readonly maxRetries: number;
  /** Headers that tell what the call is made for. */
  readonly callerHeaders: Readonly<Record<string, string>>;
  /** Said in errors when a request was sent and its answer did not come: what is known then, and what to do. */
  readonly outcomeHint: string;
}

/** By what a client shows who it is; only sent to routes that ask for it. */
export type Credential =
  | { readonly kind: 'org'; readonly authorization: string }
  | { readonly kind: 'user'; readonly authorization: string; readonly org: string; readonly user: string }
  | { readonly kind: 'session' }
  | { readonly kind: 'none' };

/** What a transport needs, checked. */
export interface ClientSettings {
  readonly baseURL: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credential: Credential;
  readonly fetch: Fetch;
  /** For calls that do not say otherwise. */
  readonly callDefaults: CallSettings;
}

const defaultCallSettings: CallSettings = {
  signal: undefined,
  timeout: 30_000,
  maxRetries: 3,
  callerHeaders: {},
  outcomeHint: 'Whether a write took effect is not known; make the same call again, or read the value',
};

/** Timers of browsers and Node hold 31 bits: a longer one fires at once. */
export const maxTimeoutMs = 2 ** 31 - 1;

/**
 * Options and environment as settings.
 * @throws AnimaError missing_api_key, invalid_api_key, insecure_url, invalid_argument
 */
export function resolveClientSettings(options: AnimaOptions): ClientSettings {
  if (options.session === true) return sessionSettings(options);
  const credential = parseCredential(options.apiKey ?? readEnvironment(clientEnv.apiKey));
  const baseURL = checkBaseURL(options.baseURL ?? defaultURL());
  return { ...anonymousSettings(baseURL, options), credential };
}

const defaultURL = (): string => readEnvironment(clientEnv.url) || localUrl;

function sessionSettings(options: AnimaOptions): ClientSettings {
  if (options.apiKey !== undefined)
    throw createError('invalid_argument', { detail: 'apiKey and session are both given; give one. Nothing was sent' });
  const location: unknown = Reflect.get(globalThis, 'location');
  const origin = isPlainObject(location) && typeof location.origin === 'string' ? location.origin : undefined;
  const baseURL = checkBaseURL(options.baseURL ?? origin ?? defaultURL());
  // The cookie would not be sent, and to be told of a missing credential would help nobody.
  if (origin !== undefined && new URL(baseURL).origin !== origin) {
    const detail =
      'a session works where the page and the vault have one origin, and baseURL has another. Nothing was sent';
    throw createError('invalid_argument', { detail });
  }
  return { ...anonymousSettings(baseURL, options), credential: { kind: 'session' } };
}

/** Settings without a key, for what anyone may ask. @throws AnimaError invalid_argument */
export function anonymousSettings(baseURL: string, options: Omit<AnimaOptions, 'apiKey' | 'baseURL'>): ClientSettings {
  return {
    baseURL,
    headers: { accept: 'application/json', ...agentHeader(options.userAgent) },
    credential: { kind: 'none' },
    fetch: options.fetch ?? platformFetch,
    callDefaults: resolveCallSettings(options, defaultCallSettings),
  };
}

/**
 * The settings of a call: its own where given, else the client's.
 * @throws AnimaError invalid_argument
 */
export function resolveCallSettings(options: CallOptions, base: CallSettings): CallSettings {
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
    // Whatever could end a header, or that a proxy trims or recodes, would be recorded as another id.
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
 * Browsers keep `user-agent` to themselves, and naming it there would cost a CORS permission; outside of Node the
 * same text travels as `x-anima-client`.
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

/** A part of Node's `process`, where there is one. */
export function nodeProcessPart(part: 'env' | 'versions'): Record<string, unknown> | undefined {
  const host: unknown = Reflect.get(globalThis, 'process');
  const found = isPlainObject(host) ? host[part] : undefined;
  return isPlainObject(found) ? found : undefined;
}
