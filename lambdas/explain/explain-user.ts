/**
 * Explains who can decrypt the records of a user. The answer is derived from the slots of the user and the policies of
 * the functions.
 */

import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { Slot, SlotKind } from '../../core/users/key-slot.ts';
import { parseUserKeyringRecord, type UserKeyring, type UserTombstone } from '../../core/users/user-keyring.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { type ExplainApiKeysInput, explainImpersonators } from './explain-api-keys.ts';
import { explainMessages } from './explain-messages.ts';
import { type AccessExplanation, nobodyCanOpen } from './explain-value.ts';
import { type FunctionName, type IamGrants, servesAuth } from './iam-grants.ts';

export interface ExplainUserInput extends ExplainApiKeysInput {
  /** Keyring of the org. Undefined if the authentication of the request has shown that the org is active. */
  readonly orgKeyring: StoredKeyring | undefined;
  readonly keyring: UserKeyring | UserTombstone | undefined;
  /** Whether the requested record exists. True if the answer is for the user as a whole. */
  readonly recordExists: boolean;
  /** Whether the answer includes messages. */
  readonly concernsMessages: boolean;
  readonly grants: IamGrants;
}

/** Parses a stored keyring. No slot is unwrapped. @throws DecryptionError */
export const parseUserRecordIfPresent = (
  record: unknown,
  owner: { org: string; user: string },
): ExplainUserInput['keyring'] => (record === undefined ? undefined : parseUserKeyringRecord(record, owner));

export function explainUser(input: ExplainUserInput): AccessExplanation {
  const { orgKeyring, keyring, recordExists, concernsMessages, grants, now } = input;
  if (orgKeyring?.state === 'shredded') return nobodyCanOpen('user', explainMessages.goneReasons.shredded);
  if (keyring === undefined) return nobodyCanOpen('user', explainMessages.goneReasons.user);
  if (keyring.state === 'deleted')
    return nobodyCanOpen('user', explainMessages.goneReasons.deletedUser(keyring.deletedAt));
  if (!recordExists) return nobodyCanOpen('user', explainMessages.goneReasons.record);
  const lockedReason = orgKeyring?.lock === undefined ? undefined : explainMessages.orgLocked(orgKeyring.lock.shredAt);
  const functionClasses = classifyFunctions(grants);
  const impersonators = keyring.slots.some(({ kind }) => kind === 'identity') ? explainImpersonators(input) : [];
  const exposed: ExplainParty[] =
    functionClasses.unlockAndServeApiKeys.length === 0
      ? []
      : [{ kind: 'api-key', ...explainMessages.keysReachUserData(functionClasses.unlockAndServeApiKeys) }];
  const otherKeys: ExplainParty[] =
    exposed.length > 0
      ? []
      : [{ kind: 'api-key', ...explainMessages.keysNoSlot(impersonators.length > 0, functionClasses.serveApiKeys) }];
  const operator: ExplainParty = { kind: 'operator', ...explainMessages.operatorNoSlot(residualRisks(keyring.slots)) };
  const deniedFunctions = deniedFunctionParties(functionClasses);
  if (lockedReason !== undefined) {
    const slots = keyring.slots.map(({ id, kind }) =>
      slotParty(id, explainMessages.slotOfLockedOrg(id, kind, lockedReason)),
    );
    const functions = [...functionClasses.unlockForSender, ...functionClasses.unlockForUser];
    const lockedFunctions: ExplainParty = {
      kind: 'function',
      ...explainMessages.userFunctionsOfLockedOrg(functions, lockedReason),
    };
    const cannotOpen = [
      ...slots,
      { kind: 'api-key' as const, ...explainMessages.keysOfLockedOrg(lockedReason) },
      lockedFunctions,
      ...deniedFunctions,
      operator,
    ];
    return { custody: 'user', state: 'locked', canOpen: [], cannotOpen };
  }
  const validSlots = keyring.slots.filter(({ expiresAt }) => !hasPassed(expiresAt, now));
  const expiredSlots = keyring.slots.filter(({ expiresAt }) => hasPassed(expiresAt, now));
  return {
    custody: 'user',
    state: 'stored',
    canOpen: [
      ...validSlots.map((slot) => allowedSlotParty(slot, functionClasses)),
      ...functionClasses.unlockForSender.map(
        (id): ExplainParty => ({ kind: 'function', id, ...explainMessages.functionWithSender(id) }),
      ),
      ...functionClasses.unlockForUser.map(
        (id): ExplainParty => ({ kind: 'function', id, ...explainMessages.functionWithUser(id) }),
      ),
      ...(concernsMessages && grants.hasResponder && functionClasses.unlockForSender.length > 0
        ? [{ kind: 'function' as const, id: 'responder', ...explainMessages.responder() }]
        : []),
      ...impersonators,
      ...exposed,
    ],
    cannotOpen: [
      ...expiredSlots.map(({ id, kind }) => slotParty(id, explainMessages.expiredSlot(id, kind))),
      ...otherKeys,
      ...deniedFunctions,
      operator,
    ],
  };
}

const slotParty = (id: string, text: Pick<ExplainParty, 'who' | 'how'>): ExplainParty => ({
  kind: 'slot',
  id,
  ...text,
});

/** A valid slot, and the credential that it requires. */
function allowedSlotParty(slot: Slot, { deriveIdentitySecrets, deriveLinkCodeSecrets }: FunctionClasses): ExplainParty {
  const { id, expiresAt } = slot;
  const textByKind: Record<SlotKind, () => Pick<ExplainParty, 'who' | 'how'>> = {
    identity: () => explainMessages.identity(id, deriveIdentitySecrets),
    credential: () => explainMessages.credential(id),
    password: () => explainMessages.password(id, slot.params),
    session: () => explainMessages.session(id),
    link: () => explainMessages.link(id, deriveLinkCodeSecrets),
  };
  return { ...slotParty(id, textByKind[slot.kind]()), ...(expiresAt === undefined ? {} : { until: expiresAt }) };
}

/** The risks that remain if someone obtains further permissions for the stored data, keys and code. */
function residualRisks(slots: readonly Slot[]): string[] {
  const has = (kind: SlotKind) => slots.some((slot) => slot.kind === kind);
  return [
    explainMessages.riskCode,
    ...(has('identity') ? [explainMessages.riskIdentity, explainMessages.riskChannels] : []),
    ...(has('password') ? [explainMessages.riskPassword] : []),
  ];
}

interface FunctionClasses {
  /**
   * Functions that unlock users while they handle a message. They can use the custody key (or the code key), and read
   * keyrings and records.
   */
  readonly unlockForSender: readonly FunctionName[];
  /**
   * The functions of `unlockForSender` that derive the secrets of identity slots, and those that derive the secrets of
   * link-code slots.
   */
  readonly deriveIdentitySecrets: readonly FunctionName[];
  readonly deriveLinkCodeSecrets: readonly FunctionName[];
  /** Functions that unlock users while they handle a request with a credential. They can read keyrings and records. */
  readonly unlockForUser: readonly FunctionName[];
  /** Functions that could unlock slots, but cannot read records. */
  readonly unlockWithoutRecords: readonly FunctionName[];
  /** All other functions. */
  readonly cannotUnlock: readonly FunctionName[];
  /** Functions that serve API keys, and those of them that could also unlock slots and read records. */
  readonly serveApiKeys: readonly FunctionName[];
  readonly unlockAndServeApiKeys: readonly FunctionName[];
}

function classifyFunctions(grants: IamGrants): FunctionClasses {
  const usesCustodyKey = (name: FunctionName) => grants.allows(name, 'custodyKey', 'kms:GenerateMac');
  const usesCodeKey = (name: FunctionName) => grants.allows(name, 'codeKey', 'kms:GenerateMac');
  const derivesSlotSecrets = (name: FunctionName) => usesCustodyKey(name) || usesCodeKey(name);
  const readsUserData = (name: FunctionName) =>
    grants.allowsRead(name, 'userKeyring') && grants.allowsRead(name, 'userRecord');
  const servesUsers = (name: FunctionName) => servesAuth(name, 'user');
  const all = grants.functionNames;
  const serveApiKeys = all.filter((name) => servesAuth(name, 'api-key'));
  const unlockForSender = all.filter(
    (name) => readsUserData(name) && (usesCustodyKey(name) || (usesCodeKey(name) && !servesUsers(name))),
  );
  return {
    unlockForSender,
    deriveIdentitySecrets: unlockForSender.filter(usesCustodyKey),
    deriveLinkCodeSecrets: unlockForSender.filter(usesCodeKey),
    unlockForUser: all.filter((name) => readsUserData(name) && !usesCustodyKey(name) && servesUsers(name)),
    unlockWithoutRecords: all.filter((name) => !readsUserData(name) && (derivesSlotSecrets(name) || servesUsers(name))),
    cannotUnlock: all.filter((name) => !derivesSlotSecrets(name) && !servesUsers(name)),
    serveApiKeys,
    unlockAndServeApiKeys: serveApiKeys.filter((name) => readsUserData(name) && derivesSlotSecrets(name)),
  };
}

const deniedFunctionParties = ({ unlockWithoutRecords, cannotUnlock }: FunctionClasses): ExplainParty[] => [
  ...(unlockWithoutRecords.length === 0
    ? []
    : [{ kind: 'function' as const, ...explainMessages.functionsWithoutRecords(unlockWithoutRecords) }]),
  ...(cannotUnlock.length === 0
    ? []
    : [{ kind: 'function' as const, ...explainMessages.functionsWithoutUser(cannotUnlock) }]),
];
