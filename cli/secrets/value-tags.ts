/** Tags and a note of a value. Both are metadata, which is encrypted like the value: `tags` (names, comma-separated) and `note`. */
import { usageError } from '../shell/command-error.ts';
import type { Metadata } from './value-metadata.ts';

const tagsKey = 'tags';
const noteKey = 'note';
const tagPattern = /^[\p{L}\p{N}._:-]{1,64}$/u;

export const tagsOf = (metadata: Metadata): string[] =>
  (metadata[tagsKey] ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');

export interface TagEdit {
  readonly tag?: readonly string[] | undefined;
  readonly untag?: readonly string[] | undefined;
  /** An empty text removes the note. */
  readonly note?: string | undefined;
}

/** The metadata with tags added and removed, and the note replaced. @throws CommandError usage */
export function editTags(metadata: Metadata, { tag = [], untag = [], note }: TagEdit): Metadata {
  assertTags([...tag, ...untag]);
  const tags = new Set(tagsOf(metadata));
  for (const one of untag) {
    if (!tags.delete(one)) throw usageError('The value does not have a tag to remove. Nothing was stored');
  }
  for (const one of tag) tags.add(one);
  const { [tagsKey]: _tags, [noteKey]: before, ...rest } = metadata;
  const text = note ?? before ?? '';
  return {
    ...rest,
    ...(tags.size === 0 ? {} : { [tagsKey]: [...tags].join(', ') }),
    ...(text === '' ? {} : { [noteKey]: text }),
  };
}

/** @throws CommandError usage */
export function assertTags(tags: readonly string[]): void {
  if (tags.every((tag) => tagPattern.test(tag))) return;
  throw usageError('A tag is 1 to 64 letters, digits or . _ : - characters. Nothing was done');
}
