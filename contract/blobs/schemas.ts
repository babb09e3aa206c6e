/** What the routes of blobs and their links take and give. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { writeIdPattern } from '../shared/name-patterns.ts';
import { idParams, integer, like, none, pageQuery, time } from '../shared/schema-parts.ts';
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

const bounded = (minimum: number, maximum: number) => integer(minimum).check(z.maximum(maximum));

/** 32 bytes in base64, in its one canonical spelling. */
const bytes32 = z.string().check(z.regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/));

const checksum = z.string().check(z.regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?:-[1-9][0-9]{0,4})?$/));

/** Any string, as ids are. */
const linkParams = z.strictObject({ link: z.string() });

const link = { link: z.string(), url: z.string() };

const partNumber = bounded(1, 10_000);

const infoFields = {
  id: z.string(),
  state: z.enum(['uploading', 'ready', 'spent', 'burned', 'expired', 'deleted']),
  size: z.optional(integer(0)),
  createdAt: time,
  completedAt: z.optional(time),
  expiresAt: z.optional(time),
  openings: integer(0),
  maxOpens: z.optional(integer(1)),
  burn: z.boolean(),
};

const blobInfo = like<BlobInfo>()(z.strictObject(infoFields));

const lookFields = {
  size: integer(0),
  createdAt: time,
  expiresAt: z.optional(time),
  openingsLeft: z.optional(integer(0)),
  burn: z.boolean(),
};

const burnLinkRequest = like<BurnLinkRequest>()(z.strictObject({ proof: bytes32 }));

const openLinkRequest = like<OpenLinkRequest>()(
  z.strictObject({ proof: bytes32, opening: z.optional(z.string().check(z.regex(writeIdPattern))) }),
);

/** Rows of `schemas` (route-schemas.ts). */
export const blobSchemas = {
  createBlob: {
    params: none,
    query: none,
    body: like<CreateBlobRequest>()(
      z.strictObject({
        size: z.optional(integer(1)),
        expiresIn: z.optional(bounded(1, limits.blobExpiryMax)),
        maxOpens: z.optional(bounded(1, limits.blobOpeningsMax)),
        burn: z.optional(z.boolean()),
      }),
    ),
    response: like<CreateBlobResponse>()(
      z.strictObject({
        id: z.string(),
        ...link,
        upload: z.discriminatedUnion('kind', [
          z.strictObject({
            kind: z.literal('form'),
            url: z.string(),
            fields: z.record(z.string(), z.string()),
            expiresAt: time,
          }),
          z.strictObject({ kind: z.literal('parts'), chunks: integer(1) }),
        ]),
        uploadUntil: time,
      }),
    ),
  },
  listBlobs: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<ListBlobsResponse>()(z.strictObject({ blobs: z.array(blobInfo), cursor: z.optional(z.string()) })),
  },
  getBlob: { params: idParams, query: none, body: undefined, response: blobInfo },
  deleteBlob: {
    params: idParams,
    query: none,
    body: undefined,
    response: like<DeleteBlobResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  listParts: {
    params: idParams,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<ListPartsResponse>()(
      z.strictObject({
        parts: z.array(z.strictObject({ number: partNumber, size: integer(0), checksum: z.string() })),
        cursor: z.optional(z.string()),
      }),
    ),
  },
  grantParts: {
    params: idParams,
    query: none,
    body: like<GrantPartsRequest>()(
      z.strictObject({
        parts: z
          .array(z.strictObject({ number: partNumber, size: integer(1), checksum: bytes32 }))
          .check(z.minLength(1), z.maxLength(limits.blobPartsGranted)),
      }),
    ),
    response: like<GrantPartsResponse>()(
      z.strictObject({
        parts: z.array(
          z.strictObject({ number: partNumber, url: z.string(), headers: z.record(z.string(), z.string()) }),
        ),
        expiresAt: time,
      }),
    ),
  },
  completeBlob: {
    params: idParams,
    query: none,
    body: like<CompleteBlobRequest>()(
      z.strictObject({ checksum, verifiers: z.strictObject({ open: bytes32, burn: bytes32 }) }),
    ),
    response: like<CompleteBlobResponse>()(z.strictObject({ ...infoFields, ...link })),
  },
  relinkBlob: {
    params: idParams,
    query: none,
    body: none,
    response: like<RelinkBlobResponse>()(z.strictObject({ id: z.string(), ...link })),
  },
  lookAtLink: {
    params: linkParams,
    query: none,
    body: undefined,
    response: like<LookAtLinkResponse>()(z.strictObject(lookFields)),
  },
  openLink: {
    params: linkParams,
    query: none,
    body: openLinkRequest,
    response: like<OpenLinkResponse>()(z.strictObject({ ...lookFields, url: z.string(), urlExpiresAt: time })),
  },
  burnLink: {
    params: linkParams,
    query: none,
    body: burnLinkRequest,
    response: like<BurnLinkResponse>()(z.strictObject({ burned: z.boolean() })),
  },
} as const;
