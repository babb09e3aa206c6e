/** The signature of a device's request (docs/device-service.md, section 1). */
import { deviceLimits } from '../../contract/devices/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import {
  type ClaimedSignature,
  parseRequestSignature,
  verifyDeviceRequest,
} from '../../core/devices/request-signature.ts';

/** A request as it arrived. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Uint8Array;
  /** The id of the vault in the path. */
  readonly vault: string | undefined;
}

/**
 * Reads who claims to have signed a request. The signature is not verified.
 * @throws VaultError `device_refused`, `request_expired`
 */
export function requireClaimedSignature({ headers, vault }: SignedRequest, now: Date): ClaimedSignature {
  const claimed = parseRequestSignature(headers);
  if (claimed === undefined || claimed.scope.vault !== vault) throw new VaultError('device_refused');
  const age = Math.abs(now.getTime() / 1000 - claimed.created);
  if (age > deviceLimits.signatureAgeSeconds) {
    const detail = `\`created\` must be within ${deviceLimits.signatureAgeSeconds} seconds of the header \`Date\`. Nothing was done.`;
    throw new VaultError('request_expired', { detail });
  }
  return claimed;
}

/** Whether a request to one of these hosts is signed with this ECDSA key. */
export async function isSignedWith(
  ecdsa: Uint8Array,
  { headers, method, path, query, body }: SignedRequest,
  claimed: ClaimedSignature,
  hosts: readonly string[],
): Promise<boolean> {
  const digest = headers['content-digest'];
  for (const authority of new Set(hosts)) {
    if (await verifyDeviceRequest(ecdsa, { method, authority, path, query }, body, digest, claimed)) return true;
  }
  return false;
}
