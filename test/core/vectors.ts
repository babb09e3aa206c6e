import { existsSync, readFileSync } from 'node:fs';

const folder = new URL('../../../shared/vectors/', import.meta.url);

/** Whether the published vectors lie beside the project; the few that the tests carry themselves run always. */
export const vectorsPresent = existsSync(folder);

interface Group<T> {
  readonly ivSize?: number;
  readonly keySize?: number;
  readonly tagSize?: number;
  readonly tests: readonly T[];
}

/** Groups of one Wycheproof file; none when the vectors are not here. */
export function wycheproof<T>(name: string): readonly Group<T>[] {
  if (!vectorsPresent) return [];
  const file: { testGroups: readonly Group<T>[] } = JSON.parse(
    readFileSync(new URL(`wycheproof/${name}.json`, folder), 'utf8'),
  );
  return file.testGroups;
}

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');
