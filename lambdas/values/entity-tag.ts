import type { VersionInfo } from '../../contract/values/wire.ts';

/**
 * The strong entity tag of a version (RFC 9110 section 8.8.3). Versions of a name restart at 1 after a deletion, so the
 * tag also contains the time of the write. Reencryption changes neither.
 */
export const entityTagOf = ({ version, createdAt }: Pick<VersionInfo, 'version' | 'createdAt'>): string =>
  `"${version}-${Date.parse(createdAt).toString(36)}"`;
