/** Creates, lists and deletes logins of identities of other systems. */
import { loginLimits } from '../../contract/logins/limits.ts';
import type {
  CreateLoginRequest,
  DeleteLoginResponse,
  ListLoginsResponse,
  LoginInfo,
} from '../../contract/logins/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId, randomId } from '../../core/encoding/random-id.ts';
import { encodeLoginRecord } from '../../core/logins/login-record.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import { assertNotStronger, assertRoleHasVerbs, parseFutureTime } from '../api-keys/api-key-service.ts';
import { effectivePermissions, exceedsPermissions, isVisibleTo } from '../api-keys/permissions.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarks } from '../records/org-marks.ts';
import { decodeKeyCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { issuerProblem } from './issuer-rules.ts';
import type { LoginStore } from './login-ports.ts';
import { LoginRecordVerifier } from './login-record-verifier.ts';

export interface LoginAdminDeps {
  readonly logins: LoginStore;
  readonly keys: AuthenticationKeys;
  readonly marks: OrgMarks;
  readonly clock: Clock;
  /** Whether an issuer can be `http://127.0.0.1:…`. Only in the local vault. */
  readonly allowsLoopback: boolean;
}

export class LoginAdminService {
  readonly #deps: LoginAdminDeps;
  readonly #verifier: LoginRecordVerifier;

  constructor(deps: LoginAdminDeps) {
    this.#deps = deps;
    this.#verifier = new LoginRecordVerifier(deps.keys, deps.marks);
  }

  /**
   * Creates a login whose keys have at most the caller's permissions.
   * @throws VaultError `invalid_request`, `forbidden`
   */
  async create(caller: Caller, request: CreateLoginRequest): Promise<LoginInfo> {
    const { clock, keys, logins } = this.#deps;
    const now = clock();
    assertOneIdentity(request);
    if (request.oidc !== undefined) this.#assertUsableIssuer(request.oidc);
    const expiresAt = parseFutureTime(request.expiresAt, now);
    assertRoleHasVerbs(request.role, request.verbs);
    // A login outlives the keys that it gives. Such a key must not be able to prolong its access.
    if (caller.origin !== undefined) throw new VaultError('forbidden', { detail: keyOfLoginDetail });
    assertNotStronger(caller, { ...request, expiresAt });
    const login: LoginInfo = {
      ...request,
      expiresAt,
      id: randomId(),
      keySeconds: request.keySeconds ?? loginLimits.keySeconds,
      createdAt: now.toISOString(),
      createdBy: caller.keyId,
    };
    const stored = withoutUndefined(login);
    await logins.create(caller.org, login.id, encodeLoginRecord(await keys.get(caller.org), stored));
    return stored;
  }

  #assertUsableIssuer(oidc: NonNullable<CreateLoginRequest['oidc']>): void {
    const problem = issuerProblem(oidc, this.#deps.allowsLoopback) ?? incompleteKeyOf(oidc);
    if (problem !== undefined) throw new VaultError('invalid_request', { errors: [problem] });
  }

  /**
   * One page of the org's logins. A caller that is limited to prefixes sees only logins whose keys have permissions
   * within its own.
   * @throws VaultError `invalid_cursor`
   */
  async list(
    caller: Caller,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListLoginsResponse> {
    const { org } = caller;
    const after = decodeKeyCursor(cursor, [org, 'logins', ''], 'login/'.length);
    const { items, more } = await this.#deps.logins.list(org, after, limit);
    const logins: LoginInfo[] = [];
    const damaged: string[] = [];
    for (const stored of items) {
      const login = await this.#verifier.verify(org, stored);
      if (login === undefined || login === 'ended') {
        if (caller.prefixes === undefined) damaged.push(stored.id);
      } else if (isVisibleTo(login, caller)) logins.push(login);
    }
    const last = items.at(-1);
    return {
      logins,
      ...(damaged.length === 0 ? {} : { damaged }),
      ...(more && last !== undefined ? { cursor: encodeCursor([org, 'logins', ''], last.id) } : {}),
    };
  }

  /**
   * Deletes a login and ends its keys. The response is sent only once the end is in the org's mark. A login whose record
   * is damaged or missing is ended there too for a caller without limits, because the record could come back.
   * @throws VaultError `login_not_found`, `forbidden`
   */
  async delete(caller: Caller, id: string): Promise<DeleteLoginResponse> {
    const { logins, marks, clock } = this.#deps;
    const { org } = caller;
    const stored = isOpaqueId(id) ? await logins.get(org, id) : undefined;
    const login = stored && (await this.#verifier.verify(org, stored));
    const isKnown = login !== undefined && login !== 'ended';
    if (isKnown && exceedsPermissions(effectivePermissions(login), caller)) {
      throw new VaultError('forbidden', { detail: 'The keys of that login have more permissions than this key.' });
    }
    const mayEnd = isOpaqueId(id) && (isKnown || caller.prefixes === undefined);
    const endedAt = clock().toISOString();
    if (mayEnd) {
      await marks.endKey(org, id, endedAt);
      if (stored !== undefined) await logins.delete(org, id);
    }
    if (stored === undefined || !mayEnd) throw new VaultError('login_not_found');
    return { id, endedAt };
  }
}

const keyOfLoginDetail =
  'The key of a login cannot create logins, because they would outlive it. Nothing was changed. Use another admin key.';

/** @throws VaultError `invalid_request` */
function assertOneIdentity({ oidc, aws }: CreateLoginRequest): void {
  if ((oidc === undefined) !== (aws === undefined)) return;
  throw new VaultError('invalid_request', { errors: [{ path: 'oidc', message: 'give exactly one of oidc and aws' }] });
}

const keyMembers = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;

/** The first key of a login that lacks a member of its type (RFC 7518 section 6, RFC 8037). */
function incompleteKeyOf({ keys = [] }: NonNullable<CreateLoginRequest['oidc']>) {
  for (const [at, key] of keys.entries()) {
    const missing = keyMembers[key.kty].find((member) => key[member] === undefined);
    if (missing !== undefined) return { path: `oidc.keys.${at}`, message: `lacks ${missing}` };
  }
  return undefined;
}

/** Canonical JSON has no undefined members. */
const withoutUndefined = <T extends object>(fields: T): T => JSON.parse(JSON.stringify(fields)) as T;
