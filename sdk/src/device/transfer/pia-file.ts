/** The export file of the published system (docs/format-devices.md, section 2). */
import type { RecoveryWrap } from '../../../../core/devices/published-recovery-wrap.ts';
import { type Bytes, fromBase64, toBase64 } from '../../../../core/encoding/bytes.ts';
import { isPlainObject } from '../../shared/is-plain-object.ts';
import { deviceError } from '../device-errors.ts';

const format = 'pia-export';
const version = 1;

/** A record as it stands in the file. */
export interface PiaRecord {
  readonly entityType: string;
  readonly entityId: string;
  readonly payload: Bytes;
  readonly dek: Bytes;
}

export interface PiaFile {
  readonly createdAt: string;
  readonly userId: string;
  readonly recoveryWrap: RecoveryWrap | undefined;
  /** A record of another form is undefined. */
  readonly records: readonly (PiaRecord | undefined)[];
}

/** The text of the file. */
export function encodePiaFile({ createdAt, userId, recoveryWrap, records }: PiaFile): string {
  const wrap = recoveryWrap && { salt: toBase64(recoveryWrap.salt), box: toBase64(recoveryWrap.box) };
  const written = records.flatMap((record) => {
    if (record === undefined) return [];
    const { entityType, entityId, payload, dek } = record;
    return [{ entityType, entityId, payload: toBase64(payload), dek: toBase64(dek) }];
  });
  const file = { format, version, createdAt, userId, ...(wrap && { recoveryWrap: wrap }), records: written };
  return `${JSON.stringify(file)}\n`;
}

/** Parses a file. Its boxes are not opened. @throws DeviceVaultError import_malformed */
export function parsePiaFile(text: string): PiaFile {
  const file = parseJson(text);
  if (!isPlainObject(file) || file.format !== format) throw malformed('it is not an object with this format');
  if (file.version !== version) throw malformed('its version is not known. Update this software');
  const { userId, createdAt, records, recoveryWrap } = file;
  if (!isName(userId) || typeof createdAt !== 'string' || !Array.isArray(records)) {
    throw malformed('userId, createdAt or records is missing');
  }
  const wrap = recoveryWrap === undefined ? undefined : parseWrap(recoveryWrap);
  return { createdAt, userId, recoveryWrap: wrap, records: records.map(parseRecord) };
}

const malformed = (detail: string) => deviceError('import_malformed', { detail });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The error of the parser can quote the file.
    throw malformed('it is not JSON');
  }
}

/** A part of an AAD: not empty, without a colon. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && name !== '' && !name.includes(':') && name.isWellFormed();

const bytesOf = (text: unknown): Bytes | undefined => (typeof text === 'string' ? fromBase64(text) : undefined);

function parseWrap(wrap: unknown): RecoveryWrap {
  const [salt, box] = isPlainObject(wrap) ? [bytesOf(wrap.salt), bytesOf(wrap.box)] : [];
  if (salt === undefined || box === undefined) throw malformed('recoveryWrap has another form');
  return { salt, box };
}

function parseRecord(record: unknown): PiaRecord | undefined {
  if (!isPlainObject(record)) return undefined;
  const { entityType, entityId } = record;
  const [payload, dek] = [bytesOf(record.payload), bytesOf(record.dek)];
  if (!isName(entityType) || !isName(entityId) || payload === undefined || dek === undefined) return undefined;
  return { entityType, entityId, payload, dek };
}
