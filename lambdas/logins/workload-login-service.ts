/** Exchanges an identity of another system for a short-lived API key (docs/workload-identity.md, section 4 and 5). */
import { hash, randomBytes } from 'node:crypto';
import { loginAudience } from '../../contract/logins/aws-requests.ts';
import { loginLimits } from '../../contract/logins/limits.ts';
import type { LogInWithAwsRequest, LogInWithOidcRequest, WorkloadLoginResponse } from '../../contract/logins/wire.ts';
import { encodeLengthPrefixedFields } from '../../core/encoding/length-prefixed-fields.ts';
import type { ApiKeyStore } from '../api-keys/api-key-ports.ts';
import { generateApiKey } from '../api-keys/api-key-service.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import { countAddress, countWithin } from '../shared/attempt-limits.ts';
import type { AttemptStore } from '../shared/attempt-ports.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import { assertCurrentRequest, buildCallerIdentityRequest, parseCallerIdentity } from './caller-identity.ts';
import { IdentityRefusedError } from './identity-refusal.ts';
import { drawsTokenIds } from './issuer-rules.ts';
import type { Login, LoginStore, SecurityTokenService, UsedIdentityStore } from './login-ports.ts';
import type { LoginRecordVerifier } from './login-record-verifier.ts';
import { printableSubject } from './token-claims.ts';
import { parseTokenHeader, type TokenVerifier } from './token-verifier.ts';

/** An identity that a login accepted. From here on, the request is audited. */
export interface AcceptedIdentity {
  readonly org: string;
  readonly principal: string;
  readonly login: string;
  readonly subject: string;
}

export interface WorkloadLoginDeps {
  readonly logins: LoginStore;
  readonly verifier: LoginRecordVerifier;
  readonly tokens: TokenVerifier;
  readonly sts: SecurityTokenService;
  readonly used: UsedIdentityStore;
  readonly attempts: AttemptStore;
  readonly apiKeys: Pick<ApiKeyStore, 'create'>;
  readonly keys: AuthenticationKeys;
  readonly clock: Clock;
  /** Base URLs under which clients reach the vault. Each gives an audience. */
  readonly urls: readonly string[];
}

const perLogin = { attempts: loginLimits.keysPerLogin, windowSeconds: loginLimits.windowSeconds };
const perAddress = { attempts: loginLimits.awsLoginsPerAddress, windowSeconds: loginLimits.windowSeconds };

export class WorkloadLoginService {
  readonly #deps: WorkloadLoginDeps;

  constructor(deps: WorkloadLoginDeps) {
    this.#deps = deps;
  }

  /**
   * @param onAccepted called once the token is accepted, before anything is written
   * @throws IdentityRefusedError; VaultError `too_many_attempts`, `unavailable`, `key_unavailable`
   */
  async logInWithOidc(
    { org, login: id, token }: LogInWithOidcRequest,
    onAccepted: (identity: AcceptedIdentity) => void,
  ): Promise<WorkloadLoginResponse> {
    // The cheapest refusals come first, before the table is read.
    parseTokenHeader(token);
    const login = await this.#requireLogin(org, id);
    const { oidc } = login;
    if (oidc === undefined) throw new IdentityRefusedError('login_unknown');
    const { subject, tokenId, expiresAt } = await this.#deps.tokens.verify(token, oidc, this.#audiences(org));
    onAccepted(acceptedIdentity(org, id, subject));
    await this.#countKey(org, id);
    if (oidc.singleUse ?? drawsTokenIds(oidc.issuer)) {
      if (tokenId === undefined) throw new IdentityRefusedError('token_form');
      // The tolerance for the issuer's clock, and a minute for the clocks of the vault's own processes.
      const until = new Date((expiresAt + loginLimits.clockSkewSeconds + 60) * 1000).toISOString();
      await this.#useOnce(org, ['anima:used-token:v1', oidc.issuer, tokenId], until);
    }
    return await this.#createKey(org, login, subject);
  }

  /**
   * @param sourceIp address of the caller, for its limit on attempts
   * @throws as {@link logInWithOidc}
   */
  async logInWithAws(
    request: LogInWithAwsRequest,
    sourceIp: string,
    onAccepted: (identity: AcceptedIdentity) => void,
  ): Promise<WorkloadLoginResponse> {
    const { org, login: id, audience, signature } = request;
    const { attempts, clock, sts } = this.#deps;
    assertCurrentRequest(request, clock());
    if (!this.#audiences(org).includes(audience)) throw new IdentityRefusedError('request_form');
    const login = await this.#requireLogin(org, id);
    const { aws } = login;
    if (aws === undefined) throw new IdentityRefusedError('login_unknown');
    const built = buildCallerIdentityRequest(request, aws);
    // Each attempt costs a request to STS, also one that STS will refuse.
    await countAddress(attempts, sourceIp, perAddress, clock());
    const answer = await sts.getCallerIdentity(built);
    if (answer === undefined) throw new IdentityRefusedError('request_signature');
    const caller = parseCallerIdentity(answer);
    if (caller?.account !== aws.account || caller.roleId !== aws.roleId)
      throw new IdentityRefusedError('role_mismatch');
    const subject = printableSubject(`${caller.roleId}:${caller.sessionName}`);
    onAccepted(acceptedIdentity(org, id, subject));
    await this.#countKey(org, id);
    // Twice the tolerance: a request with a time in the future is accepted for that long.
    const until = addSeconds(clock(), 2 * loginLimits.awsSkewSeconds + 60);
    await this.#useOnce(org, ['anima:used-signature:v1', signature], until);
    return await this.#createKey(org, login, subject);
  }

  #audiences(org: string): readonly string[] {
    return this.#deps.urls.map((url) => loginAudience(url, org));
  }

  async #requireLogin(org: string, id: string): Promise<Login> {
    const { logins, verifier, clock } = this.#deps;
    const stored = await logins.get(org, id);
    const login = stored && (await verifier.verify(org, stored));
    if (login === undefined) throw new IdentityRefusedError('login_unknown');
    if (login === 'ended' || hasPassed(login.expiresAt, clock())) throw new IdentityRefusedError('login_ended');
    return login;
  }

  /** Only accepted identities are counted, so that strangers cannot use up the limit of a login. */
  #countKey(org: string, id: string): Promise<void> {
    return countWithin(this.#deps.attempts, org, `login/${id}`, perLogin, this.#deps.clock());
  }

  async #useOnce(org: string, identity: readonly string[], until: string): Promise<void> {
    const id = hash('sha256', encodeLengthPrefixedFields(...identity), 'base64url');
    const by = randomBytes(16).toString('base64url');
    if (!(await this.#deps.used.claim(org, id, by, until))) throw new IdentityRefusedError('identity_used');
  }

  async #createKey(org: string, login: Login, subject: string): Promise<WorkloadLoginResponse> {
    const { keys, apiKeys, clock } = this.#deps;
    const now = clock();
    const end = addSeconds(now, login.keySeconds);
    const expiresAt =
      login.expiresAt !== undefined && Date.parse(login.expiresAt) < Date.parse(end) ? login.expiresAt : end;
    const { role, name, verbs, prefixes } = login;
    const origin = { login: login.id, subject };
    const authenticationKey = await keys.get(org);
    const { stored, key } = generateApiKey(
      authenticationKey,
      { role, name, verbs, prefixes, expiresAt, origin },
      now.toISOString(),
    );
    await apiKeys.create(stored);
    return { id: stored.id, key, role, expiresAt };
  }
}

const acceptedIdentity = (org: string, login: string, subject: string): AcceptedIdentity => ({
  org,
  principal: `login:${login}`,
  login,
  subject,
});
