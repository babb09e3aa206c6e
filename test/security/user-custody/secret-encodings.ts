/** The encodings in which a secret could be stored, and the files to search. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** All files in a folder, recursively. */
export function* files(at: string): Generator<string> {
  for (const name of readdirSync(at)) {
    const path = join(at, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

/**
 * The possible encodings of a text. Base64 is included for each of the three offsets, without the border characters.
 */
export function encodingsOf(secret: string | Buffer): Buffer[] {
  const bytes = Buffer.from(secret);
  const plain = typeof secret === 'string' ? secret : secret.toString('base64');
  const base64 = [0, 1, 2].map((pad) =>
    Buffer.concat([Buffer.alloc(pad), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(4, -2),
  );
  const all = [
    plain,
    plain.toLowerCase(),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(plain),
    new URLSearchParams({ a: plain }).toString().slice(2),
    JSON.stringify(plain).slice(1, -1),
    ...base64,
    ...base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  return [...[...new Set(all)].filter((one) => one.length >= 8).map((one) => Buffer.from(one)), bytes];
}

/** The usual formats of a phone number. */
export const numberForms = (national: string): string[] => {
  const digits = national.slice(-10);
  return [
    digits,
    `${digits.slice(0, 4)} ${digits.slice(4)}`,
    `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6)}`,
    [...digits].join(' '),
  ];
};

/** The usual formats of a link code. */
export const codeForms = (code: string): string[] => {
  const bare = code.replaceAll('-', '');
  return [code, bare, bare.toLowerCase(), code.replaceAll('-', ' '), [...bare].join(' ')];
};
