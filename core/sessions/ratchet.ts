/**
 * The Double Ratchet (docs/format-sessions.md, section 3). Pure functions: a decryption that fails leaves no trace,
 * because the new state exists only after the tag was verified (Double Ratchet section 3.5).
 */
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { type RandomSource, randomBytes } from '../hazmat/portable-aes-gcm.ts';
import { x25519KeyLength, x25519PublicKey, x25519SharedSecret } from '../hazmat/x25519.ts';
import { openXChaCha, sealXChaCha, xchachaNonceLength } from '../hazmat/xchacha20-poly1305.ts';
import { deriveAeadKey, deriveChainStep, deriveRootStep } from './key-derivation.ts';
import { maxSkippedPerChain } from './limits.ts';
import { encodeRatchetHeader, type Frame, type RatchetHeader } from './message-frame.ts';
import {
  type ChainKey,
  eraseSecrets,
  findChain,
  limitSkippedKeys,
  type RatchetState,
  type ReceivingChain,
  type SkippedKey,
  secretsOf,
} from './ratchet-state.ts';

/**
 * RatchetEncrypt (Double Ratchet section 3.4).
 * @param prefix bytes of the message before the header of the ratchet
 */
export function encryptMessage(
  state: RatchetState,
  associatedData: Uint8Array,
  prefix: Uint8Array,
  plaintext: Uint8Array,
  random: RandomSource = randomBytes,
): { readonly state: RatchetState; readonly bytes: Bytes } {
  const { own, sending, ...rest } = state;
  const current = own !== undefined && sending !== undefined ? { ...rest, own, sending } : beginChain(state, random);
  const { messageKey, chainKey } = deriveChainStep(current.sending.key);
  const ratchet = { dh: current.own.key, pn: current.previousCount, n: current.sending.next };
  const header = concatBytes(prefix, encodeRatchetHeader(ratchet));
  const nonce = random(xchachaNonceLength);
  const key = deriveAeadKey(messageKey);
  const ciphertext = sealXChaCha(key, nonce, concatBytes(associatedData, header), plaintext);
  for (const used of [messageKey, key]) used.fill(0);
  return {
    state: { ...current, sending: { key: chainKey, next: ratchet.n + 1 } },
    bytes: concatBytes(header, nonce, ciphertext),
  };
}

/** The second half of DHRatchet (section 3.5), when it is needed (section 6.5). */
function beginChain(state: RatchetState, random: RandomSource) {
  if (state.peerKey === undefined) throw new RangeError('the peer has no ratchet key yet');
  const secret = toNonSharedBytes(random(x25519KeyLength));
  const { rootKey, chainKey } = stepRoot(state.rootKey, secret, state.peerKey);
  const own = { secret, key: x25519PublicKey(secret) };
  return { ...state, rootKey, own, sending: { key: chainKey, next: 0 } };
}

function stepRoot(rootKey: Uint8Array, secret: Uint8Array, key: Uint8Array): { rootKey: Bytes; chainKey: Bytes } {
  const shared = x25519SharedSecret(secret, key);
  const step = deriveRootStep(rootKey, shared);
  shared.fill(0);
  return step;
}

/**
 * RatchetDecrypt (Double Ratchet section 3.5).
 * @param now milliseconds since 1970, the age of skipped keys
 * @throws DecryptionError for every cause
 */
export function decryptMessage(
  state: RatchetState,
  associatedData: Uint8Array,
  frame: Frame,
  now: number,
): { readonly state: RatchetState; readonly plaintext: Bytes } {
  const { next, messageKey } = advance(limitSkippedKeys(state, now), frame, now);
  const key = deriveAeadKey(messageKey);
  try {
    const plaintext = openXChaCha(key, frame.nonce, concatBytes(associatedData, frame.header), frame.ciphertext);
    return { state: limitSkippedKeys(next, now), plaintext };
  } catch {
    eraseSecrets(secretsOf(next), secretsOf(state));
    throw new DecryptionError();
  } finally {
    for (const used of [messageKey, key]) used.fill(0);
  }
}

interface Advanced {
  readonly next: RatchetState;
  /** A copy, which the caller zeroes. */
  readonly messageKey: Bytes;
}

function advance(state: RatchetState, header: RatchetHeader, now: number): Advanced {
  const known = findChain(state, header.dh);
  if (known !== undefined) return advanceChain(state, known, header.n, now);
  const turned = turnRatchet(state, header, now);
  const [newest] = turned.chains;
  if (newest === undefined) throw new DecryptionError();
  return advanceChain(turned, newest, header.n, now);
}

/** TrySkippedMessageKeys, SkipMessageKeys and the step of the receiving chain (section 3.5). */
function advanceChain(state: RatchetState, current: ReceivingChain, n: number, now: number): Advanced {
  const skipped = current.skipped.find((one) => one.n === n);
  const withChain = (changed: ReceivingChain): RatchetState => ({
    ...state,
    chains: state.chains.map((chain) => (chain === current ? changed : chain)),
  });
  if (skipped !== undefined) {
    const left = current.skipped.filter((one) => one !== skipped);
    return { next: withChain({ ...current, skipped: left }), messageKey: new Uint8Array(skipped.key) };
  }
  if (current.chain === undefined || n < current.chain.next) throw new DecryptionError();
  const { keys, chain } = skipKeys(current.chain, n, now);
  const { messageKey, chainKey } = deriveChainStep(chain.key);
  eraseSecrets([chain.key], [current.chain.key]);
  const moved = { ...current, skipped: [...current.skipped, ...keys], chain: { key: chainKey, next: n + 1 } };
  return { next: withChain(moved), messageKey };
}

/** The keys of the messages before `until`. @throws DecryptionError if there are too many */
function skipKeys(from: ChainKey, until: number, now: number): { keys: SkippedKey[]; chain: ChainKey } {
  if (until - from.next > maxSkippedPerChain) throw new DecryptionError();
  const keys: SkippedKey[] = [];
  let chain = from;
  while (chain.next < until) {
    const { messageKey, chainKey } = deriveChainStep(chain.key);
    keys.push({ n: chain.next, time: now, key: messageKey });
    eraseSecrets([chain.key], [from.key]);
    chain = { key: chainKey, next: chain.next + 1 };
  }
  return { keys, chain };
}

/** The first half of DHRatchet (section 3.5). The own key pair has done its work and is deleted. */
function turnRatchet(state: RatchetState, header: RatchetHeader, now: number): RatchetState {
  if (state.own === undefined) throw new DecryptionError();
  // The header is a view of the message.
  const dh = new Uint8Array(header.dh);
  const closed = state.chains.map((chain) => closeChain(chain, header.pn, now));
  let step: { rootKey: Bytes; chainKey: Bytes };
  try {
    step = stepRoot(state.rootKey, state.own.secret, dh);
  } catch {
    throw new DecryptionError();
  }
  return {
    rootKey: step.rootKey,
    own: undefined,
    sending: undefined,
    previousCount: state.sending?.next ?? 0,
    peerKey: dh,
    chains: [{ dh, chain: { key: step.chainKey, next: 0 }, skipped: [] }, ...closed],
  };
}

/** Keeps the keys of the messages that are still to come, and deletes the key of the chain. */
function closeChain(current: ReceivingChain, pn: number, now: number): ReceivingChain {
  if (current.chain === undefined) return current;
  const { keys, chain } = skipKeys(current.chain, pn, now);
  eraseSecrets([chain.key], [current.chain.key]);
  return { ...current, chain: undefined, skipped: [...current.skipped, ...keys] };
}
