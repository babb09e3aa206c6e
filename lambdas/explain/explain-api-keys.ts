/** Which API keys of an org may do something now, as rows of an answer. */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import type { Caller, StoredApiKey } from '../api-keys/api-key-ports.ts';
import { effectiveExpiry } from '../api-keys/authorization.ts';
import { allowsName, effectivePermissions, exceedsPermissions, isReserved } from '../api-keys/permissions.ts';
import { channelNames } from '../channels/channel-ports.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { listed, words } from './explain-messages.ts';

export interface KeyFacts {
  /** All of the org. */
  readonly apiKeys: readonly StoredApiKey[];
  /** Who asks: keys that reach further are counted to it, and not named. Undefined: a user, to whom none is named. */
  readonly caller: Caller | undefined;
  readonly now: Date;
}

/** Keys named in an answer, and ids named of those that can't; more are counted. */
const mostKeys = 1000;
const mostIds = 20;

/** Whether a key is to be named to who asks. */
const mayName = (key: StoredApiKey, caller: Caller | undefined): boolean =>
  caller !== undefined && (key.id === caller.keyId || !exceedsPermissions(effectivePermissions(key), caller));

type Refusal = 'keysRevoked' | 'keysEnded' | 'keysWithoutVerb' | 'keysElsewhere' | 'keysUnreserved';

/** Why a key does not read a value; undefined when it does. The order is that in which a request is refused. */
function refusal(key: StoredApiKey, name: string, now: Date): Refusal | undefined {
  if (key.revokedAt !== undefined) return 'keysRevoked';
  if (hasPassed(effectiveExpiry(key), now)) return 'keysEnded';
  const rights = effectivePermissions(key);
  if (!rights.verbs.includes('values.read')) return 'keysWithoutVerb';
  if (allowsName(rights, name)) return undefined;
  return rights.prefixes === undefined && isReserved(name) ? 'keysUnreserved' : 'keysElsewhere';
}

/** Who reads a value by its key, and who does not. @param dek version of the DEK that the value is under */
export function readersOf({ apiKeys, caller, now }: KeyFacts, name: string, dek: number) {
  const reading: StoredApiKey[] = [];
  const refused = new Map<Refusal, StoredApiKey[]>();
  for (const key of apiKeys) {
    const why = refusal(key, name, now);
    if (why === undefined) reading.push(key);
    else if (mayName(key, caller)) refused.set(why, [...(refused.get(why) ?? []), key]);
  }
  const can = rows(reading, caller, (key) => words.keyReads(key.id, key.role, dek), words.furtherKeys);
  const cannot = [...refused].map(([why, keys]): ExplainParty => ({ kind: 'api-key', ...words[why](named(keys)) }));
  return { can, cannot };
}

const channelValues = channelNames.map((name) => channelSecretsPrefix + name);

/**
 * Who can pass for a provider of messages: by a key that reads, or sets, the secrets by which its messages are known to be genuine. So
 * whoever knows an identity can send a message from it.
 */
export function forgersOf({ apiKeys, caller, now }: KeyFacts): ExplainParty[] {
  const able = apiKeys.filter((key) => {
    if (key.revokedAt !== undefined || hasPassed(effectiveExpiry(key), now)) return false;
    const rights = effectivePermissions(key);
    const touches = rights.verbs.includes('values.read') || rights.verbs.includes('values.write');
    return touches && channelValues.some((name) => allowsName(rights, name));
  });
  return rows(able, caller, (key) => words.keyForges(key.id, key.role), words.furtherForgers);
}

type Words = Pick<ExplainParty, 'who' | 'how'>;

function rows(
  keys: readonly StoredApiKey[],
  caller: Caller | undefined,
  words: (key: StoredApiKey) => Words,
  further: (count: number) => Words,
): ExplainParty[] {
  const shown = keys.filter((key) => mayName(key, caller)).slice(0, mostKeys);
  const parties = shown.map((key): ExplainParty => {
    const until = effectiveExpiry(key);
    return { kind: 'api-key', id: key.id, ...words(key), ...(until === undefined ? {} : { until }) };
  });
  const more = keys.length - shown.length;
  return more === 0 ? parties : [...parties, { kind: 'api-key', ...further(more) }];
}

function named(keys: readonly StoredApiKey[]): string {
  const ids = keys.slice(0, mostIds).map(({ id }) => id);
  const more = keys.length - ids.length;
  return `API keys: ${listed([...ids, ...(more > 0 ? [`${more} more`] : [])])}`;
}
