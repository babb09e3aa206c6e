export type Operation = 'seal' | 'open' | 'get';

/** What a contender process measures. */
export interface Task {
  readonly operation: Operation;
  /** Plaintext size in bytes. */
  readonly size: number;
  /** Address of a server that answers with a value of that size, for `get`. */
  readonly url?: string | undefined;
}

/** A checked contender, reduced to the operation that is measured. */
export interface Prepared {
  readonly name: string;
  run(): string | Uint8Array | Promise<string | Uint8Array>;
}

/** An implementation of encryption and decryption, for one plaintext size. */
export interface Cipher {
  readonly name: string;
  /** Encrypts the plaintext. Returns a string or, for streams, the last piece. */
  seal(): string | Uint8Array | Promise<string | Uint8Array>;
  /** Decrypts a prepared ciphertext. For streams, returns the last piece. */
  open(): Uint8Array | Promise<Uint8Array>;
  /** For streams: the complete plaintext of `open`. */
  whole?(): Promise<Uint8Array>;
}

/** Creates a cipher for a plaintext. */
export type Contender = (plaintext: Buffer) => Cipher | Promise<Cipher>;

/** Owner and name of the value, which all contenders authenticate in addition to the plaintext. */
export const owner = { org: '3q7ZkR0bWm5xT2vN', name: 'prod/stripe/key' } as const;

/**
 * Number of prepared ciphertexts. They are decrypted in turn, so that no contender is measured with a single cached
 * string.
 */
export const sealedAhead = 16;

/** Returns the items in turn, repeatedly. */
export function roundRobin<T>(items: readonly [T, ...T[]]): () => T {
  let next = 0;
  return () => {
    const item = items[next % items.length] ?? items[0];
    next++;
    return item;
  };
}

/** Prepares `sealedAhead` ciphertexts. */
export async function sealAhead(seal: () => string | Promise<string>): Promise<() => string> {
  const first = await seal();
  const rest: string[] = [];
  for (let i = 1; i < sealedAhead; i++) rest.push(await seal());
  return roundRobin([first, ...rest]);
}
