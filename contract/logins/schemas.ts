/** Request and response schemas of the routes of workload identity. */
import * as z from 'zod/mini';
import { apiKeyName, keyRestrictionFields, role, verbsOfRole } from '../api-keys/schemas.ts';
import { lazy } from '../shared/lazy.ts';
import {
  damaged,
  documentedAs,
  emptyObject,
  idParams,
  integerAtLeast,
  opaqueId,
  pageQueryFields,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { tokenAlgorithms } from './algorithms.ts';
import { loginLimits } from './limits.ts';
import type {
  AwsIdentity,
  CreateLoginRequest,
  DeleteLoginResponse,
  IssuerKey,
  ListLoginsResponse,
  LogInWithAwsRequest,
  LogInWithOidcRequest,
  LoginInfo,
  OidcIdentity,
  WorkloadLoginResponse,
} from './wire.ts';

const patternedText = (pattern: RegExp) => z.string().check(z.regex(pattern));

/** Text that stands for itself: its beginning and end are visible, and no character is a control character. */
const claimText = (maximum: number) => textOf(1, maximum).check(z.regex(/^[^\p{C}\p{Z}](?:[^\p{C}]*[^\p{C}\p{Z}])?$/u));

/** Base64url of a number or coordinate. RSA-8192 has 1,366 characters. */
const keyMember = lazy(() => z.optional(patternedText(/^[A-Za-z0-9_-]{1,1400}$/)));

const issuerKey = lazy(() =>
  schemaFor<IssuerKey>()(
    z.strictObject({
      kty: z.enum(['RSA', 'EC', 'OKP']),
      kid: textOf(1, 128),
      alg: z.optional(patternedText(/^[A-Za-z0-9-]{1,16}$/)),
      use: z.optional(z.literal('sig')),
      crv: z.optional(patternedText(/^[A-Za-z0-9-]{1,16}$/)),
      x: keyMember(),
      y: keyMember(),
      n: keyMember(),
      // An exponent of more bytes would only make verification slow.
      e: z.optional(patternedText(/^[A-Za-z0-9_-]{1,8}$/)),
    }),
  ),
);

const oidcIdentity = lazy(() =>
  schemaFor<OidcIdentity>()(
    z.strictObject({
      // http only for the local vault (contract/route-rules.ts, loginIdentity).
      issuer: patternedText(/^https?:\/\/[A-Za-z0-9.[\]:-]{1,128}(?:\/[A-Za-z0-9._~/-]{0,100})?$/),
      claims: documentedAs(
        z.record(claimText(loginLimits.claimNameLength), claimText(loginLimits.claimValueLength)).check(
          z.refine((claims) => Object.keys(claims).length >= 1, 'Invalid input: no claim'),
          z.refine((claims) => Object.keys(claims).length <= loginLimits.claims, 'Invalid input: too many claims'),
        ),
        { minProperties: 1, maxProperties: loginLimits.claims },
      ),
      algorithms: z.optional(
        z.array(z.enum(tokenAlgorithms)).check(z.minLength(1), z.maxLength(tokenAlgorithms.length)),
      ),
      singleUse: z.optional(z.boolean()),
      keys: z.optional(z.array(issuerKey()).check(z.minLength(1), z.maxLength(loginLimits.staticKeys))),
    }),
  ),
);

const awsIdentity = lazy(() =>
  schemaFor<AwsIdentity>()(
    z.strictObject({
      account: patternedText(/^[0-9]{12}$/),
      roleId: patternedText(/^AROA[A-Z0-9]{12,124}$/),
      partition: z.optional(z.enum(['aws', 'aws-cn', 'aws-us-gov'])),
    }),
  ),
);

const keySeconds = lazy(() => integerAtLeast(loginLimits.keySecondsMin).check(z.maximum(loginLimits.keySecondsMax)));

const loginFields = lazy(() => ({
  role: role(),
  name: z.optional(apiKeyName()),
  ...keyRestrictionFields(),
  oidc: z.optional(oidcIdentity()),
  aws: z.optional(awsIdentity()),
}));

/** A login. Stored records are also checked with this schema. */
export const loginInfo = lazy(() =>
  schemaFor<LoginInfo>()(
    z.strictObject({
      id: z.string(),
      ...loginFields(),
      keySeconds: keySeconds(),
      createdAt: rfc3339Time(),
      createdBy: z.string(),
    }),
  ),
);

const workloadLoginResponse = lazy(() =>
  schemaFor<WorkloadLoginResponse>()(
    z.strictObject({ id: z.string(), key: z.string(), role: role(), expiresAt: rfc3339Time() }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const loginSchemas = {
  createLogin: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateLoginRequest>()(
        documentedAs(z.strictObject({ ...loginFields(), keySeconds: z.optional(keySeconds()) }), {
          anyOf: verbsOfRole(),
        }),
      ),
    response: loginInfo,
  },
  listLogins: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListLoginsResponse>()(
        z.strictObject({ logins: z.array(loginInfo()), damaged: damaged(), cursor: z.optional(z.string()) }),
      ),
  },
  deleteLogin: {
    params: idParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<DeleteLoginResponse>()(z.strictObject({ id: z.string(), endedAt: rfc3339Time() })),
  },
  logInWithOidc: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<LogInWithOidcRequest>()(
        z.strictObject({
          org: opaqueId(),
          login: opaqueId(),
          token: z
            .string()
            .check(z.maxLength(loginLimits.tokenLength), z.regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/)),
        }),
      ),
    response: workloadLoginResponse,
  },
  logInWithAws: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<LogInWithAwsRequest>()(
        z.strictObject({
          org: opaqueId(),
          login: opaqueId(),
          audience: patternedText(/^https?:\/\/[\x21-\x7e]{1,256}$/),
          region: patternedText(/^[a-z]{2}(?:-[a-z]{2,12}){1,3}-[0-9]$/),
          accessKeyId: patternedText(/^ASIA[A-Z0-9]{12,124}$/),
          securityToken: patternedText(/^[A-Za-z0-9+/=]{16,8192}$/),
          date: patternedText(/^[0-9]{8}T[0-9]{6}Z$/),
          nonce: patternedText(/^[A-Za-z0-9_-]{22,64}$/),
          signature: patternedText(/^[0-9a-f]{64}$/),
        }),
      ),
    response: workloadLoginResponse,
  },
} as const;
