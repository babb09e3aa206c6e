/** Options that can be repeated. */
import { usageError } from './command-error.ts';

export const collectText = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** The option `--metadata key=text`. */
export function collectMetadata(
  pair: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = pair.indexOf('=');
  if (at < 1) throw usageError('--metadata requires key=text. Nothing was stored');
  const key = pair.slice(0, at);
  if (Object.hasOwn(before, key)) throw usageError('--metadata has a duplicate key. Nothing was stored');
  return { ...before, [key]: pair.slice(at + 1) };
}
