/** The keyring of the system (macOS Keychain, Windows Credential Manager, Secret Service), where there is one. */

type Environment = Readonly<Record<string, string | undefined>>;

const service = 'anima-cli';

/** Milliseconds: a desktop may ask for a password first; a machine without one must not be waited for without end. */
const patience = 30_000;
const probePatience = 5_000;

interface KeyringEntry {
  setPassword(password: string, signal?: AbortSignal): Promise<void>;
  getPassword(signal?: AbortSignal): Promise<string | null>;
  deletePassword(signal?: AbortSignal): Promise<boolean>;
}

/**
 * An entry of the keyring; undefined where there is none. Of Linux's stores only Secret Service counts: the kernel's
 * forgets its keys within days. ANIMA_KEYRING=off leaves all of them alone.
 */
async function entryOf(env: Environment, account: string): Promise<KeyringEntry | undefined> {
  if (env.ANIMA_KEYRING === 'off') return undefined;
  try {
    // Native code, and optional: it is not there on every platform.
    const { AsyncEntry } = await import('@napi-rs/keyring');
    return new AsyncEntry(service, account, { linux: { store: 'secret-service' } });
  } catch {
    return undefined;
  }
}

/** Stores a key and reads it back; false when no keyring holds it then. */
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

/** A stored key; undefined when the keyring is missing, locked, or does not have it. */
export async function readKey(env: Environment, account: string): Promise<string | undefined> {
  const entry = await entryOf(env, account);
  return (await entry?.getPassword(AbortSignal.timeout(patience)).catch(() => null)) ?? undefined;
}

export async function forgetKey(env: Environment, account: string): Promise<void> {
  const entry = await entryOf(env, account);
  await entry?.deletePassword(AbortSignal.timeout(patience)).catch(() => false);
}

/** Whether there is a keyring that answers. */
export async function hasKeyring(env: Environment): Promise<boolean> {
  const entry = await entryOf(env, 'probe');
  if (entry === undefined) return false;
  return await entry.getPassword(AbortSignal.timeout(probePatience)).then(
    () => true,
    () => false,
  );
}
