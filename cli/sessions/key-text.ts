/** Secret keys as text, for paper and files (docs/sessions.md, "Keys as text"). */
import { createHash } from 'node:crypto';
import { fromBase32, normalizeTypedCode, toBase32, toCodeGroups } from '../../core/encoding/crockford-base32.ts';
import { usageError } from '../shell/command-error.ts';

/** What a key is for. The check differs, so one cannot be used in place of another. */
export type KeyKind = 'authority' | 'recovery' | 'fleet';

const seedLength = 32;
const checkLength = 3;

const startOf = (kind: KeyKind): string => `ANIMA-${kind.toUpperCase()}-`;

function checkOf(kind: KeyKind, org: string, seed: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(`anima:key-text:v1\0${kind}\0${org}\0`).update(seed).digest();
  return hash.subarray(0, checkLength);
}

/** `ANIMA-RECOVERY-` and 14 groups of four. @param seed 32 bytes */
export function formatKeyText(kind: KeyKind, org: string, seed: Uint8Array): string {
  const bytes = new Uint8Array(seedLength + checkLength);
  bytes.set(seed);
  bytes.set(checkOf(kind, org, seed), seedLength);
  const text = `${startOf(kind)}${toCodeGroups(toBase32(bytes))}`;
  bytes.fill(0);
  return text;
}

/**
 * The seed of a key text. White space, case and hyphens are ignored.
 * @throws CommandError usage, which does not quote the text
 */
export function parseKeyText(kind: KeyKind, org: string, text: string): Uint8Array<ArrayBuffer> {
  const start = normalizeTypedCode(startOf(kind));
  const typed = normalizeTypedCode(text);
  const bytes = typed.startsWith(start) ? fromBase32(typed.slice(start.length)) : undefined;
  const seed = bytes?.slice(0, seedLength);
  if (bytes?.length !== seedLength + checkLength || seed === undefined) throw wrongKey(kind);
  const isRight = checkOf(kind, org, seed).every((byte, at) => byte === bytes[seedLength + at]);
  bytes.fill(0);
  if (!isRight) throw wrongKey(kind);
  return seed;
}

const wrongKey = (kind: KeyKind) =>
  usageError(
    `That is not the ${kind} key of this organization, or it was mistyped; nothing was sent`,
    `It begins with ${startOf(kind)}, and has 14 groups of four characters.`,
  );
