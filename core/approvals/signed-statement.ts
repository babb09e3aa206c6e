/** Statements with the signature of the broker. Apart from questions, which need HPKE. */
import type { Bytes } from '../encoding/bytes.ts';
import { verifyEd25519 } from '../hazmat/ed25519.ts';

/** A statement with the signature of the broker: the part of a question that the audit keeps. */
export interface SignedStatement {
  readonly statement: Bytes;
  readonly signature: Bytes;
}

/** Whether a broker signed the statement. @param ik its verified key */
export const isSignedBy = (ik: Uint8Array, { statement, signature }: SignedStatement): boolean =>
  verifyEd25519(ik, statement, signature);
