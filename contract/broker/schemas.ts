/** Request and response schemas of the broker's route. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import {
  base64Of,
  documentedAs,
  emptyObject,
  opaqueId,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import { fetchLimits as limits } from './limits.ts';
import { useMethods } from './usage-rules.ts';
import type { FetchAuth, FetchRequest, FetchResponse, PendingFetch } from './wire.ts';

const entries = lazy(() =>
  documentedAs(
    z
      .record(textOf(1, limits.entryNameLength), textOf(0, limits.entryValueLength))
      .check(
        z.refine(
          (all) => Object.keys(all).length <= limits.entries,
          `Too big: expected at most ${limits.entries} entries`,
        ),
      ),
    { maxProperties: limits.entries },
  ),
);

const text = () => textOf(1, limits.credentialLength);
const integerIn = (minimum: number, maximum: number) => z.int().check(z.minimum(minimum), z.maximum(maximum));
const url = () => textOf(1, limits.urlLength);
const clientAuth = () => z.optional(z.enum(['basic', 'body']));

const auth = lazy(() =>
  schemaFor<FetchAuth>()(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('basic'), user: textOf(0, limits.credentialLength), password: text() }),
      z.strictObject({
        type: z.literal('hmac'),
        scheme: z.enum(['stripe', 'slack', 'github']),
        secret: text(),
      }),
      z.strictObject({
        type: z.literal('aws-sigv4'),
        accessKeyId: text(),
        secretAccessKey: text(),
        sessionToken: z.optional(text()),
        region: z.string().check(z.regex(/^[a-z0-9-]{1,32}$/)),
        service: z.string().check(z.regex(/^[a-z0-9-]{1,64}$/)),
      }),
      z.strictObject({
        type: z.literal('totp'),
        secret: text(),
        in: z.enum(['header', 'query', 'form']),
        name: textOf(1, limits.entryNameLength),
        digits: z.optional(z.union([z.literal(6), z.literal(8)])),
        period: z.optional(integerIn(15, 120)),
        algorithm: z.optional(z.enum(['SHA1', 'SHA256', 'SHA512'])),
      }),
      z.strictObject({
        type: z.literal('oauth2-client-credentials'),
        tokenUrl: url(),
        clientId: text(),
        clientSecret: text(),
        scope: z.optional(text()),
        clientAuth: clientAuth(),
      }),
      z.strictObject({
        type: z.literal('oauth2-refresh-token'),
        tokenUrl: url(),
        clientId: text(),
        refreshToken: text(),
        clientSecret: z.optional(text()),
        clientAuth: clientAuth(),
        rotates: z.optional(z.boolean()),
        graceSeconds: z.optional(integerIn(0, limits.graceSeconds)),
      }),
      z.strictObject({
        type: z.literal('jwt-assertion'),
        serviceAccount: text(),
        scope: text(),
        subject: z.optional(text()),
      }),
    ]),
  ),
);

const reason = () => z.optional(textOf(0, limits.reasonLength));

/** Id and handle come together, from an answer with status 202. */
const approval = lazy(() =>
  z.union([
    z.strictObject({ reason: reason() }),
    z.strictObject({
      reason: reason(),
      id: opaqueId(),
      handle: z.string().check(z.regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)),
      run: z.optional(opaqueId()),
    }),
  ]),
);

const answered = lazy(() =>
  schemaFor<FetchResponse>()(
    z.strictObject({
      status: z.int(),
      statusText: z.string(),
      headers: z.record(z.string(), z.string()),
      redirectHost: z.optional(z.string()),
      body: z.optional(z.string()),
      bodyOmitted: z.optional(z.enum(['redirect', 'compressed', 'binary'])),
      truncated: z.optional(z.boolean()),
    }),
  ),
);

const pending = lazy(() =>
  schemaFor<PendingFetch>()(
    z.strictObject({
      approval: z.strictObject({
        id: z.string(),
        handle: z.optional(z.string()),
        run: z.optional(z.string()),
        state: z.literal('asked'),
        devices: z.int(),
        expiresAt: rfc3339Time(),
        retryAfterSeconds: z.int(),
      }),
    }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const brokerSchemas = {
  fetch: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<FetchRequest>()(
        z.strictObject({
          url: url(),
          method: z.optional(z.enum(useMethods)),
          headers: z.optional(entries()),
          query: z.optional(entries()),
          body: z.optional(textOf(0, limits.bodyLength)),
          json: z.optional(z.unknown()),
          form: z.optional(entries()),
          bodyBase64: z.optional(base64Of(limits.bodyBytes)),
          auth: z.optional(auth()),
          timeoutMs: z.optional(integerIn(limits.timeoutMsMin, limits.timeoutMs)),
          maxResponseBytes: z.optional(integerIn(1, limits.responseBytesMax)),
          approval: z.optional(approval()),
        }),
      ),
    /** Status 200, then status 202. */
    response: () => z.union([answered(), pending()]),
  },
} as const;
