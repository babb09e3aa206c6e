/** Lists the API keys of an org that currently have access, as parties of an explanation. */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import type { Caller, StoredApiKey } from '../api-keys/api-key-ports.ts';
import { effectiveExpiry } from '../api-keys/authorization.ts';
import { allowsName, effectivePermissions, exceedsPermissions, isReserved } from '../api-keys/permissions.ts';
import { channelNames } from '../channels/channel-ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { explainMessages, joinWithAnd } from './explain-messages.ts';

export interface ExplainApiKeysInput {
  /** All API keys of the org. */
  readonly apiKeys: readonly StoredApiKey[];
  /**
   * The calling API key. Keys with more permissions are counted for it, but not named. Undefined for a user, to whom no
   * key is named.
   */
  readonly caller: Caller | undefined;
  readonly now: Date;
}

/**
 * Maximum number of keys that are listed with access, and of IDs that are listed without access. Further ones are only
 * counted.
 */
const maxListedKeys = 1000;
const maxListedDeniedIds = 20;

/** Whether the ID of a key may be shown to the caller. */
const isKeyVisibleTo = (key: StoredApiKey, caller: Caller | undefined): boolean =>
  caller !== undefined && (key.id === caller.keyId || !exceedsPermissions(effectivePermissions(key), caller));

type DenialReason = 'keysRevoked' | 'keysEnded' | 'keysWithoutVerb' | 'keysElsewhere' | 'keysUnreserved';

/** Why a key cannot read a value; undefined if it can. The checks are in the same order as for a request. */
function denialReasonOf(key: StoredApiKey, name: string, now: Date): DenialReason | undefined {
  if (key.revokedAt !== undefined) return 'keysRevoked';
  if (hasPassed(effectiveExpiry(key), now)) return 'keysEnded';
  const permissions = effectivePermissions(key);
  if (!permissions.verbs.includes('values.read')) return 'keysWithoutVerb';
  if (allowsName(permissions, name)) return undefined;
  return permissions.prefixes === undefined && isReserved(name) ? 'keysUnreserved' : 'keysElsewhere';
}

/** The API keys that can and cannot read a value. @param dek version of the DEK that encrypts the value */
export function explainValueReaders({ apiKeys, caller, now }: ExplainApiKeysInput, name: string, dek: number) {
  const readers: StoredApiKey[] = [];
  const deniedByReason = new Map<DenialReason, StoredApiKey[]>();
  for (const key of apiKeys) {
    const reason = denialReasonOf(key, name, now);
    if (reason === undefined) readers.push(key);
    else if (isKeyVisibleTo(key, caller)) deniedByReason.set(reason, [...(deniedByReason.get(reason) ?? []), key]);
  }
  const can = toParties(
    readers,
    caller,
    (key) => explainMessages.keyReads(key.id, key.role, dek, key.origin?.login),
    explainMessages.otherKeysRead,
  );
  const cannot = [...deniedByReason].map(
    ([reason, keys]): ExplainParty => ({ kind: 'api-key', ...explainMessages[reason](formatKeyIds(keys)) }),
  );
  return { can, cannot };
}

const channelCredentialNames = channelNames.map((name) => channelSecretsPrefix + name);

/**
 * API keys that can impersonate a provider of messages: they can read or set the secrets that authenticate its
 * messages. Anyone with such a key who knows an identity can send a message in its name.
 */
export function explainImpersonators({ apiKeys, caller, now }: ExplainApiKeysInput): ExplainParty[] {
  const impersonators = apiKeys.filter((key) => {
    if (key.revokedAt !== undefined || hasPassed(effectiveExpiry(key), now)) return false;
    const permissions = effectivePermissions(key);
    const readsOrWrites = permissions.verbs.includes('values.read') || permissions.verbs.includes('values.write');
    return readsOrWrites && channelCredentialNames.some((name) => allowsName(permissions, name));
  });
  return toParties(
    impersonators,
    caller,
    (key) => explainMessages.keyCanImpersonate(key.id, key.role),
    explainMessages.otherKeysCanImpersonate,
  );
}

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** Keys with more permissions than the caller's are counted. */
export function toParties(
  keys: readonly StoredApiKey[],
  caller: Caller | undefined,
  textOf: (key: StoredApiKey) => PartyText,
  remainderText: (count: number) => PartyText,
): ExplainParty[] {
  const shown = keys.filter((key) => isKeyVisibleTo(key, caller)).slice(0, maxListedKeys);
  const parties = shown.map((key): ExplainParty => {
    const until = effectiveExpiry(key);
    return { kind: 'api-key', id: key.id, ...textOf(key), ...(until === undefined ? {} : { until }) };
  });
  const more = keys.length - shown.length;
  return more === 0 ? parties : [...parties, { kind: 'api-key', ...remainderText(more) }];
}

function formatKeyIds(keys: readonly StoredApiKey[]): string {
  const ids = keys.slice(0, maxListedDeniedIds).map(({ id }) => id);
  const more = keys.length - ids.length;
  return `API keys: ${joinWithAnd([...ids, ...(more > 0 ? [`${more} more`] : [])])}`;
}
