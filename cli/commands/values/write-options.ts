/** The options of commands that store a value: metadata, tags, a note, an expiry, and the version that it replaces. */

import type { Metadata } from '../../secrets/value-metadata.ts';
import { editTags } from '../../secrets/value-tags.ts';
import type { WriteSettings } from '../../secrets/value-writing.ts';
import { parseDuration, parseWhole } from '../../shell/durations.ts';

export interface WriteOptions {
  readonly metadata?: Metadata;
  readonly dropMetadata?: boolean;
  readonly tag?: readonly string[];
  readonly note?: string;
  readonly expiresIn?: string;
  readonly cas?: string;
}

/** Checks the options, before anything is asked for or generated. @throws CommandError usage */
export async function parseWriteOptions(options: WriteOptions): Promise<WriteSettings> {
  const { metadata, dropMetadata, tag, note, expiresIn, cas } = options;
  if (metadata !== undefined) {
    const { checkGivenMetadata } = await import('../../mcp/metadata-arguments.ts');
    checkGivenMetadata(metadata);
  }
  editTags({}, { tag, note });
  return {
    metadata: metadata ?? {},
    tags: { tag, note },
    dropMetadata: dropMetadata === true,
    ifVersion: cas === undefined ? undefined : parseWhole('--cas', cas),
    expiresIn: expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn),
  };
}
