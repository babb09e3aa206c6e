/** Types of the key of a person (docs/custody.md, "approval"). */
import type { CallOptions } from '../../shared/client-options.ts';

export interface PersonKeyDevice {
  readonly device: string;
  /** Whether it has the secret, and so can answer for values of custody `approval`. */
  readonly hasKey: boolean;
  readonly isThis: boolean;
}

/** The key to which values of custody `approval` are sealed for this person. */
export interface PersonKeyInfo {
  /** Grows whenever the key is replaced. */
  readonly epoch: number;
  /** Grows with every statement about it. */
  readonly edition: number;
  /**
   * Whether values can be sealed to it now. Otherwise a device that has, or could have, the secret does not approve any
   * more, and the key must be replaced: `rotate`.
   */
  readonly isCurrent: boolean;
  /** Whether a recovery code opens the key. Nothing says whether somebody still has the code. */
  readonly hasRecovery: boolean;
  /** Approving devices of the person. */
  readonly devices: readonly PersonKeyDevice[];
}

/**
 * A recovery code that was just made. It is nowhere else: show it once, or print `personKeyRecoveryPage`, and then forget it.
 */
export interface PersonKeyRecovery {
  /** 8 groups of 4 characters. Who has it, and the statement that the service keeps, has the key of the person. */
  readonly code: string;
  readonly org: string;
  readonly person: string;
  /** The epoch of the key that it opens, with all earlier ones. */
  readonly epoch: number;
  readonly createdAt: Date;
}

export interface RecoverPersonKeyOptions extends CallOptions {
  /** The recovery code as a person typed it. */
  readonly code: string;
}
