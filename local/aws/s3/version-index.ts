/** The versions of a bucket's objects, in memory. Source: S3 user guide, "Retaining multiple versions of objects". */
import type { ObjectRecord, VersionRecord } from './stored-records.ts';

export class VersionIndex {
  /** Latest first. No list is empty. */
  readonly #byKey = new Map<string, readonly VersionRecord[]>();
  #keys: readonly string[] | undefined;

  /** Adds a version. It replaces a version with the same key and ID. */
  set(record: VersionRecord): void {
    const others = this.versions(record.key).filter(({ versionId }) => versionId !== record.versionId);
    if (!this.#byKey.has(record.key)) this.#keys = undefined;
    this.#byKey.set(
      record.key,
      [record, ...others].sort((a, b) => b.sequence - a.sequence),
    );
  }

  delete({ key, versionId }: VersionRecord): void {
    const left = this.versions(key).filter((one) => one.versionId !== versionId);
    if (left.length > 0) this.#byKey.set(key, left);
    else {
      this.#byKey.delete(key);
      this.#keys = undefined;
    }
  }

  /** All versions of a key, the latest first. */
  versions(key: string): readonly VersionRecord[] {
    return this.#byKey.get(key) ?? [];
  }

  find(key: string, versionId: string): VersionRecord | undefined {
    return this.versions(key).find((one) => one.versionId === versionId);
  }

  /** The current object of a key; undefined if its latest version is a delete marker. */
  current(key: string): ObjectRecord | undefined {
    const [latest] = this.versions(key);
    return latest?.kind === 'object' ? latest : undefined;
  }

  /** All keys, also those whose latest version is a delete marker, sorted by their bytes. */
  keys(): readonly string[] {
    this.#keys ??= [...this.#byKey.keys()].sort(compareKeys);
    return this.#keys;
  }

  all(): VersionRecord[] {
    return this.keys().flatMap((key) => this.versions(key));
  }
}

/** The order in which S3 lists keys: by UTF-8 bytes. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
