/** Keeps the files of messages as encrypted objects of their user (docs/channels.md, "Files"). */
import { limits } from '../../contract/shared/limits.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { sealMedia } from '../../core/messages/media-object.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { MediaKind, MediaRef, MediaRefusal, ProviderAccount } from '../channels/channel-ports.ts';
import type { StoredMedia } from '../users/user-record-encryption.ts';
import type { MediaStore } from './conversation-ports.ts';
import type { JobMedia, ReceivedMedia } from './message-job.ts';

/** Time for fetching the files of one message. It leaves time for the responder and the answer. */
const fetchTimeMs = 25_000;

export interface RefusedMedia {
  readonly kind: MediaKind;
  readonly name?: string | undefined;
  readonly refusal: MediaRefusal;
}

export interface KeptMedia {
  readonly kept: readonly StoredMedia[];
  /** IDs of the objects that only this attempt knows. Received files have the same ID in every attempt. */
  readonly newIds: readonly string[];
  readonly refused: readonly RefusedMedia[];
}

export class MediaKeeper {
  readonly #store: MediaStore;

  constructor(store: MediaStore) {
    this.#store = store;
  }

  /**
   * Fetches, encrypts and stores files. A file that cannot be kept does not affect the others or the message.
   * @param account undefined if the channel is no longer configured
   * @throws VaultError `unavailable` if a file cannot be stored; the job must then be repeated
   */
  async keep(
    owner: UserRef,
    media: readonly JobMedia[],
    account: () => Promise<ProviderAccount | undefined>,
  ): Promise<KeptMedia> {
    const kept: StoredMedia[] = [];
    const newIds: string[] = [];
    const refused: RefusedMedia[] = [];
    const startedAt = performance.now();
    let bytesLeft: number = limits.mediaBytesPerMessage;
    // One file at a time bounds the memory.
    for (const { content, ...description } of media) {
      const isOutOfTime = performance.now() - startedAt > fetchTimeMs;
      const accountInTime = async () => (isOutOfTime ? undefined : await account());
      const stored = await this.#keepOne(owner, content, Math.min(limits.mediaBytes, bytesLeft), accountInTime);
      if ('refusal' in stored) {
        refused.push({ ...description, refusal: stored.refusal });
        continue;
      }
      // The type that the message states precedes the one of the fetched file.
      kept.push({ ...stored, ...description });
      if ('ref' in content) newIds.push(stored.id);
      bytesLeft -= stored.bytes;
    }
    return { kept, newIds, refused };
  }

  async #keepOne(
    owner: UserRef,
    content: JobMedia['content'],
    maxBytes: number,
    account: () => Promise<ProviderAccount | undefined>,
  ): Promise<Omit<StoredMedia, 'kind'> | { refusal: MediaRefusal }> {
    if ('refusal' in content) return content;
    if ('ref' in content) return await this.#fetch(owner, content.ref, await account(), maxBytes);
    return await this.#takeOver(owner, content, maxBytes);
  }

  /** Deletes files whose message was not stored or was deleted. */
  async discard(owner: UserRef, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#store.delete(owner, ids);
  }

  async #fetch(
    owner: UserRef,
    ref: MediaRef,
    account: ProviderAccount | undefined,
    maxBytes: number,
  ): Promise<Omit<StoredMedia, 'kind'> | { refusal: MediaRefusal }> {
    const fetched = await account?.fetchMedia?.(ref, maxBytes);
    if (fetched === undefined) return { refusal: 'unavailable' };
    if ('refusal' in fetched) return fetched;
    const id = randomId();
    const { object, key } = sealMedia(owner.org, id, fetched.bytes);
    fetched.bytes.fill(0);
    await this.#store.put(owner, id, object);
    return { id, bytes: fetched.bytes.length, key, ...typeField(fetched.type) };
  }

  async #takeOver(
    owner: UserRef,
    { object: id, key, bytes }: ReceivedMedia,
    maxBytes: number,
  ): Promise<Omit<StoredMedia, 'kind'> | { refusal: MediaRefusal }> {
    if (bytes > maxBytes) return { refusal: 'too-large' };
    return (await this.#store.takeOver(owner, id)) ? { id, bytes, key } : { refusal: 'unavailable' };
  }
}

/** A type as an answer's header states it, if it has the form of one. */
const typeField = (type: string | undefined): { type?: string } =>
  type !== undefined && /^[a-z0-9.+-]{1,63}\/[a-z0-9.+-]{1,127}$/.test(type) ? { type } : {};
