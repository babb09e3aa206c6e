/** Public views of a user's keyring: they list the slots and contain nothing that opens or locates one. */
import type { AccountResponse, SlotInfo, UserInfo } from '../../contract/users/wire.ts';
import type { UserKeyring, UserTombstone } from '../../core/users/user-keyring.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { CorruptUserKeyring } from './corrupt-user-keyring.ts';

/** The view of a user for the organization. */
export function toUserInfo(
  user: string,
  stored: UserKeyring | UserTombstone | CorruptUserKeyring,
  now: Date,
): UserInfo {
  if (stored.state === 'damaged') {
    const { state, createdAt } = stored;
    return { user, state, ...(createdAt === undefined ? {} : { createdAt }), slots: [] };
  }
  const { state, createdAt } = stored;
  if (stored.state === 'deleted') return { user, state, createdAt, deletedAt: stored.deletedAt, slots: [] };
  return { user, state, createdAt, slots: toSlotInfos(stored, now) };
}

function toSlotInfos({ slots }: UserKeyring, now: Date): SlotInfo[] {
  const unexpired = slots.filter(({ expiresAt }) => !hasPassed(expiresAt, now));
  return unexpired.map(({ id, kind, createdAt, expiresAt }) => ({
    id,
    kind,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }));
}

export function toAccountResponse(keyring: UserKeyring, now: Date): AccountResponse {
  const { org, user, state, createdAt } = keyring;
  return { org, user, state, createdAt, slots: toSlotInfos(keyring, now) };
}
