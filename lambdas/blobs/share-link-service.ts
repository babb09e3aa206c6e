/**
 * The rules of links, for requests without an API key: whoever has a link may look, whoever proves that he knows its key may open
 * and burn. Nothing here opens a value or needs a DEK.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { BurnLinkResponse, LookAtLinkResponse, OpenLinkResponse } from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseLinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { parseStoredKeyring } from '../org-keys/keyring-opener.ts';
import { constantTimeEqual } from '../shared/constant-time-equal.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds, hasPassed } from '../shared/timestamps.ts';
import type { LinkObjectStore, LinkStore, StoredBlob } from './blob-ports.ts';
import {
  assertReady,
  effectiveState,
  recordRetentionEnd,
  spentObjectLifetime,
  toLinkPreview,
  unlessTtlPassed,
} from './blob-state.ts';

/** A blob of whose link the key was proven to be known. */
export interface VerifiedLink {
  readonly blob: StoredBlob;
}

export class ShareLinkService {
  readonly #links: LinkStore;
  readonly #objects: LinkObjectStore;
  readonly #clock: Clock;

  constructor(links: LinkStore, objects: LinkObjectStore, clock: Clock) {
    this.#links = links;
    this.#objects = objects;
    this.#clock = clock;
  }

  /**
   * What may be told before any proof. It changes nothing.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `blob_expired`, `blob_spent`, `blob_deleted`, `org_locked`, `org_shredded`
   */
  async getPreview(link: string): Promise<LookAtLinkResponse> {
    const blob = await this.#resolveLink(link);
    assertReady(blob, this.#clock());
    return toLinkPreview(blob);
  }

  /**
   * Compares a proof, before anything is told of the blob's state.
   * @param proof base64, 32 bytes
   * @throws VaultError `proof_refused`, `blob_not_found`, `org_locked`, `org_shredded`; for a blob that never was complete, to which
   *   there is no proof, `blob_not_uploaded`, `blob_expired`, `blob_deleted`
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
   * Counts an opening and gives the address of the ciphertext. Of several at once on the last opening exactly one comes through. The
   * latest opening may be repeated by its name, for as long as its first address works: it is then answered again, and not counted.
   * @param opening name that the caller has drawn for this opening; none makes it one that can't be repeated
   * @throws VaultError `blob_not_found`, `blob_expired`, `blob_spent`, `blob_deleted`, `write_contention`, `unavailable`; `invalid_request`
   *   for the name of an opening that can't be repeated any more
   */
  async open({ blob }: VerifiedLink, opening: string = randomId()): Promise<OpenLinkResponse> {
    const { org, id, maxOpens } = blob;
    const now = this.#clock();
    // Also before a repetition: what is repeated may have been broken off before it came to this.
    if (effectiveState(blob, now) === 'spent') await this.#scheduleObjectRemoval(blob, now);
    if (isRepeatedOpening(blob, opening, now))
      return this.#toOpenResponse(blob, now, await this.#objects.presignDownload(org, id));
    assertReady(blob, now);
    // Before the opening is counted: it must not be used up for want of an address.
    const url = await this.#objects.presignDownload(org, id);
    const opened = await this.#countOpening(blob, opening, now);
    if (maxOpens !== undefined && opened.openings >= maxOpens) await this.#scheduleObjectRemoval(opened, now);
    return this.#toOpenResponse(opened, now, url);
  }

  #toOpenResponse(blob: StoredBlob, now: Date, url: string): OpenLinkResponse {
    return { ...toLinkPreview(blob), url, urlExpiresAt: addSeconds(now, limits.blobPresignedUrlSeconds) };
  }

  /**
   * Destroys what was made to be read once; its object is gone before this returns. Repeated, it removes again what an interrupted
   * first try has left.
   * @throws VaultError `invalid_request` for a blob made without `burn`, `blob_not_found`, `blob_deleted`, `write_contention`, `unavailable`
   */
  async burn({ blob }: VerifiedLink): Promise<BurnLinkResponse> {
    const { org, id, locator } = blob;
    if (!blob.burn) {
      throw new VaultError('invalid_request', { detail: 'This blob was not made to be destroyed by its readers.' });
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

  /** The record with this opening counted. */
  async #countOpening(blob: StoredBlob, opening: string, now: Date): Promise<StoredBlob> {
    const { maxOpens, openings, locator } = blob;
    const isLast = maxOpens !== undefined && openings + 1 >= maxOpens;
    const opened = await this.#links.recordOpening(
      blob,
      { opening, openedAt: now.toISOString() },
      isLast ? recordRetentionEnd(now) : undefined,
    );
    if (opened !== undefined) return opened;
    const reread = await this.#reread(blob);
    // The client of the table, or whoever opens, has repeated what got no reply: this very opening stands there.
    if (isRepeatedOpening(reread, opening, now)) return reread;
    if (reread.locator !== locator) throw new VaultError('blob_not_found');
    assertReady(reread, now);
    if (reread.opening === opening) {
      const message = 'names an opening that was made before, and whose address no longer works: draw another';
      throw new VaultError('invalid_request', { errors: [{ path: 'opening', message }] });
    }
    throw new VaultError('write_contention', { detail: 'No opening was counted.' });
  }

  /**
   * Lets S3 remove an object after its last opening. The opening itself must not fail by it: it is counted. So what fails here is
   * tried again when someone with a proof asks once more; until then the object only stays longer.
   */
  async #scheduleObjectRemoval(blob: StoredBlob, now: Date): Promise<void> {
    const { org, id, ttl } = blob;
    try {
      await this.#objects.setLifetimeTag(org, id, spentObjectLifetime);
      // Absent when it was not foreseen which opening would be the last, since others came between.
      if (ttl === undefined || ttl > recordRetentionEnd(now))
        await this.#links.setTtl(org, id, recordRetentionEnd(now));
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
    }
  }

  async #reread({ org, id }: StoredBlob): Promise<StoredBlob> {
    const again = unlessTtlPassed((await this.#links.read(org, id)).blob, this.#clock());
    if (again === undefined) throw new VaultError('blob_not_found');
    return again;
  }

  /** The blob of a link that is its current one. For text that can't be a link nothing is read, nor is any session begun. */
  async #resolveLink(link: string): Promise<StoredBlob> {
    const linkId = parseLinkId(link);
    if (linkId === undefined) throw new VaultError('blob_not_found');
    const { org, id, locator } = linkId;
    const { keyring, blob } = await this.#links.read(org, id);
    if (keyring === undefined) throw new VaultError('blob_not_found');
    const stored = parseStoredKeyring(keyring, org);
    // Told without a locator, since after a shredding there is none to compare with.
    if (stored.state === 'shredded') throw new VaultError('org_shredded');
    const found = unlessTtlPassed(blob, this.#clock());
    if (found === undefined || !constantTimeEqual(found.locator, locator)) throw new VaultError('blob_not_found');
    // Without the detail that members are told: when, and who could prevent it.
    if (stored.lock !== undefined) throw new VaultError('org_locked');
    return found;
  }
}

/** Whether this very opening was counted before, its first address still works, and nothing else has ended the blob meanwhile. */
const isRepeatedOpening = (
  { state, expiresAt, opening, openedAt }: StoredBlob,
  requestedOpening: string,
  now: Date,
): boolean =>
  state === 'ready' &&
  opening === requestedOpening &&
  Date.parse(openedAt ?? '') + limits.blobPresignedUrlSeconds * 1000 > now.getTime() &&
  !hasPassed(expiresAt, now);
