/** Who can open a value: org custody. The answer is made of the keyring, the rights of each API key and the policies of the functions. */

import type { ExplainParty, ExplainResponse } from '../../contract/explain/wire.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { findUsableDek } from '../../core/org-keys/org-keyring.ts';
import type { StoredKeyring } from '../org-keys/keyring-opener.ts';
import type { StoredValueSummary } from '../values/value-ports.ts';
import { type KeyFacts, readersOf } from './explain-api-keys.ts';
import { words } from './explain-messages.ts';
import type { FunctionName, Grants } from './iam-grants.ts';

export type Explained = Omit<ExplainResponse, 'ref'>;

/** What nobody can open any more, or ever could. */
export const gone = (custody: Explained['custody'], why: string): Explained => ({
  custody,
  state: 'gone',
  canOpen: [],
  cannotOpen: [{ kind: 'anyone', ...words.gone(why) }],
});

export interface ValueFacts extends KeyFacts {
  readonly keyring: StoredKeyring;
  readonly value: StoredValueSummary | undefined;
  readonly grants: Grants;
}

/** @throws DecryptionError when what is stored has not the documented form */
export function explainValue(facts: ValueFacts): Explained {
  const { keyring, value } = facts;
  if (keyring.state === 'shredded') return gone('org', words.whyGone.shredded);
  if (value === undefined) return gone('org', words.whyGone.value);
  // The facts beside the value are sealed under the DEK that the value is under.
  const dek = parseDekVersion(value.info);
  if (findUsableDek(keyring, dek) === undefined) return gone('org', words.whyGone.retired);
  const shut = keyring.lock === undefined ? undefined : words.locked(keyring.lock.shredAt);
  const keys = shut === undefined ? readersOf(facts, value.name, dek) : shutKeys(shut);
  const functions = functionParties(facts.grants, shut);
  return {
    custody: 'org',
    state: shut === undefined ? 'stored' : 'locked',
    canOpen: [...keys.can, ...functions.can, { kind: 'operator', ...words.operatorReads(functions.unwrapping) }],
    cannotOpen: [...keys.cannot, ...functions.cannot],
  };
}

const shutKeys = (shut: string): { can: ExplainParty[]; cannot: ExplainParty[] } => ({
  can: [],
  cannot: [{ kind: 'api-key', ...words.keysShut(shut) }],
});

const unwraps = (grants: Grants, name: FunctionName): boolean => grants.may(name, 'kek', 'kms:Decrypt');

function functionParties(grants: Grants, shut: string | undefined) {
  const unwrapping = grants.all.filter((name) => unwraps(grants, name));
  const reading = unwrapping.filter((name) => grants.mayRead(name, 'value'));
  const apart = unwrapping.filter((name) => !reading.includes(name));
  const without = grants.all.filter((name) => !unwrapping.includes(name));
  const party = (names: readonly FunctionName[], said: Pick<ExplainParty, 'who' | 'how'>): ExplainParty[] =>
    names.length === 0 ? [] : [{ kind: 'function', ...said }];
  return {
    unwrapping: reading,
    can:
      shut === undefined
        ? reading.map((id): ExplainParty => ({ kind: 'function', id, ...words.functionReads(id) }))
        : [],
    cannot: [
      ...(shut === undefined ? [] : party(reading, words.functionsShut(reading, shut))),
      ...party(apart, words.functionsUnwrap(apart)),
      ...party(without, words.functionsWithoutKek(without)),
    ],
  };
}
