/**
 * Imports Fernet tokens of an earlier system as records. The tokens are decrypted in this process, so their key is
 * never sent.
 */
import { toNonSharedBytes, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { type FernetKey, fernetPrefix, openFernet } from '../../../core/memory/fernet.ts';
import type { Transport } from '../http/transport.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { addEntries, type BulkEntry, maxFailuresKept } from './bulk-add.ts';
import { deriveCheckedFernetKey } from './fernet-key.ts';
import { readLines } from './line-reader.ts';
import type {
  FernetRefusal,
  ImportedLine,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
} from './memory-types.ts';
import { checkRecordData } from './record-validation.ts';

/** The latest time that an id can hold, milliseconds. */
const maxIdTimeMs = 2 ** 48 - 1;

/** A line, and the reason why it cannot be imported if that is known before anything is sent. */
interface ImportedLineOrigin {
  readonly line: number;
  readonly reason?: FernetRefusal;
}

export async function importFernet(
  transport: Transport,
  source: LineSource,
  { apiKey, userId, onLine, ...options }: ImportFernetOptions,
): Promise<ImportFernetResult> {
  const outcome = 'Some lines may have been imported; import the same lines again, none is added twice';
  const settings = { ...transport.callSettings(options, 'apiKey', 'userId', 'onLine'), outcomeHint: outcome };
  const key = await deriveCheckedFernetKey({ apiKey, userId });
  const failures: ImportFernetResult['failures'] = [];
  let [imported, failed] = [0, 0];
  for await (const { origin, result } of addEntries(transport, readEntries(source, key), settings)) {
    const { line, reason } = origin;
    const told: ImportedLine =
      result instanceof AnimaError
        ? { line, ok: false, reason: reason ?? result.code }
        : { line, ok: true, id: result.id };
    if (told.ok) imported++;
    else if (failed++ < maxFailuresKept) failures.push(told);
    await onLine?.(told);
  }
  return { imported, failed, failures };
}

async function* readEntries(source: LineSource, key: FernetKey): AsyncGenerator<BulkEntry<ImportedLineOrigin>> {
  for await (const { number, text } of readLines(source)) {
    if (text === '') continue;
    const read = await decryptRecord(text ?? '', key);
    if (typeof read === 'string')
      yield { origin: { line: number, reason: read }, record: createError('invalid_argument') };
    else yield { origin: { line: number }, record: read };
  }
}

/** The record of a token, or the reason why there is none. */
async function decryptRecord(
  token: string,
  key: FernetKey,
): Promise<BulkEntry<ImportedLineOrigin>['record'] | FernetRefusal> {
  if (!token.startsWith(fernetPrefix) || !/^[\w-]+={0,2}$/.test(token)) return 'not_a_token';
  const opened = await openFernet(key, token).catch(() => undefined);
  if (opened === undefined) return 'wrong_key';
  const { plaintext, time } = opened;
  try {
    const data = parseRecordData(plaintext);
    if (typeof data === 'string') return data;
    const hash = await crypto.subtle.digest('SHA-256', toNonSharedBytes(utf8Bytes(token)));
    // The time in a token is not encrypted, so the id may contain it too. 80 bits of the hash distinguish tokens of
    // the same second.
    return {
      id: createTimeId(Math.min(time * 1000, maxIdTimeMs), new Uint8Array(hash, 0, 16)),
      data: checkRecordData(data.data),
    };
  } catch (error) {
    if (error instanceof AnimaError) return error;
    throw error;
  } finally {
    plaintext.fill(0);
  }
}

function parseRecordData(plaintext: Uint8Array): { readonly data: unknown } | FernetRefusal {
  const text = decodeUtf8(plaintext);
  if (text === undefined) return 'not_text';
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { data: text };
  }
  return hasInexactNumber(text) ? 'inexact_number' : { data };
}

function decodeUtf8(plaintext: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    return undefined;
  }
}

/**
 * Whether JSON contains an integer beyond 2^53 or a number beyond the range of doubles. JavaScript would silently
 * store a different number.
 */
const hasInexactNumber = (json: string): boolean =>
  (json.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? []).some((digits) => {
    const number = Number(digits);
    return !Number.isFinite(number) || (/^-?\d+$/.test(digits) && !Number.isSafeInteger(number));
  });
