import type { AwsIdentity, ListLoginsResponse, LoginInfo, OidcIdentity } from '../../../contract/logins/wire.ts';
import type { CreateKeyOptions } from '../api-keys/key-types.ts';
import type { CallOptions } from '../shared/client-options.ts';
import type { List } from '../shared/paginated-list.ts';

export interface CreateLoginOptions extends CreateKeyOptions {
  /** The OpenID Connect tokens that may log in. Give exactly one of `oidc` and `aws`. */
  oidc?: OidcIdentity | undefined;
  /** The AWS role that may log in. */
  aws?: AwsIdentity | undefined;
  /** Lifetime of the keys that the login gives, seconds: 60 to 3,600. Default: 900. */
  keySeconds?: number | undefined;
}

export interface ListLoginsOptions extends CallOptions {
  /** Logins per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

export type LoginList = List<LoginInfo, ListLoginsResponse>;
