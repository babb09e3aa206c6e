/**
 * Share links, for requests without an API key. Anyone with a link can get its preview. A caller that proves knowledge
 * of the link's key can open and burn it. No operation here decrypts a value or needs a DEK.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { BurnLinkResponse, LookAtLinkResponse, OpenLinkResponse } from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseLinkId } from '../../core/blobs/share-link.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type { KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import { constantTimeEqual } from '../shared/constant-time-equal.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import type { LinkObjectStore, LinkStore, StoredBlob } from './blob-ports.ts';
import type { BlobRecordVerifier } from './blob-record-verifier.ts';
import {
  assertReady,
  effectiveState,
  recordRetentionEnd,
  spentObjectLifetime,
  toLinkPreview,
  unlessTtlPassed,
} from './blob-state.ts';

/** A blob whose link's key the caller has proven to know. */
export interface VerifiedLink {
  readonly blob: StoredBlob;
}

export class ShareLinkService {
  readonly #links: LinkStore;
  readonly #objects: LinkObjectStore;
  readonly #keyringVerifier: KeyringVerifier;
  readonly #recordVerifier: BlobRecordVerifier;
  readonly #clock: Clock;

  constructor(
    links: LinkStore,
    objects: LinkObjectStore,
    keyringVerifier: KeyringVerifier,
    recordVerifier: BlobRecordVerifier,
    clock: Clock,
  ) {
    this.#links = links;
    this.#objects = objects;
    this.#keyringVerifier = keyringVerifier;
    this.#recordVerifier = recordVerifier;
    this.#clock = clock;
  }

  /**
   * Returns the preview, which needs no proof. Changes nothing.
   * @throws DecryptionError for a damaged record; VaultError `blob_not_found`, `blob_not_uploaded`, `blob_expired`,
   *   `blob_spent`, `blob_deleted`, `org_locked`, `org_shredded`
   */
  async getPreview(link: string): Promise<LookAtLinkResponse> {
    const blob = await this.#resolveLink(link);
    assertReady(blob, this.#clock());
    return toLinkPreview(blob);
  }

  /**
   * Verifies a proof before the blob's state is disclosed.
   * @param proof base64, 32 bytes
   * @throws DecryptionError for a damaged record; VaultError `proof_refused`, `blob_not_found`, `org_locked`,
   *   `org_shredded`; `blob_not_uploaded`, `blob_expired` or `blob_deleted` for a blob that was never completed,
   *   because it has no verifiers
   */
  async verifyProof(link: string, verb: 'open' | 'burn', proof: string): Promise<VerifiedLink> {
    const blob = await this.#resolveLink(link);
    const verifier = verb === 'open' ? blob.openVerifier : blob.burnVerifier;
    if (verifier === undefined) assertReady(blob, this.#clock());
    const expected = Buffer.from(verifier ?? '', 'base64');
    const actual = hash('sha256', Buffer.from(proof, 'base64'), 'buffer');
    if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) throw new VaultError('proof_refused');
    return { blob };
  }

  /**
   * Counts an opening and returns a download URL. If several callers compete for the last opening, exactly one
   * succeeds. The latest opening can be retried by its name while its first URL is valid; the retry is not counted.
   * Neither is an opening of an object that is not the completed one.
   * @param opening random name that the caller chose for this opening; if omitted, it cannot be retried
   * @throws DecryptionError for a damaged record or object; VaultError `blob_not_found`, `blob_expired`,
   *   `blob_spent`, `blob_deleted`, `write_contention`, `unavailable`; `invalid_request` for the name of an opening
   *   that can no longer be retried
   */
  async open({ blob }: VerifiedLink, opening: string = randomId()): Promise<OpenLinkResponse> {
    const { org, id, maxOpens } = blob;
    const now = this.#clock();
    // Also done before a retry, because the first attempt may have been interrupted before this step.
    if (effectiveState(blob, now) === 'spent') await this.#scheduleObjectRemoval(blob, now);
    const isRepeated = isRepeatedOpening(blob, opening, now);
    if (!isRepeated) assertReady(blob, now);
    await this.#assertObjectAsCompleted(blob);
    // Signed before the opening is counted, so that a failure to sign does not use up an opening.
    const url = await this.#objects.presignDownload(org, id);
    if (isRepeated) return this.#toOpenResponse(blob, now, url);
    const opened = await this.#countOpening(blob, opening, now);
    if (maxOpens !== undefined && opened.openings >= maxOpens) await this.#scheduleObjectRemoval(opened, now);
    return this.#toOpenResponse(opened, now, url);
  }

  /**
   * Checks that the object is the one whose checksum was stated at completion. All readers of a link get the same
   * bytes.
   * @throws DecryptionError if the object is another one or missing
   */
  async #assertObjectAsCompleted({ org, id, size, checksum }: StoredBlob): Promise<void> {
    const found = await this.#objects.findObject(org, id);
    const isSame = found !== undefined && found.checksum !== undefined && found.checksum === checksum;
    if (!isSame || found.size !== size) throw new DecryptionError();
  }

  #toOpenResponse(blob: StoredBlob, now: Date, url: string): OpenLinkResponse {
    return { ...toLinkPreview(blob), url, urlExpiresAt: addSeconds(now, limits.blobPresignedUrlSeconds) };
  }

  /**
   * Destroys a blob that was created with `burn`. Its object is deleted before this returns. A retry also deletes what
   * an interrupted attempt left.
   * @throws VaultError `invalid_request` for a blob created without `burn`; `blob_not_found`, `blob_deleted`,
   *   `write_contention`, `unavailable`
   */
  async burn({ blob }: VerifiedLink): Promise<BurnLinkResponse> {
    const { org, id, locator } = blob;
    if (!blob.burn) {
      throw new VaultError('invalid_request', {
        detail: 'This blob was created without burn, so a reader cannot destroy it.',
      });
    }
    if (blob.state === 'deleted') throw new VaultError('blob_deleted');
    const isBurned = blob.state === 'burned' || (await this.#links.markBurned(blob, recordRetentionEnd(this.#clock())));
    if (!isBurned) {
      const reread = await this.#reread(blob);
      if (reread.state === 'deleted') throw new VaultError('blob_deleted');
      if (reread.locator !== locator) throw new VaultError('blob_not_found');
      if (reread.state !== 'burned') throw new VaultError('write_contention');
    }
    await this.#objects.deleteObject(org, id);
    return { burned: true };
  }

  /** Counts this opening and returns the updated record. */
  async #countOpening(blob: StoredBlob, opening: string, now: Date): Promise<StoredBlob> {
    const { maxOpens, openings, locator } = blob;
    const isLast = maxOpens !== undefined && openings + 1 >= maxOpens;
    const opened = await this.#links.recordOpening(
      blob,
      { opening, openedAt: now.toISOString() },
      isLast ? recordRetentionEnd(now) : undefined,
    );
    // The condition of the write used `maxOpens` as the table had it at that moment.
    if (opened !== undefined) return await this.#recordVerifier.verify(opened);
    const reread = await this.#reread(blob);
    // The SDK or the caller repeated an attempt whose reply was lost: this opening is already counted.
    if (isRepeatedOpening(reread, opening, now)) return reread;
    if (reread.locator !== locator) throw new VaultError('blob_not_found');
    assertReady(reread, now);
    if (reread.opening === opening) {
      const message = 'names an earlier opening whose download URL has expired. Choose a new name';
      throw new VaultError('invalid_request', { errors: [{ path: 'opening', message }] });
    }
    throw new VaultError('write_contention', { detail: 'No opening was counted.' });
  }

  /**
   * Lets S3 delete an object after its last opening. The opening is already counted, so a failure here must not fail
   * it. The next request with a valid proof tries again; until then the object is only kept longer.
   */
  async #scheduleObjectRemoval(blob: StoredBlob, now: Date): Promise<void> {
    const { org, id, ttl } = blob;
    try {
      await this.#objects.setLifetimeTag(org, id, spentObjectLifetime);
      // Not set if concurrent openings made it impossible to predict which one would be the last.
      if (ttl === undefined || ttl > recordRetentionEnd(now))
        await this.#links.setTtl(org, id, recordRetentionEnd(now));
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
    }
  }

  async #reread({ org, id }: StoredBlob): Promise<StoredBlob> {
    const { blob } = await this.#links.read(org, id);
    if (blob !== undefined && 'malformed' in blob) throw new DecryptionError();
    const again = unlessTtlPassed(blob, this.#clock());
    if (again === undefined) throw new VaultError('blob_not_found');
    return await this.#recordVerifier.verify(again);
  }

  /**
   * Finds the blob of a link and checks that the link is the current one. A malformed link causes no read and no org
   * session. A link that is not current causes no call to KMS or S3, unless the org was shredded.
   */
  async #resolveLink(link: string): Promise<StoredBlob> {
    const linkId = parseLinkId(link);
    if (linkId === undefined) throw new VaultError('blob_not_found');
    const { org, id, locator } = linkId;
    const { keyring, blob } = await this.#links.read(org, id);
    const found = blob !== undefined && 'malformed' in blob ? blob : unlessTtlPassed(blob, this.#clock());
    const isCurrent = found !== undefined && constantTimeEqual(found.locator, locator);
    if (keyring === undefined || !(isCurrent || claimsShredded(keyring))) throw new VaultError('blob_not_found');
    const reread = async () => (await this.#links.read(org, id)).keyring;
    const stored = await this.#keyringVerifier.verify(keyring, org, reread);
    // Reported without comparing the locator, because a shredded org may have no record to compare with.
    if (stored.state === 'shredded') throw new VaultError('org_shredded');
    if (!isCurrent) throw new VaultError('blob_not_found');
    // Without the detail for API keys, which contains the date of the shredding and who can cancel it.
    if (stored.lock !== undefined) throw new VaultError('org_locked');
    if ('malformed' in found) throw new DecryptionError();
    return await this.#recordVerifier.verify(found);
  }
}

/** Whether an unverified record looks like a tombstone. */
const claimsShredded = (keyring: unknown): boolean =>
  typeof keyring === 'object' && keyring !== null && 'state' in keyring && keyring.state === 'shredded';

/** Whether this opening was counted before, its first URL is still valid, and the blob has not ended otherwise. */
const isRepeatedOpening = (
  { state, expiresAt, opening, openedAt }: StoredBlob,
  requestedOpening: string,
  now: Date,
): boolean =>
  state === 'ready' &&
  opening === requestedOpening &&
  Date.parse(openedAt ?? '') + limits.blobPresignedUrlSeconds * 1000 > now.getTime() &&
  !hasPassed(expiresAt, now);
