/** The `CryptoKey` type of the target platform. The types of Node declare a value of that name, but no type. */
export type CryptoKey = typeof globalThis extends { CryptoKey: { prototype: infer Key } } ? Key : object;
