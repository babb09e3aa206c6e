/** Finds out which device of the directory signed a request (docs/session-service.md, section 1). */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { acceptCertificate } from '../../core/directory/fleet-certificate.ts';
import { findParticipant, type Participant, type Party } from '../../core/directory/may-write.ts';
import {
  type ClaimedRequest,
  parseSessionRequest,
  verifySessionRequest,
} from '../../core/directory/request-signature.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { assertOrgActive, type KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import type { Clock } from '../shared/ports.ts';
import type { DirectoryReader } from './directory-reader.ts';
import type { DirectoryView } from './directory-view.ts';

/** A request as it arrived. */
export interface SessionRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Uint8Array;
  /** Hosts under which the deployment is reached. */
  readonly hosts: readonly string[];
}

/** The device that signed a request, and the state in which it may. */
export interface SessionSigner {
  readonly org: string;
  readonly view: DirectoryView;
  readonly party: Party;
  readonly device: Participant;
  /** Signed certificate of a member of a fleet. */
  readonly certificate: Uint8Array | undefined;
}

const shutCodes: ReadonlySet<ErrorCode> = new Set(['org_locked', 'org_shredded']);

export class SessionAuthenticator {
  readonly #reader: DirectoryReader;
  readonly #keyringVerifier: KeyringVerifier;
  readonly #clock: Clock;

  constructor(reader: DirectoryReader, keyringVerifier: KeyringVerifier, clock: Clock) {
    this.#reader = reader;
    this.#keyringVerifier = keyringVerifier;
    this.#clock = clock;
  }

  /**
   * @param onGenuine called once the signature is verified, also if the request is refused after that
   * @throws VaultError `device_refused`, `request_expired`, `org_locked`, `org_shredded`, `unavailable`,
   *   `key_unavailable`; DecryptionError for records that the service did not store
   */
  async authenticate(request: SessionRequest, onGenuine: (signer: SessionSigner) => void): Promise<SessionSigner> {
    const claimed = this.#requireClaim(request);
    const { org } = claimed;
    const { orgKeyring, view } = await this.#reader.read(org);
    const signer = view && this.#findSigner(view, claimed);
    if (signer === undefined || !(await isSignedWith(signer.device.ik, request, claimed))) {
      throw new VaultError('device_refused');
    }
    onGenuine(signer);
    await this.assertActive(org, orgKeyring);
    return signer;
  }

  /**
   * Whether a device could make a request now.
   * @param certificate signed certificate of a member of a fleet
   * @throws VaultError `unavailable`, `key_unavailable`; DecryptionError
   */
  async isActive(org: string, device: string, certificate: Uint8Array | undefined): Promise<boolean> {
    const { orgKeyring, view } = await this.#reader.read(org);
    if (view === undefined || this.#signerIn(view, org, device, certificate) === undefined) return false;
    try {
      await this.assertActive(org, orgKeyring);
      return true;
    } catch (error) {
      if (error instanceof VaultError && shutCodes.has(error.code)) return false;
      throw error;
    }
  }

  /** @throws VaultError `org_locked`, `org_shredded`; DecryptionError */
  async assertActive(org: string, orgKeyring: unknown): Promise<void> {
    if (orgKeyring === undefined) throw new VaultError('device_refused');
    const reread = async () => (await this.#reader.read(org)).orgKeyring;
    assertOrgActive(await this.#keyringVerifier.verify(orgKeyring, org, reread));
  }

  #requireClaim({ headers }: SessionRequest): ClaimedRequest {
    const claimed = parseSessionRequest(headers);
    if (claimed === undefined) throw new VaultError('device_refused');
    const age = Math.abs(this.#clock().getTime() / 1000 - claimed.created);
    if (age > sessionLimits.sessionSignatureAgeSeconds) {
      const detail = `\`created\` must be within ${sessionLimits.sessionSignatureAgeSeconds} seconds of the header \`Date\`. Nothing was done.`;
      throw new VaultError('request_expired', { detail });
    }
    return claimed;
  }

  #findSigner(view: DirectoryView, { org, device: id, certificate: text }: ClaimedRequest): SessionSigner | undefined {
    const certificate = text === undefined ? undefined : decodeStrictBase64(text);
    if (text !== undefined && certificate === undefined) return undefined;
    return this.#signerIn(view, org, id, certificate);
  }

  #signerIn(
    view: DirectoryView,
    org: string,
    id: string,
    certificate: Uint8Array | undefined,
  ): SessionSigner | undefined {
    const now = this.#clock().getTime();
    const party = certificate === undefined ? id : acceptCertificate(view.state, certificate, now, undefined);
    if (party === undefined) return undefined;
    const device = findParticipant(view.state, party, now);
    return device?.id === id ? { org, view, party, device, certificate } : undefined;
  }
}

/** Whether a request to one of its hosts is signed with this key. */
async function isSignedWith(
  ik: Uint8Array,
  { headers, method, path, query, body, hosts }: SessionRequest,
  claimed: ClaimedRequest,
): Promise<boolean> {
  const digest = headers['content-digest'];
  for (const authority of new Set(hosts)) {
    if (await verifySessionRequest(ik, { method, authority, path, query }, body, digest, claimed)) return true;
  }
  return false;
}
