/**
 * Explains who can decrypt the records of a device vault. The answer is derived from its roster: the members that have
 * the key, those that were removed, and the recovery code.
 */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import type { ChainState, Member } from '../../core/devices/chain-state.ts';
import type { UserKeyring, UserTombstone } from '../../core/users/user-keyring.ts';
import type { StoredKeyring } from '../org-keys/keyring-verifier.ts';
import { explainDeviceMessages } from './explain-device-messages.ts';
import { explainMessages } from './explain-messages.ts';
import { type AccessExplanation, nobodyCanOpen } from './explain-value.ts';
import type { FunctionName, IamGrants } from './iam-grants.ts';

export interface ExplainDeviceVaultInput {
  /** Keyring of the org. Undefined if the authentication of the request has shown that the org is active. */
  readonly orgKeyring: StoredKeyring | undefined;
  readonly keyring: UserKeyring | UserTombstone | undefined;
  /** The verified roster; undefined if there is none. */
  readonly state: ChainState | undefined;
  readonly grants: IamGrants;
}

/** The answer lists no function under `canOpen`, because the service has no key of a device vault. */
export function explainDeviceVault({ orgKeyring, keyring, state, grants }: ExplainDeviceVaultInput): AccessExplanation {
  if (orgKeyring?.state === 'shredded') return nobodyCanOpen('device', explainDeviceMessages.shredded);
  if (keyring === undefined || keyring.state === 'deleted')
    return nobodyCanOpen('device', explainDeviceMessages.noUser);
  if (state === undefined) return nobodyCanOpen('device', explainDeviceMessages.noVault);
  const members = [...state.members.values()];
  const former = state.usedIds.size - members.length;
  const lockedReason = orgKeyring?.lock === undefined ? undefined : explainMessages.orgLocked(orgKeyring.lock.shredAt);
  return {
    custody: 'device',
    state: lockedReason === undefined ? 'stored' : 'locked',
    canOpen: members.map((member) => memberParty(member, lockedReason)),
    cannotOpen: [
      ...(former === 0
        ? []
        : [{ kind: 'device' as const, ...explainDeviceMessages.former(former, state.rotationDue) }]),
      { kind: 'slot', ...explainDeviceMessages.slots },
      { kind: 'api-key', ...explainDeviceMessages.apiKeys },
      { kind: 'function', ...explainDeviceMessages.functions(functionsThatRead(grants)) },
      { kind: 'operator', ...explainDeviceMessages.operator },
    ],
  };
}

function memberParty({ id, role }: Member, lockedReason: string | undefined): ExplainParty {
  if (role === 'recovery') return { kind: 'recovery-code', ...explainDeviceMessages.recoveryCode(lockedReason) };
  return { kind: 'device', id, ...explainDeviceMessages.device(id, role, lockedReason) };
}

const functionsThatRead = (grants: IamGrants): readonly FunctionName[] =>
  grants.functionNames.filter(
    (name) => grants.allowsRead(name, 'deviceLog') || grants.allowsRead(name, 'deviceRoster'),
  );
