/** Keys of fleets, for the holder of a fleet key. */
import { issueCertificate } from '../../../../core/directory/fleet-certificate.ts';
import { maxCertificateMs } from '../../../../core/directory/limits.ts';
import { generateSigningKey, signingKeyOf } from '../../../../core/directory/signing-key.ts';

/**
 * Issues a certificate for a member of a fleet, for at most 24 hours. The caller decides whether the device is one of its
 * own.
 * @param fleetKey seed of the fleet key @param serial higher than the last one of this device; default: the time
 */
export function issueFleetCertificate(
  org: string,
  fleetKey: Uint8Array,
  member: { readonly ik: Uint8Array; readonly dh: Uint8Array },
  options: { readonly can?: readonly string[]; readonly serial?: number; readonly now?: number } = {},
): Uint8Array {
  const now = options.now ?? Date.now();
  const key = signingKeyOf(fleetKey.slice());
  const facts = {
    ...{ serial: options.serial ?? now, can: [...(options.can ?? [])].sort() },
    ...{ ik: new Uint8Array(member.ik), dh: new Uint8Array(member.dh), issued: now, expires: now + maxCertificateMs },
  };
  const signed = issueCertificate(org, key, facts);
  key.seed.fill(0);
  return signed;
}

/** A new seed of a fleet key, and its public key. */
export function newFleetKey(): { readonly seed: Uint8Array; readonly publicKey: Uint8Array } {
  const { seed, publicKey } = generateSigningKey();
  return { seed, publicKey };
}
