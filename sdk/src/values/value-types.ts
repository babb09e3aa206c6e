/** Options and results of calls for values. */
import type { ValueInfo } from '../../../contract/values/wire.ts';
import type { ValueCustody } from '../http/value-custody.ts';
import type { ValueOptions } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { OpenedList } from '../shared/opened-list.ts';
import type { Page } from '../shared/paginated-list.ts';

export interface SetOptions extends ValueOptions, CallOptions {
  /** Seals the value here, so that the vault alone cannot open it: `approvalCustody` of `@anima/sdk/session`. */
  custody?: ValueCustody | undefined;
}

export interface GetOptions extends CallOptions {
  /** The version to read. Default: the current one. */
  version?: number | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only if this is the current version. */
  ifVersion?: number | undefined;
  /** Deletes only this earlier version, and keeps the current version and all others. */
  version?: number | undefined;
}

export interface DestroyOptions extends CallOptions {
  /** The name of the value, as confirmation. */
  confirm: string;
}

/** A list of names and facts of values, without the values themselves. */
export type ValueList = OpenedList<ValueInfo, Page>;

export interface VersionsOptions extends CallOptions {
  /**
   * Called with each earlier version that could not be decrypted. Without it, the call rejects with
   * `decryption_failed` if there is one.
   */
  onDamaged?: ((version: number) => void) | undefined;
}

export interface ListOptions extends CallOptions {
  /**
   * Called with the name of each value that could not be decrypted. Without it, an iteration yields all other values
   * and then throws `decryption_failed` with the names.
   */
  onDamaged?: ((name: string) => void) | undefined;
  /** Prefix of the names. Default: all names. */
  prefix?: string | undefined;
  /** Items per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

/** One item of `setMany`. */
export interface SetEntry extends ValueOptions {
  name: string;
  value: string;
}
