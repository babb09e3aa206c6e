/** Options of calls for API keys. */
import type { Role } from '../../../contract/shared/roles.ts';
import type { Verb } from '../../../contract/shared/verbs.ts';
import type { ExpiryOptions } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';

export interface CreateKeyOptions extends ExpiryOptions, CallOptions {
  /** The key's role, which bounds its permissions. */
  role: Role;
  /** Label for people: the purpose of the key. */
  name?: string | undefined;
  /**
   * Names the key may access. An entry that ends in a slash covers all names below it; any other entry covers exactly
   * that name. Default: all names, except that only admin keys may access names under `channels/`.
   */
  prefixes?: readonly string[] | undefined;
  /** Verbs the key may use, a subset of its role's verbs. Default: all of them. */
  verbs?: readonly Verb[] | undefined;
}

export interface ListKeysOptions extends CallOptions {
  /** Keys per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

export interface RotateKeyOptions extends CallOptions {
  /**
   * Seconds for which the old key keeps working, up to one week. Default: one day. At least 60 if the key rotates
   * itself.
   */
  overlapSeconds?: number | undefined;
}
