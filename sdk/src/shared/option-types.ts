/** Options of clients and of calls. */
import type { IdentityName, IdentityProvider } from './identity-types.ts';
import type { Signal } from './signal.ts';

/** The `fetch` type of the target platform. */
export type Fetch = typeof globalThis extends { fetch: infer F } ? F : (url: string, init: object) => Promise<object>;

/** Caller ids for the audit, 1 to 128 visible ASCII characters each. They are recorded but not trusted. */
export interface CallerIds {
  /** The calling agent. */
  agent?: string | undefined;
  /** The run of that agent. */
  run?: string | undefined;
  /** The tool call within that run. */
  toolCall?: string | undefined;
}

/** Options of one call. All are optional. */
export interface CallOptions extends CallerIds {
  /** Cancels the call, its attempts and the waits between them. */
  signal?: Signal | undefined;
  /** Time-out of one attempt in milliseconds, including reading the response. */
  timeout?: number | undefined;
  /** Retries after the first attempt, 0 to 20. */
  maxRetries?: number | undefined;
}

export interface AnimaOptions extends CallerIds {
  /** API key of an organization, or user key. Default: the environment variable `ANIMA_KEY`. */
  apiKey?: string | undefined;
  /**
   * Logs in with the identity of this machine instead of an API key: organization, slash, id of the login. Default,
   * if there is no key: the environment variable `ANIMA_LOGIN`. The client gets a key by itself, and renews it.
   */
  login?: string | undefined;
  /**
   * The identity for `login`. Default: what the environment shows. An object provides tokens, or AWS credentials, of
   * platforms that this client does not know.
   */
  identity?: IdentityName | IdentityProvider | undefined;
  /**
   * Uses the session of the logged-in user (`client.account.logIn`) instead of a key, for pages with the same origin
   * as the vault. The browser keeps the cookie, and no script can read it. `baseURL` defaults to the page's origin.
   */
  session?: boolean | undefined;
  /**
   * Address of the vault, https or loopback. Default: the environment variable `ANIMA_URL`, otherwise the local
   * vault. Keys of other vaults are not sent to that default address.
   */
  baseURL?: string | undefined;
  /** Time-out of one attempt in milliseconds. Default: 30 000. */
  timeout?: number | undefined;
  /** Retries after the first attempt, 0 to 20. Default: 3. */
  maxRetries?: number | undefined;
  /** Replaces the platform's `fetch`. It receives the API key. */
  fetch?: Fetch | undefined;
  /** Appended to the user agent, e.g. `billing-agent/2.1`. */
  userAgent?: string | undefined;
}
