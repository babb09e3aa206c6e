/** What the routes of users' memory take and give. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { writeIdPattern } from '../shared/name-patterns.ts';
import {
  damaged,
  idParams,
  integer,
  itemError,
  like,
  none,
  pageQuery,
  time,
  wellFormed,
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

const recordInfoFields = { id: z.string(), version: integer(1), createdAt: time, updatedAt: time };

const recordInfo = like<RecordInfo>()(z.strictObject(recordInfoFields));

const memoryRecord = like<MemoryRecord>()(z.strictObject({ ...recordInfoFields, data: z.unknown() }));

const addMemory = like<AddMemoryRequest>()(
  z.strictObject({
    id: z.optional(z.string().check(z.maxLength(limits.recordIdLength), z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/))),
    data: z.unknown(),
  }),
);

/** Rows of `schemas` (route-schemas.ts). */
export const memorySchemas = {
  addMemory: { params: none, query: none, body: addMemory, response: recordInfo },
  addMemories: {
    params: none,
    query: none,
    body: like<AddMemoriesRequest>()(
      z.strictObject({ items: z.array(addMemory).check(z.minLength(1), z.maxLength(limits.batchItems)) }),
    ),
    response: like<AddMemoriesResponse>()(
      z.strictObject({
        results: z.array(
          z.discriminatedUnion('ok', [
            z.strictObject({ id: z.string(), ok: z.literal(true), record: recordInfo }),
            z.strictObject({ id: z.optional(z.string()), ok: z.literal(false), error: itemError }),
          ]),
        ),
      }),
    ),
  },
  listMemory: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<ListMemoryResponse>()(
      z.strictObject({ records: z.array(memoryRecord), damaged, cursor: z.optional(z.string()) }),
    ),
  },
  getMemory: { params: idParams, query: none, body: undefined, response: memoryRecord },
  replaceMemory: {
    params: idParams,
    query: none,
    body: like<ReplaceMemoryRequest>()(
      z.strictObject({
        data: z.unknown(),
        ifVersion: z.optional(integer(1)),
        writeId: z.optional(z.string().check(z.regex(writeIdPattern))),
      }),
    ),
    response: recordInfo,
  },
  deleteMemory: {
    params: idParams,
    query: none,
    body: undefined,
    response: like<DeleteMemoryResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  searchMemory: {
    params: none,
    query: none,
    body: like<SearchMemoryRequest>()(
      z.strictObject({
        text: z.string().check(z.minLength(1), z.maxLength(limits.searchTextLength), wellFormed),
        cursor: pageQuery.cursor,
      }),
    ),
    response: like<SearchMemoryResponse>()(
      z.strictObject({ records: z.array(memoryRecord), searched: integer(0), damaged, cursor: z.optional(z.string()) }),
    ),
  },
} as const;
