/**
 * Which metadata the next version of a value takes over. Rules of use (`allowed_hosts` and others) that a model chose
 * are never taken over: a model could otherwise store a random value under the name of a later secret, with a host of
 * its choice, and receive that secret.
 */
import { type Anima, AnimaError, type VersionInfo } from '../../sdk/src/index.ts';
import { escapeForLine } from '../shell/terminal-text.ts';

export type Metadata = Readonly<Record<string, string>>;

/** Metadata keys that only this program sets: who generated the value, and who decided its metadata. */
export const originKeys = { value: 'generated_by', metadata: 'metadata_by' } as const;
/** Value of these keys for a tool call of the MCP server. */
export const model = 'model';

export const isGeneratedByModel = (metadata: Metadata): boolean => metadata[originKeys.value] === model;
export const isMetadataByModel = (metadata: Metadata): boolean => metadata[originKeys.metadata] === model;

export const isOriginKey = (key: string): boolean => Object.values<string>(originKeys).includes(key);

/** Whether a key limits what a value may be used for. */
export const isRuleKey = (key: string): boolean => key.startsWith('allowed_');

/** The metadata that a person's new value takes over from the version that it replaces. */
export const inheritedByPerson = (current: Metadata): Metadata =>
  isMetadataByModel(current) ? {} : omitKeys(current, isOriginKey);

export const omitKeys = (metadata: Metadata, isOmitted: (key: string) => boolean): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => !isOmitted(key)));

/** What a new version keeps and changes of the metadata, one line per entry. */
export function describeMetadataChange(current: Metadata, next: Metadata): string[] {
  const why = isMetadataByModel(current) && !isMetadataByModel(next) ? ', because a model chose it' : '';
  const old = Object.entries(omitKeys(current, isOriginKey)).map(([key, text]) => {
    if (!Object.hasOwn(next, key)) return `dropped ${entryText(key, text)}${why}`;
    const now = next[key] ?? '';
    return now === text ? `kept ${entryText(key, text)}` : `changed ${entryText(key, text)} to ${quoted(now)}`;
  });
  const added = Object.entries(omitKeys(next, isOriginKey)).filter(([key]) => !Object.hasOwn(current, key));
  return [...old, ...added.map(([key, text]) => `added ${entryText(key, text)}`)];
}

/** Metadata can contain any characters, so it is escaped for terminals, line ends too, and its text is quoted. */
const entryText = (key: string, text: string): string => `${escapeForLine(key)}=${quoted(text)}`;
const quoted = (text: string): string => escapeForLine(JSON.stringify(text));

/** The current version of a name, or why it cannot be read. */
export type CurrentVersion =
  | { readonly state: 'present'; readonly info: VersionInfo }
  | { readonly state: 'none' | 'expired' | 'forbidden' | 'damaged' };

/** Reads the current version without its value. @throws AnimaError other than those of the states */
export async function readCurrentVersion(
  client: Anima,
  name: string,
  options?: Parameters<Anima['vault']['versions']>[1],
): Promise<CurrentVersion> {
  try {
    // Earlier versions can be damaged without effect on the current one, which comes first.
    const [info] = await client.vault.versions(name, { ...options, onDamaged: () => {} });
    return info === undefined ? { state: 'none' } : { state: 'present', info };
  } catch (error) {
    if (!(error instanceof AnimaError)) throw error;
    if (error.code === 'value_not_found') return { state: 'none' };
    if (error.code === 'value_expired') return { state: 'expired' };
    if (error.code === 'forbidden') return { state: 'forbidden' };
    if (error.code === 'decryption_failed') return { state: 'damaged' };
    throw error;
  }
}
