/**
 * Blob records with their MACs. Every operation with an API key reads and writes records through this class, so none
 * uses a record before it is verified, and none stores one without a MAC.
 */
import type { Page } from '../shared/ports.ts';
import type { BlobRecordStore, BlobStore, Completion, ListedBlob, PurgeableBlob, StoredBlob } from './blob-ports.ts';
import type { BlobRecordVerifier } from './blob-record-verifier.ts';

export class AuthenticatedBlobs implements BlobStore {
  readonly #records: BlobRecordStore;
  readonly #verifier: BlobRecordVerifier;

  constructor(records: BlobRecordStore, verifier: BlobRecordVerifier) {
    this.#records = records;
    this.#verifier = verifier;
  }

  async create(blob: StoredBlob): Promise<void> {
    await this.#records.create(await this.#verifier.authenticate(blob));
  }

  async get(org: string, id: string): Promise<StoredBlob | undefined> {
    const blob = await this.#records.get(org, id);
    return blob === undefined ? undefined : await this.#verifier.verify(blob);
  }

  async list(org: string, before: string | undefined, limit: number): Promise<Page<ListedBlob>> {
    const { items, more } = await this.#records.list(org, before, limit);
    const verified = items.map(async ({ id, blob }) => ({ id, blob: await this.#verifier.verifyOrUndefined(blob) }));
    return { items: await Promise.all(verified), more };
  }

  async markReady(blob: StoredBlob, { ttl, ...completion }: Completion): Promise<boolean> {
    const before = await this.#verifier.verify(blob);
    const { mac } = await this.#verifier.authenticate({ ...blob, ...completion, uploadId: undefined });
    return await this.#records.markReady(before, { ...completion, ttl, mac });
  }

  async replaceLocator(blob: StoredBlob, locator: string): Promise<boolean> {
    const before = await this.#verifier.verify(blob);
    const { mac } = await this.#verifier.authenticate({ ...blob, locator });
    return await this.#records.replaceLocator(before, { locator, mac });
  }

  markDeleted(org: string, id: string, ttl: number): Promise<boolean> {
    return this.#records.markDeleted(org, id, ttl);
  }

  getUnverified(org: string, id: string): Promise<PurgeableBlob | undefined> {
    return this.#records.getUnverified(org, id);
  }

  remove(org: string, id: string): Promise<void> {
    return this.#records.remove(org, id);
  }
}
