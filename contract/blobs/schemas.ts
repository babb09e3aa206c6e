/** Request and response schemas of the routes of blobs and links. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { writeIdPattern } from '../shared/name-patterns.ts';
import {
  damaged,
  documentedAs,
  emptyObject,
  idParams,
  idText,
  integerAtLeast,
  pageQueryFields,
  rfc3339Time,
  schemaFor,
} from '../shared/schema-parts.ts';
import type {
  BlobInfo,
  BurnLinkRequest,
  BurnLinkResponse,
  CompleteBlobRequest,
  CompleteBlobResponse,
  CreateBlobRequest,
  CreateBlobResponse,
  DeleteBlobResponse,
  GrantPartsRequest,
  GrantPartsResponse,
  ListBlobsResponse,
  ListPartsResponse,
  LookAtLinkResponse,
  OpenLinkRequest,
  OpenLinkResponse,
  RelinkBlobResponse,
} from './wire.ts';

const integerBetween = (minimum: number, maximum: number) => integerAtLeast(minimum).check(z.maximum(maximum));

/** 32 bytes in base64, canonical spelling only. */
const bytes32 = lazy(() => z.string().check(z.regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/)));

const checksum = lazy(() => z.string().check(z.regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?:-[1-9][0-9]{0,4})?$/)));

/** Any string, like ids: a malformed link is reported as not found. */
const linkParams = lazy(() => z.strictObject({ link: idText() }));

const linkFields = lazy(() => ({ link: z.string(), url: z.string() }));

const partNumber = lazy(() => integerBetween(1, 10_000));

const blobInfoFields = lazy(() => ({
  id: z.string(),
  state: z.enum(['uploading', 'ready', 'spent', 'burned', 'expired', 'deleted']),
  size: z.optional(integerAtLeast(0)),
  createdAt: rfc3339Time(),
  completedAt: z.optional(rfc3339Time()),
  expiresAt: z.optional(rfc3339Time()),
  openings: integerAtLeast(0),
  maxOpens: z.optional(integerAtLeast(1)),
  burn: z.boolean(),
}));

const blobInfo = lazy(() => schemaFor<BlobInfo>()(z.strictObject(blobInfoFields())));

const linkInfoFields = lazy(() => ({
  size: integerAtLeast(0),
  createdAt: rfc3339Time(),
  expiresAt: z.optional(rfc3339Time()),
  openingsLeft: z.optional(integerAtLeast(0)),
  burn: z.boolean(),
}));

const burnLinkRequest = lazy(() => schemaFor<BurnLinkRequest>()(z.strictObject({ proof: bytes32() })));

const openLinkRequest = lazy(() =>
  schemaFor<OpenLinkRequest>()(
    z.strictObject({ proof: bytes32(), opening: z.optional(z.string().check(z.regex(writeIdPattern))) }),
  ),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const blobSchemas = {
  createBlob: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<CreateBlobRequest>()(
        documentedAs(
          z.strictObject({
            // A larger blob is refused with `blob_too_large`.
            size: z.optional(documentedAs(integerAtLeast(1), { maximum: limits.blobBytes })),
            expiresIn: z.optional(integerBetween(1, limits.blobExpiryMax)),
            maxOpens: z.optional(integerBetween(1, limits.blobOpeningsMax)),
            burn: z.optional(z.boolean()),
          }),
          {
            // A blob that is read once has one opening.
            anyOf: [{ properties: { burn: { const: false } } }, { properties: { maxOpens: { const: 1 } } }],
          },
        ),
      ),
    response: () =>
      schemaFor<CreateBlobResponse>()(
        z.strictObject({
          id: z.string(),
          ...linkFields(),
          upload: z.discriminatedUnion('kind', [
            z.strictObject({
              kind: z.literal('form'),
              url: z.string(),
              fields: z.record(z.string(), z.string()),
              expiresAt: rfc3339Time(),
            }),
            z.strictObject({ kind: z.literal('parts'), chunks: integerAtLeast(1) }),
          ]),
          uploadUntil: rfc3339Time(),
        }),
      ),
  },
  listBlobs: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListBlobsResponse>()(
        z.strictObject({ blobs: z.array(blobInfo()), damaged: damaged(), cursor: z.optional(z.string()) }),
      ),
  },
  getBlob: { params: idParams, query: emptyObject, body: undefined, response: blobInfo },
  deleteBlob: {
    params: idParams,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<DeleteBlobResponse>()(z.strictObject({ deleted: z.boolean(), damaged: z.optional(z.boolean()) })),
  },
  listParts: {
    params: idParams,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListPartsResponse>()(
        z.strictObject({
          parts: z.array(z.strictObject({ number: partNumber(), size: integerAtLeast(0), checksum: z.string() })),
          cursor: z.optional(z.string()),
        }),
      ),
  },
  grantParts: {
    params: idParams,
    query: emptyObject,
    body: () =>
      schemaFor<GrantPartsRequest>()(
        z.strictObject({
          parts: z
            .array(z.strictObject({ number: partNumber(), size: integerAtLeast(1), checksum: bytes32() }))
            .check(z.minLength(1), z.maxLength(limits.blobPartsPresigned)),
        }),
      ),
    response: () =>
      schemaFor<GrantPartsResponse>()(
        z.strictObject({
          parts: z.array(
            z.strictObject({ number: partNumber(), url: z.string(), headers: z.record(z.string(), z.string()) }),
          ),
          expiresAt: rfc3339Time(),
        }),
      ),
  },
  completeBlob: {
    params: idParams,
    query: emptyObject,
    body: () =>
      schemaFor<CompleteBlobRequest>()(
        z.strictObject({ checksum: checksum(), verifiers: z.strictObject({ open: bytes32(), burn: bytes32() }) }),
      ),
    response: () => schemaFor<CompleteBlobResponse>()(z.strictObject({ ...blobInfoFields(), ...linkFields() })),
  },
  relinkBlob: {
    params: idParams,
    query: emptyObject,
    body: emptyObject,
    response: () => schemaFor<RelinkBlobResponse>()(z.strictObject({ id: z.string(), ...linkFields() })),
  },
  lookAtLink: {
    params: linkParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<LookAtLinkResponse>()(z.strictObject(linkInfoFields())),
  },
  openLink: {
    params: linkParams,
    query: emptyObject,
    body: openLinkRequest,
    response: () =>
      schemaFor<OpenLinkResponse>()(
        z.strictObject({ ...linkInfoFields(), url: z.string(), urlExpiresAt: rfc3339Time() }),
      ),
  },
  burnLink: {
    params: linkParams,
    query: emptyObject,
    body: burnLinkRequest,
    response: () => schemaFor<BurnLinkResponse>()(z.strictObject({ burned: z.boolean() })),
  },
} as const;
