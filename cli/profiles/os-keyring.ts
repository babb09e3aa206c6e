/** The system keyring (macOS Keychain, Windows Credential Manager, Secret Service), if available. */

type Environment = Readonly<Record<string, string | undefined>>;

const service = 'anima-cli';

/** Time-out, milliseconds: a desktop may prompt for a password first, but a machine without one must not block. */
const patience = 30_000;
const probePatience = 5_000;

interface KeyringEntry {
  setSecret(secret: Uint8Array, signal?: AbortSignal): Promise<void>;
  getSecret(signal?: AbortSignal): Promise<number[] | null>;
  setPassword(password: string, signal?: AbortSignal): Promise<void>;
  getPassword(signal?: AbortSignal): Promise<string | null>;
  deletePassword(signal?: AbortSignal): Promise<boolean>;
}

/**
 * A keyring entry; undefined if there is no keyring. On Linux only Secret Service is used, because the kernel keyring
 * drops keys within days. ANIMA_KEYRING=off disables all keyrings.
 */
async function entryOf(env: Environment, account: string): Promise<KeyringEntry | undefined> {
  if (env.ANIMA_KEYRING === 'off') return undefined;
  try {
    // Optional native module; it does not exist for every platform.
    const { AsyncEntry } = await import('@napi-rs/keyring');
    return new AsyncEntry(service, account, { linux: { store: 'secret-service' } });
  } catch {
    return undefined;
  }
}

/** Stores a key and reads it back; false if the keyring does not return it. */
export async function storeKey(env: Environment, account: string, key: string): Promise<boolean> {
  const entry = await entryOf(env, account);
  if (entry === undefined) return false;
  try {
    await entry.setPassword(key, AbortSignal.timeout(patience));
    return (await entry.getPassword(AbortSignal.timeout(patience))) === key;
  } catch {
    return false;
  }
}

/** Reads a stored key; undefined if the keyring is missing or locked, or does not have the key. */
export async function readKey(env: Environment, account: string): Promise<string | undefined> {
  const entry = await entryOf(env, account);
  return (await entry?.getPassword(AbortSignal.timeout(patience)).catch(() => null)) ?? undefined;
}

export async function forgetKey(env: Environment, account: string): Promise<void> {
  const entry = await entryOf(env, account);
  await entry?.deletePassword(AbortSignal.timeout(patience)).catch(() => false);
}

/** Secrets in the keyring, under accounts that begin with a prefix. Each function throws if the keyring does not answer. */
export interface SecretKeyring {
  get(account: string): Promise<Uint8Array | undefined>;
  set(account: string, secret: Uint8Array): Promise<void>;
  delete(account: string): Promise<void>;
}

/** Undefined if there is no keyring. A locked one is found when it is used. */
export async function openSecretKeyring(env: Environment, prefix: string): Promise<SecretKeyring | undefined> {
  if ((await entryOf(env, prefix)) === undefined) return undefined;
  const entry = async (account: string): Promise<KeyringEntry> => {
    const found = await entryOf(env, `${prefix}:${account}`);
    if (found === undefined) throw new Error('the keyring is not available');
    return found;
  };
  return {
    get: async (account) => {
      const secret = await (await entry(account)).getSecret(AbortSignal.timeout(patience));
      if (secret === null) return undefined;
      const bytes = Uint8Array.from(secret);
      secret.fill(0);
      return bytes;
    },
    set: async (account, secret) => await (await entry(account)).setSecret(secret, AbortSignal.timeout(patience)),
    delete: async (account) => void (await (await entry(account)).deletePassword(AbortSignal.timeout(patience))),
  };
}

/** Whether a keyring is available. */
export async function hasKeyring(env: Environment): Promise<boolean> {
  const entry = await entryOf(env, 'probe');
  if (entry === undefined) return false;
  return await entry.getPassword(AbortSignal.timeout(probePatience)).then(
    () => true,
    () => false,
  );
}
