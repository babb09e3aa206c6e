/** Types of the key of a person (docs/custody.md, "approval"). */

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
  /** Approving devices of the person. */
  readonly devices: readonly PersonKeyDevice[];
}
