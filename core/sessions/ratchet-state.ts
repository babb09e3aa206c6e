/** The state of a Double Ratchet (docs/format-sessions.md, section 3). No function changes a state that it is given. */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { type X25519KeyPair, x25519PublicKey } from '../hazmat/x25519.ts';
import { maxReceivingChains, maxSkippedKeyAge, maxSkippedPerChain, maxSkippedPerSession } from './limits.ts';

/** A key of a chain, and the number of the message that it leads to. */
export interface ChainKey {
  readonly key: Bytes;
  readonly next: number;
}

/** A message key that was skipped. */
export interface SkippedKey {
  readonly n: number;
  /** When it was skipped, in milliseconds since 1970. */
  readonly time: number;
  readonly key: Bytes;
}

/** A chain of the peer. Only the newest one has a key. */
export interface ReceivingChain {
  /** Ratchet key of the peer. */
  readonly dh: Bytes;
  readonly chain: ChainKey | undefined;
  /** In ascending order. */
  readonly skipped: readonly SkippedKey[];
}

export interface RatchetState {
  readonly rootKey: Bytes;
  /**
   * The own ratchet key pair. It is deleted when the peer has answered to it; the next one is made for the next message
   * (Double Ratchet section 6.5).
   */
  readonly own: X25519KeyPair | undefined;
  readonly sending: ChainKey | undefined;
  /** Number of messages in the previous sending chain. */
  readonly previousCount: number;
  /** The key for the next sending chain: the newest ratchet key of the peer, or its signed prekey. */
  readonly peerKey: Bytes | undefined;
  /** Newest first. */
  readonly chains: readonly ReceivingChain[];
}

/** RatchetInitAlice (Double Ratchet section 3.3); the first sending chain is made with the first message. */
export const initiatorState = (sharedKey: Bytes, spkKey: Bytes): RatchetState => ({
  rootKey: sharedKey,
  own: undefined,
  sending: undefined,
  previousCount: 0,
  peerKey: spkKey,
  chains: [],
});

/** RatchetInitBob (Double Ratchet section 3.3). */
export const responderState = (sharedKey: Bytes, spkSecret: Bytes): RatchetState => ({
  rootKey: sharedKey,
  own: { secret: spkSecret, key: x25519PublicKey(spkSecret) },
  sending: undefined,
  previousCount: 0,
  peerKey: undefined,
  chains: [],
});

export const findChain = (state: RatchetState, dh: Uint8Array): ReceivingChain | undefined =>
  state.chains.find((chain) => equalBytes(chain.dh, dh));

/** The state without skipped keys that are too old or too many: the oldest go first. */
export function limitSkippedKeys(state: RatchetState, now: number): RatchetState {
  const young = state.chains.map((chain) => ({
    ...chain,
    skipped: chain.skipped.filter(({ time }) => now - time < maxSkippedKeyAge),
  }));
  const used = young.filter(({ chain, skipped }) => chain !== undefined || skipped.length > 0);
  let left = maxSkippedPerSession;
  const chains = used.slice(0, maxReceivingChains).map((chain) => {
    const { length } = chain.skipped;
    const skipped = chain.skipped.slice(length - Math.min(length, left, maxSkippedPerChain));
    left -= skipped.length;
    return { ...chain, skipped };
  });
  return { ...state, chains };
}

/** All secret bytes of a state. */
export const secretsOf = ({ rootKey, own, sending, chains }: RatchetState): readonly Bytes[] => [
  rootKey,
  ...(own === undefined ? [] : [own.secret]),
  ...(sending === undefined ? [] : [sending.key]),
  ...chains.flatMap(({ chain, skipped }) => [
    ...(chain === undefined ? [] : [chain.key]),
    ...skipped.map(({ key }) => key),
  ]),
];

/** Zeroes the secrets that are not kept. States share the arrays of the secrets that did not change. */
export function eraseSecrets(secrets: readonly Bytes[], kept: readonly Bytes[]): void {
  const keep = new Set(kept);
  for (const secret of secrets) if (!keep.has(secret)) secret.fill(0);
}
