/** Credentials that look like those of a provider and are none. They are drawn at random, and no provider knows them. */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const fakeCredentialKinds = ['random', 'stripe', 'aws', 'github'] as const;
export type FakeCredentialKind = (typeof fakeCredentialKinds)[number];

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const base64 = `${base62}+/`;

const draw = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');

/** The last six characters of a token of GitHub: CRC-32 of the characters before them, in base62. */
function githubChecksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (; rest > 0; rest = Math.floor(rest / 62)) digits = base62.charAt(rest % 62) + digits;
  return digits.padStart(6, '0');
}

const makers: Readonly<Record<FakeCredentialKind, () => string>> = {
  random: () => draw(base62, 40),
  stripe: () => `sk_live_51${draw(base62, 97)}`,
  aws: () => `[default]\naws_access_key_id = AKIA${draw(base32, 16)}\naws_secret_access_key = ${draw(base64, 40)}\n`,
  github: () => {
    const drawn = draw(base62, 30);
    return `ghp_${drawn}${githubChecksum(drawn)}`;
  },
};

export const makeFakeCredential = (kind: FakeCredentialKind): string => makers[kind]();
