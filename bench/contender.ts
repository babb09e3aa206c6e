/** One way to seal and to open, at one size of plaintext. */
export interface Subject {
  readonly name: string;
  /** Seals the plaintext of this bench: to a string, or, of what is streamed, to its last piece. */
  seal(): string | Uint8Array | Promise<string | Uint8Array>;
  /** Opens what was sealed beforehand; of what is streamed, gives the last piece. */
  open(): Uint8Array | Promise<Uint8Array>;
  /** Of what is streamed: all that `open` opens. */
  whole?(): Promise<Uint8Array>;
}

/** What makes a subject for a plaintext of some size. */
export type Contender = (plaintext: Buffer) => Subject | Promise<Subject>;

/** Who owns the value and what it is called: what everyone here authenticates beside the plaintext. */
export const owner = { org: '3q7ZkR0bWm5xT2vN', name: 'prod/stripe/key' } as const;

/** Strings sealed beforehand, opened in turn so that no one is measured on a single hot string. */
export const sealedAhead = 16;

/** Hands out the items again and again. */
export function roundRobin<T>(items: readonly [T, ...T[]]): () => T {
  let next = 0;
  return () => {
    const item = items[next % items.length] ?? items[0];
    next++;
    return item;
  };
}

/** Seals `sealedAhead` strings. */
export async function sealAhead(seal: () => string | Promise<string>): Promise<() => string> {
  const first = await seal();
  const rest: string[] = [];
  for (let i = 1; i < sealedAhead; i++) rest.push(await seal());
  return roundRobin([first, ...rest]);
}
