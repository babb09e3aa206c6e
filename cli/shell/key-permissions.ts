/** What a key may do, as far as it can find out itself. */
import { type Anima, type ApiKeyInfo, PermissionError } from '../../sdk/src/index.ts';

/** The vault's record of a key; undefined when the key may not read such records. */
export async function findKeyRecord(client: Anima, id: string): Promise<ApiKeyInfo | undefined> {
  try {
    for await (const key of client.keys.list({ pageSize: 1000 })) if (key.id === id) return key;
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error;
  }
  return undefined;
}

/** The answer of a call; undefined when the key may not make it. */
export async function undefinedIfForbidden<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PermissionError) return undefined;
    throw error;
  }
}
