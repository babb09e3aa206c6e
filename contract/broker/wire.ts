/** JSON types of the broker's route (docs/broker.md). */
import type { upstreamClasses } from './limits.ts';
import type { UseMethod } from './usage-rules.ts';

/** `Authorization: Basic …`. Both texts may contain placeholders. */
export interface BasicAuth {
  type: 'basic';
  user: string;
  password: string;
}

/** A signature of the body like that of a provider's webhooks. `secret` is a reference. */
export interface HmacAuth {
  type: 'hmac';
  scheme: 'stripe' | 'slack' | 'github';
  secret: string;
}

/** AWS Signature Version 4. Keys and token are references. */
export interface AwsAuth {
  type: 'aws-sigv4';
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  region: string;
  service: string;
}

/** A time-based code (RFC 6238). `secret` is a reference to base32. */
export interface TotpAuth {
  type: 'totp';
  secret: string;
  in: 'header' | 'query' | 'form';
  name: string;
  digits?: 6 | 8 | undefined;
  /** Seconds, 15 to 120. */
  period?: number | undefined;
  algorithm?: 'SHA1' | 'SHA256' | 'SHA512' | undefined;
}

/** Client credentials (RFC 6749 section 4.4). */
export interface ClientCredentialsAuth {
  type: 'oauth2-client-credentials';
  tokenUrl: string;
  /** May contain placeholders. */
  clientId: string;
  clientSecret: string;
  scope?: string | undefined;
  clientAuth?: 'basic' | 'body' | undefined;
}

/** A refresh token that the broker keeps current (RFC 6749 section 6; docs/broker.md, section 5). */
export interface RefreshTokenAuth {
  type: 'oauth2-refresh-token';
  tokenUrl: string;
  /** May contain placeholders. */
  clientId: string;
  /** A reference without a version. */
  refreshToken: string;
  clientSecret?: string | undefined;
  clientAuth?: 'basic' | 'body' | undefined;
  /** Whether the provider ends a refresh token with its use. Default: true. */
  rotates?: boolean | undefined;
  /** Seconds for which the provider accepts a used refresh token. Default: 0. */
  graceSeconds?: number | undefined;
}

/** A JWT assertion of a Google service account (RFC 7523 section 2.1). `serviceAccount` is a reference to its JSON key. */
export interface JwtAuth {
  type: 'jwt-assertion';
  serviceAccount: string;
  scope: string;
  subject?: string | undefined;
}

export type FetchAuth = BasicAuth | HmacAuth | AwsAuth | TotpAuth | ClientCredentialsAuth | RefreshTokenAuth | JwtAuth;

/** How a use is approved (docs/approvals.md, section 3): first the reason, then what the answer with status 202 said. */
export interface AskingApproval {
  /** Shown to the person as what the agent says. Repeat it with the handle. */
  reason?: string | undefined;
}

export interface AskedApproval extends AskingApproval {
  id: string;
  /** 32 bytes in base64url without padding. */
  handle: string;
  /** For approvals of a run. */
  run?: string | undefined;
}

export interface FetchRequest {
  url: string;
  method?: UseMethod | undefined;
  headers?: Record<string, string> | undefined;
  query?: Record<string, string> | undefined;
  body?: string | undefined;
  json?: unknown;
  form?: Record<string, string> | undefined;
  bodyBase64?: string | undefined;
  auth?: FetchAuth | undefined;
  timeoutMs?: number | undefined;
  maxResponseBytes?: number | undefined;
  approval?: AskingApproval | AskedApproval | undefined;
}

/** The class of an HTTP status. */
export type UpstreamClass = (typeof upstreamClasses)[number];

/** The answer with status 202: nothing was sent, and a person is asked. */
export interface PendingFetch {
  approval: {
    id: string;
    /** Only in the answer that asked. */
    handle?: string | undefined;
    run?: string | undefined;
    state: 'asked';
    /** Number of devices that got the question. */
    devices: number;
    expiresAt: string;
    /** When to send the same request again. */
    retryAfterSeconds: number;
  };
}

export interface FetchResponse {
  /** HTTP status of the host. */
  status: number;
  statusText: string;
  /** Selected headers by lower-case name. */
  headers: Record<string, string>;
  /** Host of a redirect, which was not followed. */
  redirectHost?: string | undefined;
  /** The body, if it is UTF-8 text. */
  body?: string | undefined;
  /** Why the body is not returned. */
  bodyOmitted?: 'redirect' | 'compressed' | 'binary' | undefined;
  /** Whether the body was longer than `maxResponseBytes`. */
  truncated?: boolean | undefined;
}
