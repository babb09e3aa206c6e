/** Records as Fernet tokens, which earlier systems read. They are written here, under a key that stays in this program. */

import type { Json } from '../../../contract/memory/wire.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { sealFernet } from '../../../core/memory/fernet.ts';
import { deriveCheckedFernetKey } from './fernet-key.ts';
import type { FernetOptions, MemoryRecord } from './memory-types.ts';

/** A token of each record; its time is when the record was last written. @throws AnimaError */
export async function* exportFernet(
  records: AsyncIterable<MemoryRecord>,
  options: FernetOptions,
): AsyncGenerator<string, void, undefined> {
  const key = await deriveCheckedFernetKey(options);
  for await (const { data, updatedAt } of records) {
    const plaintext = utf8Bytes(toFernetPlaintext(data));
    const token = await sealFernet(key, plaintext, Math.floor(Date.parse(updatedAt) / 1000));
    plaintext.fill(0);
    yield token;
  }
}

/** What the import reads as the same data: a string that is no JSON stands as it is, as it came; all else as JSON. */
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
