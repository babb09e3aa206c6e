/**
 * Exports records as Fernet tokens, which earlier systems can read. The tokens are created in this process, so the
 * key is never sent.
 */

import type { Json } from '../../../contract/memory/wire.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { sealFernet } from '../../../core/memory/fernet.ts';
import { deriveCheckedFernetKey } from './fernet-key.ts';
import type { FernetOptions, MemoryRecord } from './memory-types.ts';

/** Yields a line with a token for each record. The token's time is when the record was last written. @throws AnimaError */
export async function* exportFernet(
  records: AsyncIterable<MemoryRecord>,
  options: FernetOptions,
): AsyncGenerator<string, void, undefined> {
  const key = await deriveCheckedFernetKey(options);
  for await (const { data, updatedAt } of records) {
    const plaintext = utf8Bytes(toFernetPlaintext(data));
    const token = await sealFernet(key, plaintext, Math.floor(Date.parse(updatedAt) / 1000));
    plaintext.fill(0);
    yield `${token}\n`;
  }
}

/**
 * Formats data so that the import reads the same data back: a string that is not valid JSON is written unchanged; all
 * other data is written as JSON.
 */
const toFernetPlaintext = (data: Json): string =>
  typeof data === 'string' && data.isWellFormed() && !isJson(data) ? data : JSON.stringify(data);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
