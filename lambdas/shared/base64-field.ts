import { VaultError } from '../../contract/shared/vault-error.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';

/** The bytes of a field whose form the schema has checked. @throws VaultError `invalid_request` for another spelling */
export function decodeBase64Field(text: string): Uint8Array {
  const bytes = decodeStrictBase64(text);
  if (bytes === undefined) {
    throw new VaultError('invalid_request', { detail: 'A binary field is not standard base64 in its canonical form.' });
  }
  return bytes;
}

/** Standard base64 of stored bytes, which are not copied before. */
export const encodeBase64Field = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
