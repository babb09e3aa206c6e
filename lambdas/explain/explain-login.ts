/**
 * Explains who can get an API key by a login of an identity of another system, what such a key can do and for how long, and
 * which of its keys work now. The answer follows from the verified record of the login and from those of the keys.
 */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { StoredApiKey } from '../api-keys/api-key-ports.ts';
import { effectiveExpiry } from '../api-keys/authorization.ts';
import { effectivePermissions } from '../api-keys/permissions.ts';
import type { Login } from '../logins/login-ports.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { type ExplainApiKeysInput, toParties } from './explain-api-keys.ts';
import { explainLoginMessages, type LoginExtent } from './explain-login-messages.ts';
import { explainMessages } from './explain-messages.ts';
import { type AccessExplanation, nobodyCanOpen } from './explain-value.ts';
import type { FunctionName } from './iam-grants.ts';

/** The functions that may create API keys. A test compares them with the policies (test/security/custody-separation.test.ts). */
export const keyCreators = ['admin', 'logins', 'operator'] as const satisfies readonly FunctionName[];

export interface ExplainLoginInput extends ExplainApiKeysInput {
  readonly keyring: StoredKeyring;
  readonly id: string;
  /** The verified login; `damaged` for a record that the vault did not write. */
  readonly login: Login | 'ended' | 'damaged' | undefined;
}

export function explainLogin(input: ExplainLoginInput): AccessExplanation {
  const { keyring, login, now } = input;
  if (keyring.state === 'shredded') return nobodyCanOpen('org', explainMessages.goneReasons.shredded);
  if (login === undefined) return nobodyCanOpen('org', explainLoginMessages.gone.absent);
  if (login === 'ended' || login === 'damaged') return nobodyCanOpen('org', explainLoginMessages.gone[login]);
  if (hasPassed(login.expiresAt, now)) return nobodyCanOpen('org', explainLoginMessages.gone.expired);
  const functions: ExplainParty[] = [
    { kind: 'function', ...explainLoginMessages.creators(keyCreators) },
    { kind: 'operator', ...explainLoginMessages.operator },
  ];
  const others: ExplainParty[] = [
    { kind: 'identity', ...explainLoginMessages.strangers },
    { kind: 'api-key', ...explainLoginMessages.apiKeys },
    { kind: 'anyone', ...explainLoginMessages.writer },
  ];
  const lockedReason = keyring.lock === undefined ? undefined : explainMessages.orgLocked(keyring.lock.shredAt);
  if (lockedReason !== undefined) {
    const refused: ExplainParty = { kind: 'identity', ...explainLoginMessages.whenLocked(lockedReason) };
    return { custody: 'org', state: 'locked', canOpen: functions, cannotOpen: [refused, ...others] };
  }
  const until = login.expiresAt === undefined ? {} : { until: login.expiresAt };
  const identities = identityParties(login).map((party) => ({ ...party, ...until }));
  return {
    custody: 'org',
    state: 'stored',
    canOpen: [...identities, ...keyParties(input, login.id), ...functions],
    cannotOpen: others,
  };
}

/** Who is trusted: those whom the login names, and those who decide who that is. */
function identityParties(login: Login): ExplainParty[] {
  const { role, verbs, prefixes, keySeconds, oidc, aws } = login;
  const effective = verbs === undefined ? undefined : effectivePermissions(login).verbs;
  const extent: LoginExtent = { role, verbs: effective, prefixes: prefixes?.length, keySeconds };
  return [
    ...(oidc === undefined
      ? []
      : [
          { kind: 'identity' as const, ...explainLoginMessages.token(oidc.issuer, oidc.claims, extent) },
          { kind: 'identity' as const, ...explainLoginMessages.issuer(oidc.issuer, oidc.keys !== undefined) },
        ]),
    ...(aws === undefined
      ? []
      : [
          { kind: 'identity' as const, ...explainLoginMessages.awsRole(aws.account, aws.roleId, extent) },
          { kind: 'identity' as const, ...explainLoginMessages.awsAccount(aws.account) },
        ]),
  ];
}

/** The keys that the login gave and that work now, with those that these keys created. */
function keyParties({ apiKeys, caller, now }: ExplainLoginInput, id: string): ExplainParty[] {
  const given = apiKeys.filter(
    (key) => key.origin?.login === id && key.revokedAt === undefined && !hasPassed(effectiveExpiry(key), now),
  );
  const textOf = (key: StoredApiKey) => explainLoginMessages.key(key.id, key.role, key.origin?.subject ?? '');
  return toParties(given, caller, textOf, explainLoginMessages.otherKeys);
}
