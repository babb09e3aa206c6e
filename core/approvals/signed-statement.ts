/** Statements with the signature of a broker or a device. Apart from questions, which need HPKE. */
import type { Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, fieldOfLength } from '../encoding/field-reader.ts';
import { ed25519SignatureLength, verifyEd25519 } from '../hazmat/ed25519.ts';

/** A statement with its signature. That of the broker is the part of a question that the audit keeps. */
export interface SignedStatement {
  readonly statement: Bytes;
  readonly signature: Bytes;
}

/** Parses fields(statement, signature); undefined for any other form. Nothing of it is verified. */
export function readSigned(signed: Uint8Array): SignedStatement | undefined {
  const [statement, mark, ...others] = decodeFieldBytes(signed) ?? [];
  const signature = fieldOfLength(mark, ed25519SignatureLength);
  if (statement === undefined || signature === undefined || others.length > 0) return undefined;
  return { statement: new Uint8Array(statement), signature };
}

/** Whether the holder of a key signed the statement. It says nothing about the holder. @param ik a verified key */
export const isSignedBy = (ik: Uint8Array, { statement, signature }: SignedStatement): boolean =>
  verifyEd25519(ik, statement, signature);
