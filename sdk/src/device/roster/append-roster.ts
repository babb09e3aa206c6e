/** Appends an entry that changes the devices of a vault. Every attempt is drafted against the newest state. */
import type { ChainState, VoidReason } from '../../../../core/devices/chain-state.ts';
import { destroyEpochKey, type EpochKey } from '../../../../core/devices/epoch-keys.ts';
import { draftRoster, nextEpochKey, type RosterChange } from '../../../../core/devices/write-entry.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { type DeviceErrorCode, deviceError } from '../device-errors.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import type { ApprovalMessage } from '../pending-entry.ts';
import type { AppendedEntry, EngineView, EntryDraft, VaultEngine } from '../vault-engine-types.ts';

/** A change of the roster, and what its entry carries besides. */
export interface RosterPlan {
  readonly change: RosterChange;
  readonly recoveryBox?: Bytes | undefined;
}

/**
 * Plans the change for a state. Called again after a lost race.
 * @param next the keys of the epoch that the entry begins; those of the current epoch for `add`, `leave` and `close`
 * @throws an error of any kind to give up
 */
export type PlanRoster = (view: EngineView, next: EpochKey) => Promise<RosterPlan>;

/** The kinds that do not begin an epoch. */
type PlainKind = 'add' | 'leave' | 'close';

/** As {@link RosterPlan}, for a change that does not begin an epoch. */
export interface PlainPlan {
  readonly change: RosterChange & { readonly kind: PlainKind };
  readonly approval?: ApprovalMessage | undefined;
}

/**
 * Appends an entry that begins an epoch.
 * @throws DeviceVaultError no_key, or that of a void entry; what `plan` throws
 */
export async function appendWithNewEpoch(
  engine: VaultEngine,
  plan: PlanRoster,
  settings: CallSettings,
): Promise<AppendedEntry> {
  let next: EpochKey | undefined;
  const draft = async (view: EngineView): Promise<EntryDraft> => {
    // Each attempt has another UMK: wraps of an attempt that lost its race may have reached the service.
    if (next !== undefined) destroyEpochKey(next);
    next = undefined;
    const earlier = newestKey(view);
    const key = await nextEpochKey(view.state);
    next = key;
    const { change, recoveryBox } = await plan(view, key);
    const drafted = await draftRoster(view.state, change, key, earlier);
    return { kind: change.kind, ...drafted, recoveryBox, key };
  };
  try {
    return await appendOrRefuse(engine, draft, settings);
  } catch (error) {
    if (next !== undefined) destroyEpochKey(next);
    throw error;
  }
}

/** Appends an entry of the current epoch. @throws DeviceVaultError no_key, or that of a void entry */
export async function appendInEpoch(
  engine: VaultEngine,
  plan: (view: EngineView) => Promise<PlainPlan>,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const draft = async (view: EngineView): Promise<EntryDraft> => {
    const { change, approval } = await plan(view);
    const { body, wraps } = await draftRoster(view.state, change, keyFor(view, change.kind), undefined);
    return { kind: change.kind, body, wraps, approval };
  };
  return await appendOrRefuse(engine, draft, settings);
}

/** `leave` and `close` use no key, so a device without one can write them. */
function keyFor(view: EngineView, kind: PlainKind): EpochKey {
  return kind === 'add' ? view.currentKey() : newestKey(view);
}

/** The keys of the newest epoch that this device has. @throws DeviceVaultError no_key */
function newestKey(view: EngineView): EpochKey {
  for (let epoch = view.state.epoch; epoch >= 1; epoch--) {
    const key = view.key(epoch);
    if (key !== undefined) return key;
  }
  return view.currentKey();
}

/** Void reasons that have a code. The others cannot follow from a draft of this SDK. */
const codes: Partial<Record<VoidReason, DeviceErrorCode>> = {
  forbidden: 'not_an_admin',
  own_device: 'own_device',
  unknown_device: 'unknown_device',
  last_admin: 'last_admin',
  device_reused: 'device_known',
  too_many_members: 'members_full',
  roster_full: 'roster_full',
};

/** The rules of the vault decide. The engine reports their reason before it sends the entry. */
async function appendOrRefuse(
  engine: VaultEngine,
  draft: (view: EngineView) => Promise<EntryDraft>,
  settings: CallSettings,
): Promise<AppendedEntry> {
  try {
    const appended = await engine.append(draft, settings);
    const { voidReason, seq } = appended;
    if (voidReason === undefined) return appended;
    throw deviceError(codes[voidReason] ?? 'entry_void', { reason: voidReason, detail: `entry ${seq}` });
  } catch (error) {
    const code = error instanceof DeviceVaultError && error.code === 'change_refused' ? codeOf(error) : undefined;
    throw code === undefined ? error : deviceError(code);
  }
}

const codeOf = ({ reason }: DeviceVaultError): DeviceErrorCode | undefined =>
  new Map<unknown, DeviceErrorCode>(Object.entries(codes)).get(reason);

/** @throws DeviceVaultError not_an_admin */
export function requireAdmin({ state }: EngineView, self: string): void {
  if (isAdmin(state, self)) return;
  throw deviceError('not_an_admin');
}

export const isAdmin = ({ members }: ChainState, device: string): boolean => members.get(device)?.role === 'admin';
