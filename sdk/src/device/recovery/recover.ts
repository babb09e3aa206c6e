/** Recovery of a vault with its code (docs/format-devices.md, section 10). */
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { entryHash, parseSignedEntry } from '../../../../core/devices/chain-entry.ts';
import { publicKeysOf } from '../../../../core/devices/device-keys.ts';
import { deriveEpochKey, destroyEpochKey } from '../../../../core/devices/epoch-keys.ts';
import { openRecoveryBox, type RecoveryContent, recoveryBoxHash } from '../../../../core/devices/recovery-code.ts';
import { parseRecoveryCode } from '../../../../core/devices/recovery-code-text.ts';
import { type NewMember, parseRosterBody, type RosterBody } from '../../../../core/devices/roster-body.ts';
import type { VaultScope } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { deviceError } from '../device-errors.ts';
import type { RecoveryCode } from '../device-types.ts';
import type { DeviceVaultError } from '../device-vault-error.ts';
import { checkLabel } from '../open-vault.ts';
import { appendWithNewEpoch, type PlanRoster } from '../roster/append-roster.ts';
import { sealDeviceLabel } from '../roster/device-labels.ts';
import type { VaultEngine } from '../vault-engine-types.ts';
import { createRecoveryCode, type DraftedCode, draftRecoveryCode, toRecoveryCode } from './create-recovery-code.ts';
import type { RecoveryDevice } from './recovery-ports.ts';

/** The vault on the new device, and its new code. */
export interface Recovered {
  readonly engine: VaultEngine;
  readonly code: RecoveryCode;
}

export interface RecoverInput {
  /** The code as a person typed it. */
  readonly code: string;
  /** Name of this device, for people. */
  readonly label?: string | undefined;
  /** For the printed date of the new code. */
  readonly now?: Date | undefined;
}

/**
 * Makes this device the only member of the vault, with a new recovery code. Only `code_mistyped` is found before a request.
 * @throws DeviceVaultError code_mistyped, code_refused, code_replaced, recovery_missing, chain_rolled_back, no_key
 */
export async function recoverVault(
  device: RecoveryDevice,
  input: RecoverInput,
  settings: CallSettings,
): Promise<Recovered> {
  const label = checkLabel(input.label);
  const secret = typeof input.code === 'string' ? await parseRecoveryCode(input.code) : undefined;
  if (secret === undefined) throw deviceError('code_mistyped');
  let content: RecoveryContent | undefined;
  try {
    const box = await getBox(device, settings);
    content = await openBox(device, secret, box);
    const engine = await device.engineOf(content.keys);
    await pullAsRecovery(engine, settings);
    await verifyRecovery(engine, content, box);
    return await appendRecover(device, engine, label, input.now ?? new Date(), settings);
  } finally {
    secret.fill(0);
    content?.umk.fill(0);
  }
}

async function getBox(device: RecoveryDevice, settings: CallSettings): Promise<Bytes> {
  try {
    return await device.box(settings);
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'recovery_not_found') throw deviceError('recovery_missing');
    throw error;
  }
}

async function openBox({ scope }: RecoveryDevice, secret: Bytes, box: Bytes): Promise<RecoveryContent> {
  try {
    return await openRecoveryBox(secret, scope, box);
  } catch (error) {
    if (error instanceof DecryptionError) throw deviceError('code_refused');
    throw error;
  }
}

/** The service refuses the signature of a recovery member that was replaced. */
async function pullAsRecovery(engine: VaultEngine, settings: CallSettings): Promise<void> {
  try {
    await engine.pull(settings);
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'device_refused') throw deviceError('code_replaced');
    throw error;
  }
}

/** @throws DeviceVaultError chain_rolled_back, code_replaced, no_key */
async function verifyRecovery(engine: VaultEngine, content: RecoveryContent, box: Bytes): Promise<void> {
  const { state } = engine.view;
  if (!equalBytes(state.genesis, content.genesis)) throw rolledBack('it has another first entry');
  // It names the entry at the head of the code, which may have been pruned.
  const { kind, body, epoch, prev } = await readEntry(engine, content.head.seq + 1);
  if (!equalBytes(prev, content.head.hash)) throw rolledBack('it has another entry at the head of the code');
  const made = kind === 'recovery' || kind === 'recover' ? await parseRosterBody(kind, body) : undefined;
  const isMade =
    made !== undefined && content.epoch === epoch + 1 && (await isCodeOf(engine.scope, made, content, box));
  if (!isMade) throw rolledBack('the entry after the head of the code does not make it valid');
  const member = state.members.get(content.keys.id);
  // A void entry makes nobody a member, and an id is used once. So `since` is that entry, or the code was replaced.
  if (member?.role !== 'recovery' || member.since !== content.head.seq + 1) throw deviceError('code_replaced');
  // A new epoch without the current key would lose its records for good.
  engine.view.currentKey();
}

const rolledBack = (detail: string): DeviceVaultError => deviceError('chain_rolled_back', { detail });

async function isCodeOf(scope: VaultScope, made: RosterBody, content: RecoveryContent, box: Bytes): Promise<boolean> {
  if (made.kind !== 'recovery' && made.kind !== 'recover') return false;
  const { ecdh, ecdsa } = publicKeysOf(content.keys);
  const key = await deriveEpochKey(scope, content.epoch, content.umk.slice());
  destroyEpochKey(key);
  return (
    equalBytes(made.recovery.ecdh, ecdh) &&
    equalBytes(made.recovery.ecdsa, ecdsa) &&
    equalBytes(made.box, await recoveryBoxHash(box)) &&
    equalBytes(made.commitment, key.commitment)
  );
}

async function readEntry(engine: VaultEngine, seq: number) {
  const signed = await engine.entry(seq);
  const entry = signed && parseSignedEntry(signed);
  if (entry === undefined || typeof entry === 'string') throw rolledBack('it ends before the head of the code');
  return { ...entry, hash: await entryHash(entry.unsigned) };
}

async function appendRecover(
  device: RecoveryDevice,
  engine: VaultEngine,
  label: string,
  now: Date,
  settings: CallSettings,
): Promise<Recovered> {
  const keys = await device.prepare(engine);
  let drafted: DraftedCode | undefined;
  const plan: PlanRoster = async (view, next) => {
    drafted = await draftRecoveryCode(view, next);
    const sealed = await sealDeviceLabel(next, keys.id, label);
    const member: NewMember = { id: keys.id, ...publicKeysOf(keys), role: 'admin', label: sealed };
    const { member: recovery, box, boxHash } = drafted;
    return { change: { kind: 'recover', member, recovery, box: boxHash }, recoveryBox: box };
  };
  let failure: unknown;
  try {
    await appendWithNewEpoch(engine, plan, settings);
  } catch (error) {
    // Whether the entry was stored is for the log to tell: the answer may be lost, or false.
    failure = error;
  }
  const own = await openAsMember(device, failure, settings);
  // After a lost answer, the log may have another attempt than the last one. Its code is unknown, so it gets a new one.
  const isLast = drafted !== undefined && equalBytes(drafted.boxHash, own.view.state.recoveryBox ?? new Uint8Array(0));
  const code = isLast ? toRecoveryCode(own, drafted, now) : await createRecoveryCode(own, settings, now);
  return { engine: own, code };
}

/**
 * Reads the log as the new device. The recovery member cannot: once its entry is stored, it is no member any more.
 * @param failure of the entry, thrown unless the log shows that the entry was stored
 */
async function openAsMember(device: RecoveryDevice, failure: unknown, settings: CallSettings): Promise<VaultEngine> {
  const engine = await device.open();
  try {
    await engine.pull(settings);
  } catch (error) {
    throw failure ?? error;
  }
  if (!engine.view.state.members.has(engine.keys.id)) throw failure ?? rolledBack('it lacks the entry of this device');
  return engine;
}
