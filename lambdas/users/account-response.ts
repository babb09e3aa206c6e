/** What may be shown of a user's keyring: which slots there are, and nothing that opens or finds one. */
import type { AccountResponse, SlotInfo, UserInfo } from '../../contract/users/wire.ts';
import type { UserKeyring, UserTombstone } from '../../core/users/user-keyring.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { DamagedUser } from './corrupt-user-keyring.ts';

/** What an org may see of one of its users. */
export function userInfo(user: string, stored: UserKeyring | UserTombstone | DamagedUser, now: Date): UserInfo {
  if (stored.state === 'damaged') {
    const { state, createdAt } = stored;
    return { user, state, ...(createdAt === undefined ? {} : { createdAt }), slots: [] };
  }
  const { state, createdAt } = stored;
  if (stored.state === 'deleted') return { user, state, createdAt, deletedAt: stored.deletedAt, slots: [] };
  return { user, state, createdAt, slots: slotInfos(stored, now) };
}

function slotInfos({ slots }: UserKeyring, now: Date): SlotInfo[] {
  const left = slots.filter(({ expiresAt }) => !hasPassed(expiresAt, now));
  return left.map(({ id, kind, createdAt, expiresAt }) => ({
    id,
    kind,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }));
}

export function accountInfo(keyring: UserKeyring, now: Date): AccountResponse {
  const { org, user, state, createdAt } = keyring;
  return { org, user, state, createdAt, slots: slotInfos(keyring, now) };
}
