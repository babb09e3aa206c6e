/** JSON of the routes of rotation. */

/** A rotation of the DEK. `draining`: everything is re-encrypted, the old versions wait for slow functions to end. */
export interface Rotation {
  /** Counts the rotations of the organization. */
  id: number;
  state: 'running' | 'draining' | 'done';
  /** Version that seals since then. */
  to: number;
  startedAt: string;
  finishedAt?: string | undefined;
  /** Values looked at so far, and values there were when it began. */
  counted: number;
  total: number;
  /** Values re-encrypted so far. */
  reencrypted: number;
  /**
   * Values that can't be opened, hence not re-encrypted. While there are any, the DEKs that they may need stay in draining
   * and the rotation does not end; delete them or put them back in order, then rotate again.
   */
  damaged: number;
}

export interface RotationResponse {
  /** The latest one; absent when there was none. */
  rotation?: Rotation | undefined;
}
