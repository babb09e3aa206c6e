/** Answers to requests for a secret, for the holder of the link (docs/secret-requests.md, sections 3 to 7). */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type {
  DeniedSecretRequest,
  FilledSecretRequest,
  ShownSecretRequest,
} from '../../contract/secret-requests/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import {
  deriveSecretRequestKey,
  secretRequestMacInput,
  secretRequestWriteMessage,
} from '../../core/secret-requests/request-key.ts';
import { parseSecretLinkId, type SecretRequestId } from '../../core/secret-requests/request-link.ts';
import type { SecretRequestPurpose } from '../../core/secret-requests/request-proof.ts';
import { openTypedSecret, type TypedSecret } from '../../core/secret-requests/sealed-secret.ts';
import type { ApiKeyVerifier } from '../api-keys/api-key-verifier.ts';
import { authorize, callerOf } from '../api-keys/authorization.ts';
import type { RequestRecordStore } from '../api-keys/request-record-ports.ts';
import type { FirstDekCreator, KeyringOpener, OpenKeyring } from '../org-keys/keyring-opener.ts';
import { assertOrgActive } from '../org-keys/keyring-verifier.ts';
import type { Clock } from '../shared/ports.ts';
import { encryptVersion } from '../values/value-encryption.ts';
import type {
  RequestedValueStore,
  SecretRequest,
  SecretRequestMacs,
  SecretRequestStore,
  StoredSecretRequest,
} from './secret-request-ports.ts';
import { verifySecretRequest } from './secret-request-reader.ts';
import { assertOpen, busyDetail, claimTimes } from './secret-request-service.ts';
import { assertStorable } from './typed-secret-checks.ts';

export interface SecretLinkDeps {
  readonly requests: SecretRequestStore;
  readonly values: RequestedValueStore;
  readonly macs: SecretRequestMacs;
  readonly keyringOpener: KeyringOpener;
  readonly firstDekCreator: FirstDekCreator;
  /** Where the API key that asked is read and verified. */
  readonly apiKeys: { readonly records: RequestRecordStore; readonly apiKeyVerifier: ApiKeyVerifier };
  readonly clock: Clock;
}

/** A request whose link the caller has proven to know. */
export interface VerifiedSecretLink {
  readonly id: SecretRequestId;
  readonly request: SecretRequest;
  readonly stored: StoredSecretRequest;
  /** The record of the keyring, as it was read with the request. */
  readonly keyring: unknown;
  /** 32 bytes. */
  readonly proof: Buffer;
}

export class SecretLinkService {
  readonly #deps: SecretLinkDeps;

  constructor(deps: SecretLinkDeps) {
    this.#deps = deps;
  }

  /**
   * Verifies a proof before anything about the request is disclosed.
   * @param proof base64, 32 bytes
   * @throws VaultError `secret_request_not_found`, `proof_refused`, `org_locked`, `org_shredded`; DecryptionError for a
   *   damaged item
   */
  async verifyProof(link: string, purpose: SecretRequestPurpose, proof: string): Promise<VerifiedSecretLink> {
    const id = parseSecretLinkId(link);
    if (id === undefined) throw new VaultError('secret_request_not_found');
    const { requests, keyringOpener } = this.#deps;
    const { stored, keyring } = await requests.getWithKeyring(id);
    if (stored === undefined) throw new VaultError('secret_request_not_found');
    const verifiedKeyring = await keyringOpener.verifier.verify(keyring, id.org, () => requests.getKeyring(id.org));
    const request = await verifySecretRequest(keyringOpener.verifier.keys, id, stored);
    const presented = Buffer.from(proof, 'base64');
    const expected = Buffer.from(request.verifiers[purpose], 'base64');
    const actual = hash('sha256', presented, 'buffer');
    if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) throw new VaultError('proof_refused');
    if (verifiedKeyring.state !== 'shredded' && verifiedKeyring.lock !== undefined) throw new VaultError('org_locked');
    assertOrgActive(verifiedKeyring);
    return { id, request, stored, keyring, proof: presented };
  }

  /** What the page shows. @throws VaultError for a closed request, as {@link assertOpen} */
  async look(link: VerifiedSecretLink): Promise<ShownSecretRequest> {
    const { request, stored } = link;
    const now = this.#deps.clock();
    assertOpen(stored, request, now);
    assertNotAbandoned(stored, now);
    await this.#assertAskerAllowed(link);
    const { name, why, replace, requestedBy, createdAt, expiresAt } = request;
    return { name, why, replace, requestedBy, createdAt, expiresAt };
  }

  /**
   * Stores the secret as a value and closes the request. Repeating the call with the same `sealed` changes nothing.
   * @param sealed base64
   * @throws DecryptionError if it was not sealed for this request; VaultError `invalid_request`, `name_taken`,
   *   `write_contention`, `key_unavailable`, and as {@link assertOpen}
   */
  async fill(link: VerifiedSecretLink, sealed: string): Promise<FilledSecretRequest> {
    const { requests, values, clock } = this.#deps;
    const { id, request, stored } = link;
    const now = clock();
    const bytes = Buffer.from(sealed, 'base64');
    const claim = { claim: hash('sha256', bytes, 'base64'), ...claimTimes(now) };
    if (stored.state === 'filled' && stored.claim === claim.claim) return { filled: true };
    assertOpen(stored, request, now);
    await this.#assertAskerAllowed(link);
    const typed = await this.#open(link, bytes);
    assertStorable(typed);
    const keys = await this.#ensureActiveDek(link);
    // Before the claim: what fails after it leaves a claim behind.
    const version = encryptTyped(keys, id, request.name, typed, now);
    if (!(await requests.claim(id, claim))) {
      const reread = (await requests.get(id)) ?? stored;
      if (reread.state === 'filled' && reread.claim === claim.claim) return { filled: true };
      assertOpen(reread, request, now);
      assertNotAbandoned(reread, now);
      throw new VaultError('write_contention', { detail: busyDetail });
    }
    if (!(await values.put(id.org, request.name, version, request.replace, now))) {
      await requests.release(id, claim.claim);
      throw new VaultError('name_taken', { detail: takenMeanwhileDetail });
    }
    await requests.markFilled(id, claim);
    return { filled: true };
  }

  /** Closes the request. @throws VaultError `write_contention`, and as {@link assertOpen} */
  async deny({ id, request, stored }: VerifiedSecretLink): Promise<DeniedSecretRequest> {
    const { requests, clock } = this.#deps;
    const now = clock();
    if (stored.state === 'denied') return { denied: true };
    assertOpen(stored, request, now);
    if (await requests.close(id, 'denied', claimTimes(now))) return { denied: true };
    const reread = (await requests.get(id)) ?? stored;
    if (reread.state === 'denied') return { denied: true };
    assertOpen(reread, request, now);
    throw new VaultError('write_contention', { detail: busyDetail });
  }

  /**
   * A link gives its holder what the key that asked was allowed to do. So it ends with that key, and with its permission.
   * @throws VaultError `secret_request_denied`
   */
  async #assertAskerAllowed({ id: { org }, request }: VerifiedSecretLink): Promise<void> {
    const { apiKeys, clock } = this.#deps;
    const { apiKey } = await apiKeys.records.read({ org, keyId: request.requestedBy, names: [] });
    const stored = await apiKeys.apiKeyVerifier.verifyOrUndefined(apiKey);
    try {
      if (stored === undefined) throw new VaultError('forbidden');
      const asker = callerOf(stored, clock());
      authorize(asker, 'values.request', [request.name]);
      if (request.replace) authorize(asker, 'values.write', [request.name]);
    } catch (error) {
      if (error instanceof VaultError) throw new VaultError('secret_request_denied', { detail: askerEndedDetail });
      throw error;
    }
  }

  /** @throws DecryptionError; VaultError `key_unavailable` */
  async #open({ id, request, stored, proof }: VerifiedSecretLink, sealed: Uint8Array): Promise<TypedSecret> {
    const share = Buffer.from(stored.share ?? '', 'base64');
    if (share.length !== 32) throw new DecryptionError();
    const mac = await this.#deps.macs.deriveMac(secretRequestMacInput(id));
    const privateKey = deriveSecretRequestKey(id, { mac, share, proof });
    try {
      return await openTypedSecret(privateKey, { ...request, org: id.org }, sealed);
    } finally {
      for (const bytes of [mac, share, privateKey]) bytes.fill(0);
    }
  }

  async #ensureActiveDek({ id: { org }, keyring }: VerifiedSecretLink): Promise<OpenKeyring> {
    const { requests, keyringOpener, firstDekCreator } = this.#deps;
    const reread = () => requests.getKeyring(org);
    const initial = await keyringOpener.open(keyring, org, reread);
    return await firstDekCreator.ensureActive(initial, async () => keyringOpener.open(await reread(), org, reread));
  }
}

/**
 * An answer that was interrupted may have stored its value. Another one would replace it, so only the same bytes go on.
 * @throws VaultError `secret_request_filled`
 */
function assertNotAbandoned({ claim, claimedAt = '' }: StoredSecretRequest, now: Date): void {
  const { voidBefore, latest } = claimTimes(now);
  if (claim !== undefined && !(claimedAt >= voidBefore && claimedAt <= latest))
    throw new VaultError('secret_request_filled', { detail: abandonedDetail });
}

const abandonedDetail =
  'An earlier answer was interrupted, and may be stored. Nothing was changed. Look whether the value exists, and ask for another link if not.';

const askerEndedDetail = 'The API key that asked was revoked, has expired, or lost its permission. Nothing was stored.';

const takenMeanwhileDetail =
  'It was stored after the request was made. Nothing was changed, and the request is still open.';

/** The first version of a new life of the name. */
function encryptTyped(keys: OpenKeyring, id: SecretRequestId, name: string, { value, rules }: TypedSecret, now: Date) {
  if (keys.active === undefined) throw new Error('a write needs an active DEK');
  const version = {
    life: createTimeId(now.getTime(), randomBytes(16)),
    version: 1,
    writeId: hash('sha256', secretRequestWriteMessage(id), 'base64url'),
  };
  return encryptVersion(keys.active, name, version, { createdAt: now.toISOString(), metadata: { ...rules } }, value);
}
