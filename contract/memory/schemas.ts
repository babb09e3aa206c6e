/** Request and response schemas of the routes of user memory. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import { recordIdPattern, writeIdPattern } from '../shared/name-patterns.ts';
import {
  damaged,
  documentedAs,
  emptyObject,
  idParams,
  integerAtLeast,
  itemError,
  pageQueryFields,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
import type {
  AddMemoriesRequest,
  AddMemoriesResponse,
  AddMemoryRequest,
  DeleteMemoryResponse,
  ListMemoryResponse,
  MemoryRecord,
  RecordInfo,
  ReplaceMemoryRequest,
  SearchMemoryRequest,
  SearchMemoryResponse,
} from './wire.ts';

const recordInfoFields = lazy(() => ({
  id: z.string(),
  version: integerAtLeast(1),
  createdAt: rfc3339Time(),
  updatedAt: rfc3339Time(),
}));

const recordInfo = lazy(() => schemaFor<RecordInfo>()(z.strictObject(recordInfoFields())));

const namespace = lazy(() =>
  z.array(textOf(1, limits.namespacePartLength)).check(z.minLength(1), z.maxLength(limits.namespaceParts)),
);
const recordKey = lazy(() => textOf(1, limits.recordKeyLength));
const indexPath = lazy(() => textOf(1, limits.indexPathLength));

const placementFields = lazy(() => ({
  namespace: z.optional(namespace()),
  key: z.optional(recordKey()),
  index: z.optional(z.array(indexPath()).check(z.maxLength(limits.indexPaths))),
  expiresAt: z.optional(rfc3339Time()),
}));

const memoryRecord = lazy(() =>
  schemaFor<MemoryRecord>()(
    z.strictObject({
      ...recordInfoFields(),
      data: z.unknown(),
      ...placementFields(),
      similarity: z.optional(z.number()),
    }),
  ),
);

const embeddingNumber = lazy(() =>
  z.number().check(z.minimum(-limits.embeddingValue), z.maximum(limits.embeddingValue)),
);
const vector = lazy(() => z.array(embeddingNumber()).check(z.minLength(1), z.maxLength(limits.embeddingDimensions)));

const recordData = lazy(() =>
  documentedAs(z.unknown(), {
    description: `Any JSON of at most ${limits.recordBytes} bytes and ${limits.recordDepth} levels`,
  }),
);

const addMemory = lazy(() =>
  schemaFor<AddMemoryRequest>()(
    z.strictObject({
      id: z.optional(z.string().check(z.maxLength(limits.recordIdLength), z.regex(recordIdPattern))),
      data: recordData(),
      ...placementFields(),
      embeddings: z.optional(z.array(vector()).check(z.minLength(1), z.maxLength(limits.embeddings))),
      upsert: z.optional(z.boolean()),
      ifVersion: z.optional(integerAtLeast(0)),
      writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
    }),
  ),
);

/** A search has at least one of them. */
const searchConditions = ['text', 'words', 'namespace', 'key', 'filter', 'near'] as const;

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const memorySchemas = {
  addMemory: { params: emptyObject, query: emptyObject, body: addMemory, response: recordInfo },
  addMemories: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<AddMemoriesRequest>()(
        z.strictObject({ items: z.array(addMemory()).check(z.minLength(1), z.maxLength(limits.batchItems)) }),
      ),
    response: () =>
      schemaFor<AddMemoriesResponse>()(
        z.strictObject({
          results: z.array(
            z.discriminatedUnion('ok', [
              z.strictObject({ id: z.string(), ok: z.literal(true), record: recordInfo() }),
              z.strictObject({ id: z.optional(z.string()), ok: z.literal(false), error: itemError() }),
            ]),
          ),
        }),
      ),
  },
  listMemory: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListMemoryResponse>()(
        z.strictObject({ records: z.array(memoryRecord()), damaged: damaged(), cursor: z.optional(z.string()) }),
      ),
  },
  getMemory: { params: idParams, query: emptyObject, body: undefined, response: memoryRecord },
  replaceMemory: {
    params: idParams,
    query: emptyObject,
    body: () =>
      schemaFor<ReplaceMemoryRequest>()(
        z.strictObject({
          data: recordData(),
          ifVersion: z.optional(integerAtLeast(1)),
          writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
        }),
      ),
    response: recordInfo,
  },
  deleteMemory: {
    params: idParams,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<DeleteMemoryResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  searchMemory: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<SearchMemoryRequest>()(
        documentedAs(
          z
            .strictObject({
              text: z.optional(textOf(1, limits.searchTextLength)),
              words: z.optional(textOf(1, limits.searchTextLength)),
              namespace: z.optional(namespace()),
              key: z.optional(recordKey()),
              filter: z.optional(z.record(indexPath(), z.union([z.string(), z.number(), z.boolean(), z.null()]))),
              near: z.optional(
                z.strictObject({
                  vector: vector(),
                  minSimilarity: z.optional(z.number().check(z.minimum(-1), z.maximum(1))),
                }),
              ),
              limit: z.optional(integerAtLeast(1).check(z.maximum(limits.pageSizeMax))),
              cursor: pageQueryFields().cursor,
            })
            .check(
              z.refine(
                (search) => searchConditions.some((name) => search[name] !== undefined),
                `names none of ${searchConditions.join(', ')}`,
              ),
            ),
          { anyOf: searchConditions.map((name) => ({ required: [name] })) },
        ),
      ),
    response: () =>
      schemaFor<SearchMemoryResponse>()(
        z.strictObject({
          records: z.array(memoryRecord()),
          searched: integerAtLeast(0),
          damaged: damaged(),
          cursor: z.optional(z.string()),
        }),
      ),
  },
} as const;
