/** A key's permissions, as far as the key can read them. */
import { type Anima, type ApiKeyInfo, PermissionError } from '../../sdk/src/index.ts';

/** The vault's record of a key; undefined if the key has no permission to read it. */
export async function findKeyRecord(client: Anima, id: string): Promise<ApiKeyInfo | undefined> {
  try {
    for await (const key of client.keys.list({ pageSize: 1000 })) if (key.id === id) return key;
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error;
  }
  return undefined;
}

/** The result of a call; undefined if the key has no permission for it. */
export async function undefinedIfForbidden<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PermissionError) return undefined;
    throw error;
  }
}
