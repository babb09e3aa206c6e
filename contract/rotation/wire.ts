/** JSON types of the rotation routes. */

/**
 * A rotation of the DEK. `draining`: everything is re-encrypted, and the old versions are kept until running functions
 * have ended.
 */
export interface Rotation {
  /** Sequence number of the rotation within the organization. */
  id: number;
  state: 'running' | 'draining' | 'done';
  /** DEK version that seals new values since the rotation started. */
  to: number;
  startedAt: string;
  finishedAt?: string | undefined;
  /** Number of values examined so far, and number of values when the rotation started. */
  counted: number;
  total: number;
  /** Number of values re-encrypted so far. */
  reencrypted: number;
  /**
   * Number of values that cannot be decrypted and are therefore not re-encrypted. While there are any, the DEKs that
   * they may need stay in `draining` and the rotation does not finish. Delete or repair these values, then rotate
   * again.
   */
  damaged: number;
}

export interface RotationResponse {
  /** The latest rotation; absent when there was none. */
  rotation?: Rotation | undefined;
}
