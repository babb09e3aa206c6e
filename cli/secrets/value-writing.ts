/** Stores a value that a person gave, with the metadata that it takes over from the version before. */
import { type Anima, ConflictError, type ValueInfo } from '../../sdk/src/index.ts';
import { type ChosenCustody, withoutCustody } from './value-custody.ts';
import {
  type CurrentVersion,
  describeMetadataChange,
  inheritedByPerson,
  type Metadata,
  readCurrentVersion,
} from './value-metadata.ts';
import { editTags, type TagEdit } from './value-tags.ts';

/** What a person gives with a new value. */
export interface WriteSettings {
  readonly metadata: Metadata;
  readonly tags?: TagEdit | undefined;
  readonly dropMetadata: boolean;
  readonly ifVersion: number | undefined;
  readonly expiresIn: number | undefined;
  /** Instead of `expiresIn`: a fixed time. */
  readonly expiresAt?: string | undefined;
  readonly custody?: ChosenCustody;
}

/** Maximum number of attempts when other writers store versions at the same time. */
const maxAttempts = 5;

/** Stores the value on the condition that the version whose metadata it takes over is still the current one. */
export async function storeByPerson(
  client: Anima,
  name: string,
  value: string,
  { metadata, tags = {}, dropMetadata, ifVersion, expiresIn, expiresAt, custody }: WriteSettings,
): Promise<{ info: ValueInfo; changes: string[] }> {
  for (let attempt = 1; ; attempt++) {
    const current = await readCurrentVersion(client, name);
    const before = current.state === 'present' ? current.info.metadata : {};
    const kept = withoutCustody(name, inheritedByPerson(before), custody);
    const next = editTags({ ...(dropMetadata ? {} : kept), ...metadata }, tags);
    try {
      const info = await client.vault.set(name, value, {
        metadata: next,
        expiresIn,
        expiresAt,
        ifVersion: ifVersion ?? baseVersion(current, custody),
        custody: custody === 'org' ? undefined : custody,
      });
      return { info, changes: [...describeMetadataChange(before, info.metadata), ...unreadMetadata(current, info)] };
    } catch (error) {
      if (!(error instanceof ConflictError) || ifVersion !== undefined || attempt >= maxAttempts) throw error;
    }
  }
}

/** The version for the condition. An expired version counts as none. That of a damaged value is unknown. */
function baseVersion(current: CurrentVersion, custody: ChosenCustody): number | undefined {
  if (current.state === 'present') return current.info.version;
  // A sealed value is stored only as the next version, also after one that has expired.
  if (current.state === 'expired' && custody !== undefined) return undefined;
  return current.state === 'forbidden' || current.state === 'damaged' ? undefined : 0;
}

function unreadMetadata({ state }: CurrentVersion, { version }: ValueInfo): string[] {
  if (state === 'damaged')
    return ['The earlier version was damaged; it was replaced, and none of its metadata was kept.'];
  if (state === 'expired') return ['The earlier version had expired; nothing of its metadata was kept.'];
  if (state !== 'forbidden' || version === 1) return [];
  return ['This key has no permission to list values; nothing of the earlier metadata was kept.'];
}
