/** Verifies stored requests for a secret. No item of the table is used for a decision before this. */
import * as z from 'zod/mini';
import { secretRequestFields } from '../../contract/secret-requests/schemas.ts';
import type { SecretRequestState } from '../../contract/secret-requests/wire.ts';
import { lazy } from '../../contract/shared/lazy.ts';
import { rfc3339Time } from '../../contract/shared/schema-parts.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { SecretRequestId } from '../../core/secret-requests/request-link.ts';
import { decodeSecretRequest } from '../../core/secret-requests/request-record.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import { hasPassed } from '../shared/timestamps.ts';
import type { SecretRequest, StoredSecretRequest } from './secret-request-ports.ts';

const verifier = () => z.string().check(z.regex(/^[A-Za-z0-9+/]{43}=$/));

const recordSchema = lazy(() =>
  z.strictObject({
    ...secretRequestFields(),
    id: z.string(),
    replace: z.boolean(),
    requestedBy: z.string(),
    createdAt: rfc3339Time(),
    expiresAt: rfc3339Time(),
    verifiers: z.strictObject({ look: verifier(), fill: verifier(), deny: verifier() }),
  }),
);

/**
 * The request in a stored item.
 * @throws DecryptionError if the vault did not write it; VaultError `unavailable`, `key_unavailable`
 */
export async function verifySecretRequest(
  keys: AuthenticationKeys,
  { org, id }: SecretRequestId,
  { record }: StoredSecretRequest,
): Promise<SecretRequest> {
  if (record === undefined) throw new DecryptionError();
  const parsed = z.safeParse(recordSchema(), decodeSecretRequest(await keys.get(org), id, record));
  if (!parsed.success) throw new DecryptionError();
  return parsed.data;
}

/** The state of a request: an open one has expired once its time has passed. */
export const stateOf = ({ state }: StoredSecretRequest, { expiresAt }: SecretRequest, now: Date): SecretRequestState =>
  state ?? (hasPassed(expiresAt, now) ? 'expired' : 'asked');
