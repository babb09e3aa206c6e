/** Values that a client seals before the vault gets them (docs/custody.md). */
import type { Metadata } from '../../../contract/values/wire.ts';
import type { CallSettings } from '../shared/client-options.ts';
import type { Transport } from './transport.ts';

/** One version of a value that is to be sealed. */
export interface UnsealedVersion {
  readonly name: string;
  /** The version that the write will store. */
  readonly version: number;
  readonly value: string;
  readonly metadata: Metadata;
}

/** Who must take part in opening a value, for example `approvalCustody` of `@anima/sdk/session`. */
export interface ValueCustody {
  /**
   * Seals a version. Returns what is stored instead of its value, and the metadata with the entries of the custody.
   * @internal
   */
  seal(
    unsealed: UnsealedVersion,
    transport: Transport,
    settings: CallSettings,
  ): Promise<{ readonly value: string; readonly metadata: Metadata }>;
}
