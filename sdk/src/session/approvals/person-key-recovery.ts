/** Recovery codes of the key of a person (docs/format-approvals.md, section 5). */
import type { PersonKey } from '../../../../core/approvals/person-key.ts';
import {
  type KeyEpoch,
  secretOfEpoch,
  unwrapForRecovery,
  wrapForRecovery,
} from '../../../../core/approvals/person-key-wraps.ts';
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { formatRecoveryCode, recoverySecretLength } from '../../../../core/devices/recovery-code-text.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import type { PersonKeyRecovery } from './person-key-types.ts';

/** A new code, and the secret sealed with it. The code is in no other place: it is neither stored nor sent. */
export async function draftRecovery(
  epoch: KeyEpoch,
  secret: Uint8Array,
  now: number,
): Promise<{ readonly wrap: Bytes; readonly recovery: PersonKeyRecovery }> {
  const bytes = crypto.getRandomValues(new Uint8Array(recoverySecretLength));
  try {
    const [code, wrap] = [await formatRecoveryCode(bytes), await wrapForRecovery(epoch, secret, bytes)];
    const { org, person, epoch: number } = epoch;
    return { wrap, recovery: { code, org, person, epoch: number, createdAt: new Date(now) } };
  } finally {
    bytes.fill(0);
  }
}

/** A statement and its secret, which the caller zeroes. */
export interface RecoveredKey {
  readonly key: PersonKey;
  readonly secret: Bytes;
}

/**
 * The statement that a code opens: the one with the most epochs, and of those the newest. Each epoch that it names must open,
 * because a device that was removed could sign one with false ones.
 * @param code the 16 bytes of a code
 * @returns undefined if it opens none, whatever the cause
 */
export async function openWithCode(keys: readonly PersonKey[], code: Uint8Array): Promise<RecoveredKey | undefined> {
  const order = (a: PersonKey, b: PersonKey) => b.earlier.length - a.earlier.length || b.edition - a.edition;
  for (const key of keys.toSorted(order)) {
    try {
      const secret = await unwrapForRecovery(key, code);
      await openEarlier(key, secret);
      return { key, secret };
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
    }
  }
  return undefined;
}

/** @throws DecryptionError unless every earlier epoch opens */
async function openEarlier(key: PersonKey, secret: Bytes): Promise<void> {
  try {
    for (const { epoch } of key.earlier) (await secretOfEpoch(key, secret, epoch)).fill(0);
  } catch (error) {
    secret.fill(0);
    throw error;
  }
}
