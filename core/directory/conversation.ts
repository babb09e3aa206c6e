/** The statement that opens or changes a conversation (docs/format-directory.md, section 7). */
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../encoding/field-reader.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { type Ed25519KeyPair, ed25519SignatureLength, signEd25519, verifyEd25519 } from '../hazmat/ed25519.ts';
import { conversationIdOf, hashLength, isHashId, isOpaqueName } from './directory-ids.ts';
import type { DirectoryHead, DirectoryState } from './directory-state.ts';
import { parseHashId, parsePerson } from './entry-bodies.ts';
import { maxParticipants } from './limits.ts';
import { encodeTextList, parseTextList } from './lists.ts';
import { isReplay } from './seen.ts';

export interface ConversationFacts {
  /** Person who opened the conversation. */
  readonly host: string;
  /** 16 random bytes, the same in every version. */
  readonly nonce: Bytes;
  /** 1, 2, 3 … */
  readonly version: number;
  /** Persons whose owner's devices take part. */
  readonly persons: readonly string[];
  /** Agents and brokers that take part. */
  readonly agents: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Head of the directory at the first signer. */
  readonly head: DirectoryHead;
}

export interface Conversation extends ConversationFacts {
  readonly org: string;
  readonly id: string;
  /** Hash of the statement. */
  readonly hash: Bytes;
  /** Owner's devices that signed, the one of the host first. Their persons vouch for their agents. */
  readonly signers: readonly string[];
}

const label = 'anima:conversation:v1';
const statementFields = 10;
const nonceLength = 16;

/** The bytes that every signer signs. */
export function encodeConversation(org: string, facts: ConversationFacts): Bytes {
  const { host, nonce, version, persons, agents, time, head } = facts;
  const participants = [encodeTextList(persons), encodeTextList(agents)] as const;
  const place = [u64Bytes(time), u64Bytes(head.seq), head.hash] as const;
  return encodeFieldBytes(label, org, host, nonce, u32Bytes(version), ...participants, ...place);
}

/** The signature of one owner's device over a statement. */
export const signConversation = (statement: Uint8Array, ik: Ed25519KeyPair): Bytes => signEd25519(ik.seed, statement);

/** Joins a statement and its signatures. @param signatures that of a device of the host first */
export const joinConversation = (
  statement: Uint8Array,
  signatures: readonly { readonly device: string; readonly signature: Uint8Array }[],
): Bytes => encodeFieldBytes(statement, ...signatures.flatMap(({ device, signature }) => [device, signature]));

/**
 * Parses a statement, and verifies its signatures by the keys in the state. Whether it counts depends on the state at
 * the time of use: see `mayWrite`.
 */
export function readConversation(state: DirectoryState, signed: Uint8Array): Conversation | undefined {
  const [statement, ...signatures] = decodeFieldBytes(signed) ?? [];
  const facts = statement && parseStatement(state.org, statement);
  if (statement === undefined || facts === undefined) return undefined;
  const signers = verifySigners(state, facts, statement, signatures);
  if (signers === undefined) return undefined;
  const id = conversationIdOf(state.org, facts.host, facts.nonce);
  return { ...facts, org: state.org, id, hash: blake2b256(statement), signers };
}

/** Parses a statement without its signatures; undefined for any other form. Nothing of it is verified. */
export function parseStatement(org: string, statement: Bytes): ConversationFacts | undefined {
  const fields = decodeFieldBytes(statement);
  if (fields?.length !== statementFields || decodeTextField(fields[0]) !== label) return undefined;
  const [host, nonce, version] = [
    parsePerson(fields[2]),
    fieldOfLength(fields[3], nonceLength),
    decodeU32Field(fields[4]),
  ];
  const persons = parseTextList(fields[5], maxParticipants, isOpaqueName);
  const agents = parseTextList(fields[6], maxParticipants, isHashId);
  const [time, seq, hash] = [
    decodeU64Field(fields[7]),
    decodeU64Field(fields[8]),
    fieldOfLength(fields[9], hashLength),
  ];
  if (decodeTextField(fields[1]) !== org || host === undefined || nonce === undefined) return undefined;
  if (version === undefined || version === 0 || persons?.includes(host) !== true || agents === undefined)
    return undefined;
  if (time === undefined || seq === undefined || hash === undefined) return undefined;
  return { host, nonce, version, persons, agents, time, head: { seq, hash } };
}

function verifySigners(
  { devices }: DirectoryState,
  { host, persons }: ConversationFacts,
  statement: Bytes,
  pairs: readonly Bytes[],
): readonly string[] | undefined {
  if (pairs.length === 0 || pairs.length % 2 !== 0 || pairs.length > 2 * maxParticipants) return undefined;
  const signers: string[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const device = devices.get(parseHashId(pairs[at]) ?? '');
    const signature = fieldOfLength(pairs[at + 1], ed25519SignatureLength);
    if (device?.role !== 'owner' || signature === undefined || signers.includes(device.id)) return undefined;
    if (!persons.includes(device.person) || (at === 0 && device.person !== host)) return undefined;
    if (!verifyEd25519(device.ik, statement, signature)) return undefined;
    signers.push(device.id);
  }
  return signers;
}

/**
 * Whether a statement replaces the one that the reader has. A lower version, and another statement with the same
 * version, are refused.
 */
export const replacesConversation = (last: Conversation | undefined, next: Conversation): boolean =>
  last === undefined ||
  (last.id === next.id &&
    !isReplay({ number: last.version, hash: last.hash }, { number: next.version, hash: next.hash }));
