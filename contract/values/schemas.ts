/** Request and response schemas of the value routes. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { metadataKeyPattern, prefixPattern, writeIdPattern } from '../shared/name-patterns.ts';
import {
  batchOf,
  damaged,
  documentedAs,
  emptyObject,
  failedItem,
  integerAtLeast,
  name,
  nameParams,
  okItemOf,
  pageQueryFields,
  queryNumber,
  rfc3339Time,
  schemaFor,
  textOf,
  wellFormedText,
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

const metadata = lazy(() =>
  documentedAs(
    z
      .record(z.string().check(z.regex(metadataKeyPattern)), textOf(0, limits.metadataValueLength))
      .check(
        z.refine(
          (all) => Object.keys(all).length <= limits.metadataEntries,
          `Too big: expected at most ${limits.metadataEntries} entries`,
        ),
      ),
    { maxProperties: limits.metadataEntries },
  ),
);

export const setValueFields = lazy(() => ({
  value: documentedAs(z.string().check(wellFormedText()), {
    // A character has at least one byte, so a longer text is always too large.
    maxLength: limits.valueBytes,
    description: `At most ${limits.valueBytes} bytes of UTF-8`,
  }),
  metadata: z.optional(metadata()),
  expiresAt: z.optional(rfc3339Time()),
  ifVersion: z.optional(integerAtLeast(0)),
  tripwire: z.optional(z.boolean()),
  writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
}));

const versionFields = lazy(() => ({
  version: integerAtLeast(1),
  createdAt: rfc3339Time(),
  expiresAt: z.optional(rfc3339Time()),
  metadata: z.record(z.string(), z.string()),
}));

export const versionInfo = lazy(() => schemaFor<VersionInfo>()(z.strictObject(versionFields())));

export const valueInfo = lazy(() => schemaFor<ValueInfo>()(z.strictObject({ name: name(), ...versionFields() })));

export const value = lazy(() =>
  schemaFor<Value>()(z.strictObject({ name: name(), ...versionFields(), value: z.string() })),
);

/** Accepts any string here, like a name. The empty prefix means all names. */
const listPrefix = lazy(() =>
  documentedAs(z.string(), {
    maxLength: limits.nameLength,
    pattern: `^(?:${prefixPattern.source.slice(1, -1)})?$`,
  }),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const valueSchemas = {
  setValue: {
    params: nameParams,
    query: emptyObject,
    body: () => schemaFor<SetValueRequest>()(z.strictObject(setValueFields())),
    response: valueInfo,
  },
  deleteValue: {
    params: nameParams,
    query: () => z.strictObject({ ifVersion: z.optional(queryNumber(1)), version: z.optional(queryNumber(1)) }),
    body: undefined,
    response: () => schemaFor<DeleteValueResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  setValues: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<SetValuesRequest>()(
        z.strictObject({ items: batchOf(z.strictObject({ name: name(), ...setValueFields() })) }),
      ),
    response: () =>
      schemaFor<SetValuesResponse>()(
        z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItemOf(valueInfo()), failedItem()])) }),
      ),
  },
  getValue: {
    params: nameParams,
    query: () => z.strictObject({ version: z.optional(queryNumber(1)) }),
    body: undefined,
    response: value,
  },
  listValues: {
    params: emptyObject,
    query: () => z.strictObject({ ...pageQueryFields(), prefix: z.optional(listPrefix()) }),
    body: undefined,
    response: () =>
      schemaFor<ListValuesResponse>()(
        z.strictObject({ values: z.array(valueInfo()), damaged: damaged(), cursor: z.optional(z.string()) }),
      ),
  },
  listVersions: {
    params: nameParams,
    query: emptyObject,
    body: undefined,
    response: () =>
      schemaFor<ListVersionsResponse>()(
        z.strictObject({
          name: name(),
          versions: z.array(versionInfo()),
          damaged: z.optional(z.array(integerAtLeast(1))),
        }),
      ),
  },
  getValues: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<GetValuesRequest>()(z.strictObject({ names: documentedAs(batchOf(name()), { uniqueItems: true }) })),
    response: () =>
      schemaFor<GetValuesResponse>()(
        z.strictObject({ results: z.array(z.discriminatedUnion('ok', [okItemOf(value()), failedItem()])) }),
      ),
  },
} as const;
