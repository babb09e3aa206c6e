/** Imports an export file of the published system. Nothing in it is trusted: it says neither who wrote it nor when. */
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { umkLength } from '../../../../core/devices/epoch-keys.ts';
import { maxChanges } from '../../../../core/devices/limits.ts';
import { importUmk, openRecord } from '../../../../core/devices/published-boxes.ts';
import { readPublishedPlaintext } from '../../../../core/devices/published-plaintext.ts';
import { unwrapUmkFromRecovery } from '../../../../core/devices/published-recovery-wrap.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { normalizeTypedCode, toCodeGroups } from '../../../../core/encoding/crockford-base32.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import { deviceError } from '../device-errors.ts';
import type { RecordData } from '../device-types.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { type Argon2id, requireArgon2id } from './argon2.ts';
import { type PiaFile, type PiaRecord, parsePiaFile } from './pia-file.ts';
import type { RecordName, TransferRecords } from './transfer-ports.ts';
import { recordTypeOf } from './vault-transfer.ts';

/** What opens the file: its code as a person typed it, or its UMK. */
export type ImportKey = { readonly code: string } | { readonly umk: Uint8Array };

export interface ImportPiaOptions {
  /** Needed for a code where node:crypto has no Argon2id. */
  readonly argon2id?: Argon2id | undefined;
}

/** A record that was not imported. */
export interface ImportFailure {
  /** Position in the file, from 0. */
  readonly index: number;
  readonly reason: 'malformed' | 'unsupported_type' | 'not_opened' | 'invalid_data';
}

export interface PiaImport {
  /**
   * New records, all with `isImported`. Do not use an imported `provider` before a person confirmed its endpoint: the
   * author of the file chose it.
   */
  readonly imported: readonly (RecordName & { readonly index: number })[];
  readonly failures: readonly ImportFailure[];
}

/**
 * Imports all records that open. Importing a file twice adds its records twice.
 * @throws DeviceVaultError import_malformed, import_code_refused, argon2_missing; what storing throws
 */
export async function importPia(
  records: TransferRecords,
  text: string,
  key: ImportKey,
  { argon2id }: ImportPiaOptions = {},
): Promise<PiaImport> {
  const file = parsePiaFile(text);
  const umk = 'code' in key ? await unwrapByCode(file, key.code, argon2id) : copyUmk(key.umk);
  try {
    return await importRecords(records, file, umk);
  } finally {
    umk.fill(0);
  }
}

function copyUmk(umk: Uint8Array): Bytes {
  if (umk instanceof Uint8Array && umk.length === umkLength) return new Uint8Array(umk);
  throw notSentError('invalid_argument', `umk must have ${umkLength} bytes`);
}

/** @throws DeviceVaultError import_code_refused */
async function unwrapByCode({ recoveryWrap }: PiaFile, typed: string, given: Argon2id | undefined): Promise<Bytes> {
  if (recoveryWrap === undefined) {
    throw deviceError('import_code_refused', { detail: 'the file has no code. Use its key' });
  }
  const argon2id = requireArgon2id(given);
  if (typeof typed !== 'string') throw deviceError('import_code_refused');
  const shown = typed.trim();
  // A code of another writer can have characters that normalization changes, so the typed one is tried first.
  for (const code of new Set([shown, toCodeGroups(normalizeTypedCode(shown))])) {
    try {
      return await unwrapUmkFromRecovery(argon2id, code, recoveryWrap);
    } catch (error) {
      if (!(error instanceof DecryptionError)) throw error;
    }
  }
  throw deviceError('import_code_refused');
}

/** Opens all records before it stores one, so that a wrong key stores nothing. */
async function importRecords(records: TransferRecords, file: PiaFile, umk: Bytes): Promise<PiaImport> {
  const { opened, failures } = await openAll(file, umk);
  const imported: (RecordName & { readonly index: number })[] = [];
  for (let at = 0; at < opened.length; at += atOnce) {
    const stored = await Promise.all(opened.slice(at, at + atOnce).map((one) => store(records, one)));
    for (const { index, type, id } of stored) {
      if (id === undefined) failures.push({ index, reason: 'invalid_data' });
      else imported.push({ type, id, index });
    }
  }
  return { imported, failures: failures.sort((a, b) => a.index - b.index) };
}

/** @throws DeviceVaultError import_code_refused if none opens */
async function openAll({ userId, records }: PiaFile, umk: Bytes) {
  const key = await importUmk(umk);
  const opened: OpenedRecord[] = [];
  const failures: ImportFailure[] = [];
  for (const [index, record] of records.entries()) {
    const result = record === undefined ? 'malformed' : await openOne(key, userId, record);
    if (typeof result === 'string') failures.push({ index, reason: result });
    else opened.push({ index, ...result });
  }
  const didOpen = opened.length > 0 || failures.some(({ reason }) => reason === 'unsupported_type');
  if (!didOpen && failures.some(({ reason }) => reason === 'not_opened')) throw deviceError('import_code_refused');
  return { opened, failures };
}

async function openOne(
  key: BoxKey,
  user: string,
  record: PiaRecord,
): Promise<Omit<OpenedRecord, 'index'> | 'not_opened' | 'unsupported_type'> {
  const data = await openPublished(key, user, record);
  if (data === undefined) return 'not_opened';
  const type = recordTypeOf(record.entityType);
  return type === undefined ? 'unsupported_type' : { type, data: data.value };
}

/** A UMK as a key of DEK boxes. */
type BoxKey = Awaited<ReturnType<typeof importUmk>>;

/** Records that are stored at once: those that one entry of the log holds. */
const atOnce = maxChanges;

interface OpenedRecord {
  readonly index: number;
  readonly type: RecordName['type'];
  readonly data: RecordData;
}

/** The data, in an object because it can be any JSON; undefined if it does not open. */
async function openPublished(
  key: BoxKey,
  user: string,
  { entityType, entityId, payload, dek }: PiaRecord,
): Promise<{ readonly value: RecordData } | undefined> {
  try {
    const plaintext = await openRecord(key, { user, type: entityType, id: entityId }, { box: payload, dek });
    const value = await readPublishedPlaintext(plaintext);
    plaintext.fill(0);
    // JSON.parse returns nothing but JSON.
    return { value: value as RecordData };
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

/** Codes of data that a vault does not take. Any other failure ends the import. */
const refusals: ReadonlySet<string> = new Set(['invalid_record', 'record_too_large']);

/** The id is undefined if the vault does not take the data. */
async function store(records: TransferRecords, { index, type, data }: OpenedRecord) {
  try {
    return { index, type, id: (await records.addImported(type, data)).id };
  } catch (error) {
    if (error instanceof DeviceVaultError && refusals.has(error.code)) return { index, type, id: undefined };
    throw error;
  }
}
