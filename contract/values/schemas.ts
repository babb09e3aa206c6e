/** What the routes of values take and give. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { metadataKeyPattern, writeIdPattern } from '../shared/name-patterns.ts';
import {
  batch,
  failedItem,
  integer,
  like,
  name,
  nameParams,
  none,
  okItem,
  pageQuery,
  queryNumber,
  time,
} from '../shared/schema-parts.ts';
import type {
  DeleteValueResponse,
  GetValuesRequest,
  GetValuesResponse,
  ListValuesResponse,
  ListVersionsResponse,
  SetValueRequest,
  SetValuesRequest,
  SetValuesResponse,
  Value,
  ValueInfo,
  VersionInfo,
} from './wire.ts';

const metadata = z
  .record(
    z.string().check(z.regex(metadataKeyPattern)),
    z.string().check(
      z.maxLength(limits.metadataValueLength),
      z.refine((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode'),
    ),
  )
  .check(
    z.refine(
      (all) => Object.keys(all).length <= limits.metadataEntries,
      `Too big: expected at most ${limits.metadataEntries} entries`,
    ),
  );

export const setFields = {
  // A lone surrogate has no UTF-8, so it would come back as another character.
  value: z.string().check(z.refine((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode')),
  metadata: z.optional(metadata),
  expiresAt: z.optional(time),
  ifVersion: z.optional(integer(0)),
  writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
};

const versionFields = {
  version: integer(1),
  createdAt: time,
  expiresAt: z.optional(time),
  metadata: z.record(z.string(), z.string()),
};

export const versionInfo = like<VersionInfo>()(z.strictObject(versionFields));

export const valueInfo = like<ValueInfo>()(z.strictObject({ name, ...versionFields }));

export const value = like<Value>()(z.strictObject({ name, ...versionFields, value: z.string() }));

/** Rows of `schemas` (route-schemas.ts). */
export const valueSchemas = {
  setValue: {
    params: nameParams,
    query: none,
    body: like<SetValueRequest>()(z.strictObject(setFields)),
    response: valueInfo,
  },
  deleteValue: {
    params: nameParams,
    query: z.strictObject({ ifVersion: z.optional(queryNumber(1)) }),
    body: undefined,
    response: like<DeleteValueResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  setValues: {
    params: none,
    query: none,
    body: like<SetValuesRequest>()(z.strictObject({ items: batch(z.strictObject({ name, ...setFields })) })),
    response: like<SetValuesResponse>()(
      z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItem(valueInfo), failedItem])) }),
    ),
  },
  getValue: {
    params: nameParams,
    query: z.strictObject({ version: z.optional(queryNumber(1)) }),
    body: undefined,
    response: value,
  },
  listValues: {
    params: none,
    query: z.strictObject({ ...pageQuery, prefix: z.optional(z.string()) }),
    body: undefined,
    response: like<ListValuesResponse>()(
      z.strictObject({ values: z.array(valueInfo), cursor: z.optional(z.string()) }),
    ),
  },
  listVersions: {
    params: nameParams,
    query: none,
    body: undefined,
    response: like<ListVersionsResponse>()(z.strictObject({ name, versions: z.array(versionInfo) })),
  },
  getValues: {
    params: none,
    query: none,
    body: like<GetValuesRequest>()(z.strictObject({ names: batch(name) })),
    response: like<GetValuesResponse>()(
      z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItem(value), failedItem])) }),
    ),
  },
} as const;
