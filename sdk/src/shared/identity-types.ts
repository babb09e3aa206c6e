/** Types of workload identity (docs/workload-identity.md). */

import type { Signal } from './signal.ts';

/** Credentials of a session of an AWS role. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/** Gets OpenID Connect tokens of a platform that this client does not know. */
export interface TokenProvider {
  /** Returns a token for an audience. Called for each login, since a token can work once. */
  getToken(audience: string, options: { readonly signal: Signal }): Promise<string>;
}

/** Gets AWS credentials, for example from a credential provider of the AWS SDK. */
export interface AwsProvider {
  getAwsCredentials(options: { readonly signal: Signal }): Promise<AwsCredentials>;
  /** Region of the endpoint of STS. Default: `AWS_REGION`, else `us-east-1`. */
  region?: string | undefined;
}

export type IdentityProvider = TokenProvider | AwsProvider;

/** Platforms whose identity this client can get by itself. */
export type IdentityName = 'github' | 'gitlab' | 'kubernetes' | 'aws';

/** A login of the client's settings. */
export interface LoginTarget {
  readonly org: string;
  readonly id: string;
  readonly identity: IdentityName | IdentityProvider | undefined;
}
