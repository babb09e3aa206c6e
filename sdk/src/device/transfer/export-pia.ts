/** Exports records for the published system: under a new UMK, which only a new code opens. */
import { newUmk } from '../../../../core/devices/epoch-keys.ts';
import { importUmk, sealRecord } from '../../../../core/devices/published-boxes.ts';
import { writePublishedPlaintext } from '../../../../core/devices/published-plaintext.ts';
import { wrapUmkForRecovery } from '../../../../core/devices/published-recovery-wrap.ts';
import { toBase32, toCodeGroups } from '../../../../core/encoding/crockford-base32.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import { type Argon2id, requireArgon2id } from './argon2.ts';
import { encodePiaFile, isName, type PiaRecord } from './pia-file.ts';
import type { RecordName, TransferRecords } from './transfer-ports.ts';

export interface ExportPiaOptions {
  /** The user in the published system, to which the boxes are bound. Default: the user of the vault. */
  readonly userId?: string | undefined;
  /** Needed where node:crypto has no Argon2id. */
  readonly argon2id?: Argon2id | undefined;
  readonly now?: Date | undefined;
}

export interface PiaExport {
  /** The text of the file: ciphertext. */
  readonly file: string;
  /** `XXXX-XXXX-XXXX-XXXX`. Anyone who has file and code can read all records of the file. Returned once. */
  readonly code: string;
  readonly exported: number;
  /** Records whose content does not open on this device. Deleted records are not in the file. */
  readonly skipped: readonly RecordName[];
}

const codeBytes = 10;

/** @param owner the user of the vault @throws DeviceVaultError argon2_missing; AnimaError invalid_argument */
export async function exportPia(
  records: TransferRecords,
  owner: string,
  { argon2id, now = new Date(), userId = owner }: ExportPiaOptions = {},
): Promise<PiaExport> {
  if (!isName(userId)) throw notSentError('invalid_argument', 'userId must be a text without a colon');
  const hash = requireArgon2id(argon2id);
  const code = toCodeGroups(toBase32(crypto.getRandomValues(new Uint8Array(codeBytes))));
  const umk = newUmk();
  try {
    const key = await importUmk(umk);
    const sealed: PiaRecord[] = [];
    const skipped: RecordName[] = [];
    for (const name of await records.names()) {
      const record = await records.get(name);
      if (record === 'unreadable') skipped.push(name);
      if (typeof record === 'string') continue;
      const plaintext = await writePublishedPlaintext(record.data);
      const { box, dek } = await sealRecord(key, { user: userId, ...name }, plaintext);
      plaintext.fill(0);
      sealed.push({ entityType: name.type, entityId: name.id, payload: box, dek });
    }
    const recoveryWrap = await wrapUmkForRecovery(hash, code, umk);
    const file = encodePiaFile({ createdAt: now.toISOString(), userId, recoveryWrap, records: sealed });
    return { file, code, exported: sealed.length, skipped };
  } finally {
    umk.fill(0);
  }
}
