/**
 * The short-lived key of a client that logs in. It is renewed before it expires, by one login at a time for all calls of
 * the client.
 */
import { loginAudience } from '../../../contract/logins/aws-requests.ts';
import { loginRoutes } from '../../../contract/logins/routes.ts';
import type { WorkloadLoginResponse } from '../../../contract/logins/wire.ts';
import { type Role, roles } from '../../../contract/shared/roles.ts';
import { withAbort, withRetries, withTimeout } from '../http/retry.ts';
import { type LoginKeys, Transport } from '../http/transport.ts';
import type { CallSettings, ClientSettings, Signal } from '../shared/client-options.ts';
import { AnimaError } from '../shared/errors.ts';
import type { AwsProvider, LoginTarget } from '../shared/identity-types.ts';
import { decodeObject, decodeOneOf, decodeText } from '../shared/json-decoders.ts';
import { findAwsCredentials } from './aws-credentials.ts';
import { signCallerIdentity } from './caller-identity-signature.ts';
import { addLoginErrors } from './login-errors.ts';
import { detectPlatform, githubToken, gitlabToken, identityError, tokenOfFile, variable } from './platform-tokens.ts';

const decodeLogin = decodeObject<WorkloadLoginResponse>({
  id: decodeText,
  key: decodeText,
  role: decodeOneOf(Object.keys(roles) as Role[]),
  expiresAt: decodeText,
});

/** Part of the lifetime of a key after which it is renewed. */
const renewAfter = 0.8;
/** Lifetime of a key if the clock of this machine says that it has expired already, milliseconds. */
const assumedLifetimeMs = 60_000;

interface CurrentKey {
  readonly key: string;
  /** In the time of `performance.now()`, which does not jump. */
  readonly renewAt: number;
  readonly endsAt: number;
}

export class LoginKeySource implements LoginKeys {
  readonly #target: LoginTarget;
  readonly #transport: Transport;
  readonly #defaults: CallSettings;
  #current: CurrentKey | undefined;
  #pending: Promise<string> | undefined;

  constructor(settings: ClientSettings, target: LoginTarget) {
    addLoginErrors();
    this.#target = target;
    this.#transport = new Transport({ ...settings, credential: { kind: 'none' } });
    this.#defaults = settings.callDefaults;
  }

  /**
   * Sends a request with the key, and once more with a new one if the vault says that the key has expired: the clock of
   * this machine was wrong, or the machine slept. The refused request has had no effect.
   * @throws AnimaError identity_unavailable, identity_refused and other codes
   */
  async send<T>(
    settings: CallSettings,
    sendWith: (header: { readonly authorization: string }) => Promise<T>,
  ): Promise<T> {
    const key = await this.#getKey(settings);
    try {
      return await sendWith({ authorization: `Bearer ${key}` });
    } catch (error) {
      if (!(error instanceof AnimaError) || error.code !== 'api_key_expired') throw error;
      if (this.#current?.key === key) this.#current = undefined;
      return await sendWith({ authorization: `Bearer ${await this.#getKey(settings)}` });
    }
  }

  /** A key that works. Rejects when the signal of the call fires; the login goes on for the other calls. */
  async #getKey(settings: CallSettings): Promise<string> {
    const now = performance.now();
    if (this.#current !== undefined && now < this.#current.renewAt) return this.#current.key;
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined;
    });
    const pending = this.#pending;
    return await withAbort(settings, () => pending);
  }

  async #renew(): Promise<string> {
    const before = this.#current;
    try {
      const startedAt = performance.now();
      const { key, expiresAt } = await this.#logIn();
      const left = Date.parse(expiresAt) - Date.now();
      const lifetime = left > 0 ? left : assumedLifetimeMs;
      this.#current = { key, renewAt: startedAt + lifetime * renewAfter, endsAt: startedAt + lifetime };
      return key;
    } catch (error) {
      // The old key still works, and the next call tries again.
      if (before !== undefined && this.#current === before && performance.now() < before.endsAt) return before.key;
      throw error;
    }
  }

  /** Each attempt gets a new identity: a token or a signature can work once, also if its response was lost. */
  async #logIn(): Promise<WorkloadLoginResponse> {
    const settings = { ...this.#defaults, signal: undefined };
    return await withRetries(settings, async () => {
      const call = await withTimeout(settings, (signal) => this.#loginCall(signal));
      return await this.#transport.request(call, { ...settings, maxRetries: 0 }, decodeLogin);
    });
  }

  async #loginCall(signal: Signal) {
    const { org, id, identity = detectPlatform() } = this.#target;
    const { baseURL } = this.#transport;
    if (identity === 'aws' || (typeof identity === 'object' && 'getAwsCredentials' in identity)) {
      const { credentials, region } = await awsIdentity(identity, signal);
      const body = await signCallerIdentity(credentials, this.#target, baseURL, region);
      return { route: loginRoutes.logInWithAws, body };
    }
    const audience = loginAudience(baseURL, org);
    const token = await platformToken(identity, audience, signal);
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw identityError('the platform gave something that is no token');
    return { route: loginRoutes.logInWithOidc, body: { org, login: id, token } };
  }
}

async function awsIdentity(identity: 'aws' | AwsProvider, signal: Signal) {
  const environmentRegion = variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION') ?? 'us-east-1';
  if (identity === 'aws') return { credentials: await findAwsCredentials(signal), region: environmentRegion };
  return { credentials: await identity.getAwsCredentials({ signal }), region: identity.region ?? environmentRegion };
}

function platformToken(
  identity: Exclude<NonNullable<LoginTarget['identity']>, 'aws' | AwsProvider>,
  audience: string,
  signal: Signal,
): Promise<string> {
  if (typeof identity === 'object') return identity.getToken(audience, { signal });
  if (identity === 'github') return githubToken(audience, signal);
  return identity === 'gitlab' ? Promise.resolve(gitlabToken(audience)) : tokenOfFile(audience);
}
