/**
 * Explains who can decrypt a value (org custody). The answer is derived from the keyring, the permissions of each API
 * key, and the policies of the functions.
 */

import type { ExplainParty, ExplainResponse } from '../../contract/explain/wire.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { findUsableDek } from '../../core/org-keys/org-keyring.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { type ExplainApiKeysInput, explainValueReaders } from './explain-api-keys.ts';
import { explainMessages } from './explain-messages.ts';
import type { FunctionName, IamGrants } from './iam-grants.ts';

export interface ValueMetadata {
  readonly name: string;
  /** The sealed string of the metadata. */
  readonly info: string;
}

export type AccessExplanation = Omit<ExplainResponse, 'ref'>;

/** The explanation for an item that does not exist or can no longer be decrypted. */
export const nobodyCanOpen = (custody: AccessExplanation['custody'], why: string): AccessExplanation => ({
  custody,
  state: 'gone',
  canOpen: [],
  cannotOpen: [{ kind: 'anyone', ...explainMessages.nobody(why) }],
});

export interface ExplainValueInput extends ExplainApiKeysInput {
  readonly keyring: StoredKeyring;
  readonly value: ValueMetadata | undefined;
  readonly grants: IamGrants;
}

/** @throws DecryptionError if the stored data is malformed */
export function explainValue(input: ExplainValueInput): AccessExplanation {
  const { keyring, value } = input;
  if (keyring.state === 'shredded') return nobodyCanOpen('org', explainMessages.goneReasons.shredded);
  if (value === undefined) return nobodyCanOpen('org', explainMessages.goneReasons.value);
  // The metadata is encrypted with the same DEK as the value.
  const dek = parseDekVersion(value.info);
  if (findUsableDek(keyring, dek) === undefined) return nobodyCanOpen('org', explainMessages.goneReasons.retired);
  const lockedReason = keyring.lock === undefined ? undefined : explainMessages.orgLocked(keyring.lock.shredAt);
  const apiKeyParties =
    lockedReason === undefined ? explainValueReaders(input, value.name, dek) : lockedApiKeyParties(lockedReason);
  const functionGroups = functionParties(input.grants, lockedReason);
  return {
    custody: 'org',
    state: lockedReason === undefined ? 'stored' : 'locked',
    canOpen: [
      ...apiKeyParties.can,
      ...functionGroups.can,
      { kind: 'operator', ...explainMessages.operatorReads(functionGroups.unwrapping) },
    ],
    cannotOpen: [
      ...apiKeyParties.cannot,
      ...functionGroups.cannot,
      { kind: 'anyone', ...explainMessages.approvalCustody() },
    ],
  };
}

const lockedApiKeyParties = (lockedReason: string): { can: ExplainParty[]; cannot: ExplainParty[] } => ({
  can: [],
  cannot: [{ kind: 'api-key', ...explainMessages.keysOfLockedOrg(lockedReason) }],
});

const canUnwrapDeks = (grants: IamGrants, name: FunctionName): boolean => grants.allows(name, 'kek', 'kms:Decrypt');

function functionParties(grants: IamGrants, lockedReason: string | undefined) {
  const unwrapping = grants.functionNames.filter((name) => canUnwrapDeks(grants, name));
  const readers = unwrapping.filter((name) => grants.allowsRead(name, 'value'));
  const unwrapOnly = unwrapping.filter((name) => !readers.includes(name));
  const withoutKek = grants.functionNames.filter((name) => !unwrapping.includes(name));
  const party = (names: readonly FunctionName[], text: Pick<ExplainParty, 'who' | 'how'>): ExplainParty[] =>
    names.length === 0 ? [] : [{ kind: 'function', ...text }];
  return {
    unwrapping: readers,
    can:
      lockedReason === undefined
        ? readers.map((id): ExplainParty => ({ kind: 'function', id, ...explainMessages.functionReads(id) }))
        : [],
    cannot: [
      ...(lockedReason === undefined
        ? []
        : party(readers, explainMessages.functionsOfLockedOrg(readers, lockedReason))),
      ...party(unwrapOnly, explainMessages.functionsUnwrapOnly(unwrapOnly)),
      ...party(withoutKek, explainMessages.functionsWithoutKek(withoutKek)),
    ],
  };
}
