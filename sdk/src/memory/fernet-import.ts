/** Fernet tokens of an earlier system become records. They are opened here, so that the key under which they were written stays in this program. */
import { owned, textBytes } from '../../../core/encoding/bytes.ts';
import { timeId } from '../../../core/encoding/time-ordered-id.ts';
import { type FernetKey, fernetPrefix, openFernet } from '../../../core/memory/fernet.ts';
import type { Transport } from '../http/transport.ts';
import { AnimaError, errorOf } from '../shared/errors.ts';
import { addAll, type Entry, failuresKept } from './bulk-add.ts';
import { keyOf } from './fernet-key.ts';
import { linesOf } from './line-reader.ts';
import type {
  FernetRefusal,
  ImportedLine,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
} from './memory-types.ts';
import { checkData } from './record-validation.ts';

/** The last millisecond that an id can tell. */
const lastTime = 2 ** 48 - 1;

/** A line, and why it can't be imported, when that is known before anything is sent. */
interface Place {
  readonly line: number;
  readonly reason?: FernetRefusal;
}

export async function importFernet(
  transport: Transport,
  source: LineSource,
  { apiKey, userId, onLine, ...options }: ImportFernetOptions,
): Promise<ImportFernetResult> {
  const outcome = 'Some lines may have been imported; import the same ones again, which adds none twice';
  const settings = { ...transport.settings(options), outcome };
  const key = await keyOf({ apiKey, userId });
  const failures: ImportFernetResult['failures'] = [];
  let [imported, failed] = [0, 0];
  for await (const { place, result } of addAll(transport, entriesOf(source, key), settings)) {
    const { line, reason } = place;
    const told: ImportedLine =
      result instanceof AnimaError
        ? { line, ok: false, reason: reason ?? result.code }
        : { line, ok: true, id: result.id };
    if (told.ok) imported++;
    else if (failed++ < failuresKept) failures.push(told);
    await onLine?.(told);
  }
  return { imported, failed, failures };
}

async function* entriesOf(source: LineSource, key: FernetKey): AsyncGenerator<Entry<Place>> {
  for await (const { number: line, text } of linesOf(source)) {
    if (text === '') continue;
    const read = await recordOf(text ?? '', key);
    if (typeof read === 'string') yield { place: { line, reason: read }, record: errorOf('invalid_argument') };
    else yield { place: { line }, record: read };
  }
}

/** The record of a token, or why there is none. */
async function recordOf(token: string, key: FernetKey): Promise<Entry<Place>['record'] | FernetRefusal> {
  if (!token.startsWith(fernetPrefix) || !/^[\w-]+={0,2}$/.test(token)) return 'not_a_token';
  const opened = await openFernet(key, token).catch(() => undefined);
  if (opened === undefined) return 'wrong_key';
  const { plaintext, time } = opened;
  try {
    const data = dataOf(plaintext);
    if (typeof data === 'string') return data;
    const hash = await crypto.subtle.digest('SHA-256', owned(textBytes(token)));
    // The time in a token stands in the clear there as well. 80 bits of the hash keep tokens of one second apart.
    return { id: timeId(Math.min(time * 1000, lastTime), new Uint8Array(hash, 0, 16)), data: checkData(data.data) };
  } catch (error) {
    if (error instanceof AnimaError) return error;
    throw error;
  } finally {
    plaintext.fill(0);
  }
}

function dataOf(plaintext: Uint8Array): { readonly data: unknown } | FernetRefusal {
  const text = textOf(plaintext);
  if (text === undefined) return 'not_text';
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return { data: text };
  }
  return hasInexactNumber(text) ? 'inexact_number' : { data };
}

function textOf(plaintext: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    return undefined;
  }
}

/** Whether JSON has a whole number beyond 2^53, or any beyond the range of doubles: JavaScript would store another in silence. */
const hasInexactNumber = (json: string): boolean =>
  (json.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/-?\d[\d.eE+-]*/g) ?? []).some((digits) => {
    const number = Number(digits);
    return !Number.isFinite(number) || (/^-?\d+$/.test(digits) && !Number.isSafeInteger(number));
  });
