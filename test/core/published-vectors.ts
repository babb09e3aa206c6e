import { readFileSync } from 'node:fs';

const folder = new URL('../vectors/', import.meta.url);

interface Group<T> {
  readonly ivSize?: number;
  readonly keySize?: number;
  readonly tagSize?: number;
  readonly tests: readonly T[];
}

/** The test groups of one Wycheproof file. */
export function wycheproof<T>(name: string): readonly Group<T>[] {
  const file: { testGroups: readonly Group<T>[] } = JSON.parse(
    readFileSync(new URL(`wycheproof/${name}.json`, folder), 'utf8'),
  );
  return file.testGroups;
}

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');
