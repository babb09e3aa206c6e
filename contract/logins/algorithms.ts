/**
 * Signature algorithms of tokens (RFC 7518 section 3.1, RFC 8037). All are asymmetric: a public key can never verify as
 * a shared secret.
 */
export const tokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
] as const;
export type TokenAlgorithm = (typeof tokenAlgorithms)[number];
