/** Certificates of the agents of a fleet (docs/format-directory.md, section 6). */
import { type Bytes, encodeFieldBytes, u64Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU64Field, fieldOfLength } from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type Ed25519KeyPair, ed25519SignatureLength, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { areDirectoryKeys, type DirectoryKeys, deviceIdOf, fleetIdOf, keyLength } from './directory-ids.ts';
import { type DirectoryState, isUsedKey } from './directory-state.ts';
import { parseHashId } from './entry-bodies.ts';
import { clockToleranceMs, maxCertificateMs } from './limits.ts';
import { encodeTextList, parseRights } from './lists.ts';
import { isReplay, type Seen } from './seen.ts';

/** What the fleet key signs. */
export interface CertificateFacts extends DirectoryKeys {
  /** Rises with each certificate of a device. */
  readonly serial: number;
  readonly can: readonly string[];
  /** Milliseconds since 1970. */
  readonly issued: number;
  readonly expires: number;
}

export interface FleetCertificate extends CertificateFacts {
  /** Id of the device that holds it. */
  readonly id: string;
  readonly fleet: string;
  /** Hash of the certificate. */
  readonly hash: Bytes;
}

const label = 'anima:fleet-certificate:v1';
const certificateFields = 9;

/** Issues a certificate. @throws RangeError for a lifetime that no reader accepts */
export function issueCertificate(org: string, fleet: Ed25519KeyPair, facts: CertificateFacts): Bytes {
  const { serial, can, ik, dh, issued, expires } = facts;
  if (!isLifetime(facts)) throw new RangeError('a certificate is valid for at most 24 hours');
  const id = fleetIdOf(org, fleet.publicKey);
  const times = [u64Bytes(issued), u64Bytes(expires)] as const;
  const certificate = encodeFieldBytes(label, org, id, u64Bytes(serial), encodeTextList(can), ik, dh, ...times);
  return encodeFieldBytes(certificate, signEd25519(fleet.seed, certificate));
}

const isLifetime = ({ issued, expires }: Pick<CertificateFacts, 'issued' | 'expires'>): boolean =>
  issued < expires && expires - issued <= maxCertificateMs;

/**
 * Parses a certificate, and verifies the signature of a fleet in the state, whatever the status of the fleet is. Keys
 * that are used elsewhere in the directory are refused.
 */
export function readCertificate(state: DirectoryState, signed: Uint8Array): FleetCertificate | undefined {
  const [encoded, signatureField, ...rest] = decodeFieldBytes(signed) ?? [];
  const signature = fieldOfLength(signatureField, ed25519SignatureLength);
  if (encoded === undefined || signature === undefined || rest.length > 0) return undefined;
  const certificate = parseCertificate(state.org, encoded);
  const fleet = certificate && state.fleets.get(certificate.fleet);
  if (certificate === undefined || fleet === undefined || !verifyEd25519(fleet.key, encoded, signature))
    return undefined;
  if (isUsedKey(state, certificate.ik) || isUsedKey(state, certificate.dh)) return undefined;
  return areDirectoryKeys(certificate) && isLifetime(certificate) ? certificate : undefined;
}

function parseCertificate(org: string, encoded: Bytes): FleetCertificate | undefined {
  const fields = decodeFieldBytes(encoded);
  if (fields?.length !== certificateFields || decodeTextField(fields[0]) !== label) return undefined;
  const [fleet, serial, can] = [parseHashId(fields[2]), decodeU64Field(fields[3]), parseRights(fields[4])];
  const [ik, dh] = [fieldOfLength(fields[5], keyLength), fieldOfLength(fields[6], keyLength)];
  const [issued, expires] = [decodeU64Field(fields[7]), decodeU64Field(fields[8])];
  if (decodeTextField(fields[1]) !== org || fleet === undefined || serial === undefined) return undefined;
  if (can === undefined || ik === undefined || dh === undefined) return undefined;
  if (issued === undefined || expires === undefined) return undefined;
  const id = deviceIdOf(org, { ik, dh });
  return { id, fleet, serial, can, ik, dh, issued, expires, hash: blake2b256(encoded) };
}

/** Whether the certificate holds at `now`, in milliseconds. Asked again whenever the state or the time has changed. */
export function isCurrentCertificate(state: DirectoryState, certificate: FleetCertificate, now: number): boolean {
  const fleet = state.fleets.get(certificate.fleet);
  if (fleet === undefined || !fleet.confirmed || fleet.status !== 'active' || now >= fleet.expires) return false;
  if (certificate.issued > now + clockToleranceMs || now >= certificate.expires) return false;
  if (!certificate.can.every((right) => fleet.can.includes(right))) return false;
  if (isUsedKey(state, certificate.ik) || isUsedKey(state, certificate.dh)) return false;
  return (state.members.get(certificate.id)?.status ?? 'active') === 'active';
}

/**
 * Verifies a certificate that somebody presents.
 * @param now milliseconds since 1970
 * @param last the last certificate of this device that was accepted, if there was one
 */
export function acceptCertificate(
  state: DirectoryState,
  signed: Uint8Array,
  now: number,
  last: Seen | undefined,
): FleetCertificate | undefined {
  const certificate = readCertificate(state, signed);
  if (certificate === undefined || !isCurrentCertificate(state, certificate, now)) return undefined;
  return isReplay(last, { number: certificate.serial, hash: certificate.hash }) ? undefined : certificate;
}
