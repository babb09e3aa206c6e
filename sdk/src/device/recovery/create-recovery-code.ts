/** Makes a recovery code: a new recovery member whose keys only the code opens (docs/format-devices.md, section 10). */
import type { EntryRef } from '../../../../core/devices/chain-state.ts';
import { type DeviceKeys, generateDeviceKeys, publicKeysOf } from '../../../../core/devices/device-keys.ts';
import type { EpochKey } from '../../../../core/devices/epoch-keys.ts';
import { recoveryBoxHash, sealRecoveryBox } from '../../../../core/devices/recovery-code.ts';
import { formatRecoveryCode, recoverySecretLength } from '../../../../core/devices/recovery-code-text.ts';
import type { NewMember } from '../../../../core/devices/roster-body.ts';
import { type Bytes, toHex } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { deviceError } from '../device-errors.ts';
import type { RecoveryCode } from '../device-types.ts';
import { requirePlace } from '../roster/add-device.ts';
import { appendWithNewEpoch, requireAdmin } from '../roster/append-roster.ts';
import type { EngineView, VaultEngine } from '../vault-engine-types.ts';
import { renderRecoveryPage } from './recovery-page.ts';

/** A new code, and what the entry that makes it valid contains. */
export interface DraftedCode {
  readonly code: string;
  readonly member: NewMember;
  readonly box: Bytes;
  readonly boxHash: Bytes;
  /** The head before that entry. */
  readonly head: EntryRef;
}

/** Drafts a new code for a state. Each attempt has another code, since each code seals one box. */
export async function draftRecoveryCode({ state }: EngineView, next: EpochKey): Promise<DraftedCode> {
  const secret = crypto.getRandomValues(new Uint8Array(recoverySecretLength));
  try {
    const keys = await generateDeviceKeys(true);
    const { genesis, head, scope } = state;
    const box = await sealRecoveryBox(secret, scope, { keys, genesis, head, epoch: next.epoch, umk: next.umk });
    const code = await formatRecoveryCode(secret);
    return { code, member: recoveryMember(keys), box, boxHash: await recoveryBoxHash(box), head };
  } finally {
    secret.fill(0);
  }
}

const recoveryMember = (keys: DeviceKeys): NewMember => ({
  id: keys.id,
  ...publicKeysOf(keys),
  role: 'recovery',
  label: new Uint8Array(0),
});

/**
 * Makes a new recovery code and the epoch that begins with it. A code from before is no longer valid.
 * @param now for the printed date
 * @throws DeviceVaultError not_an_admin, members_full, roster_full, no_key
 */
export async function createRecoveryCode(
  engine: VaultEngine,
  settings: CallSettings,
  now = new Date(),
): Promise<RecoveryCode> {
  let drafted: DraftedCode | undefined;
  await appendWithNewEpoch(
    engine,
    async (view, next) => {
      requireAdmin(view, engine.keys.id);
      const isReplaced = [...view.state.members.values()].some(({ role }) => role === 'recovery');
      if (!isReplaced) requirePlace(view.state.members);
      drafted = await draftRecoveryCode(view, next);
      const { member, box, boxHash } = drafted;
      return { change: { kind: 'recovery', recovery: member, box: boxHash }, recoveryBox: box };
    },
    settings,
  );
  return toRecoveryCode(engine, drafted, now);
}

/** The code as it is returned once. */
export function toRecoveryCode(engine: VaultEngine, drafted: DraftedCode | undefined, now: Date): RecoveryCode {
  if (drafted === undefined) throw deviceError('entry_void');
  const { code } = drafted;
  const head = { seq: drafted.head.seq, hash: toHex(drafted.head.hash) };
  return { code, head, page: renderRecoveryPage({ code, head, vault: engine.scope.vault, createdAt: now }) };
}
