import type { PublicJwk } from '../../core/signing/jws.ts';

/** The public key as browsers take it: an uncompressed point in base64url (RFC 8292, section 3.2; X9.62). */
export const applicationServerKeyOf = ({ x, y }: Pick<PublicJwk, 'x' | 'y'>): string =>
  Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url');
