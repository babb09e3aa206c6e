/** What the routes of users, memory, channels and `explain` take and give, as schemas.ts has it for the others. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { writeIdPattern } from '../shared/name-patterns.ts';
import { idParams, integer, itemError, like, none, pageQuery, time } from '../shared/schema-parts.ts';
import type * as wire from './wire.ts';

const slotInfo = z.strictObject({
  id: z.string(),
  kind: z.enum(['identity', 'credential', 'password', 'session', 'link']),
  createdAt: time,
  expiresAt: z.optional(time),
});
const user = z.strictObject({
  user: z.string(),
  state: z.enum(['active', 'deleted', 'damaged']),
  createdAt: z.optional(time),
  deletedAt: z.optional(time),
  slots: z.array(slotInfo),
});
const account = like<wire.AccountResponse>()(
  z.strictObject({
    org: z.string(),
    user: z.string(),
    state: z.literal('active'),
    createdAt: time,
    slots: z.array(slotInfo),
  }),
);
const deleted = like<wire.DeletedResponse>()(z.strictObject({ deleted: z.boolean(), deletedAt: time }));
const wellFormed = z.refine<string>((text) => text.isWellFormed(), 'Invalid input: not well-formed Unicode');
const login = z.string().check(z.minLength(1), z.maxLength(limits.loginLength));
const password = z
  .string()
  .check(z.minLength(limits.passwordLength), z.maxLength(limits.passwordLengthMax), wellFormed);
/** Of one that exists: whether it is long enough is no matter. */
const presentedPassword = z.string().check(z.maxLength(limits.passwordLengthMax), wellFormed);

const confirmed = like<wire.ConfirmedRequest>()(z.strictObject({ currentPassword: z.optional(presentedPassword) }));

const recordInfoFields = { id: z.string(), version: integer(1), createdAt: time, updatedAt: time };
const recordInfo = like<wire.RecordInfo>()(z.strictObject(recordInfoFields));
const damaged = z.optional(z.array(z.string()));
const memoryRecord = like<wire.MemoryRecord>()(z.strictObject({ ...recordInfoFields, data: z.unknown() }));
const addMemory = like<wire.AddMemoryRequest>()(
  z.strictObject({
    id: z.optional(z.string().check(z.maxLength(limits.recordIdLength), z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/))),
    data: z.unknown(),
  }),
);

/** Hooks are read as bytes, by what their provider signed: neither query nor body is parsed before. The answer is what that provider expects. */
const hook = {
  params: z.strictObject({ org: z.string() }),
  query: z.record(z.string(), z.string()),
  body: undefined,
  response: z.strictObject({ contentType: z.string(), body: z.string() }),
};

const party = z.strictObject({
  kind: z.enum(['api-key', 'slot', 'link', 'function', 'operator', 'anyone']),
  id: z.optional(z.string()),
  who: z.string(),
  how: z.string(),
  until: z.optional(time),
});
const explain = {
  params: none,
  query: z.strictObject({ ref: z.string().check(z.minLength(1), z.maxLength(512)) }),
  body: undefined,
  response: like<wire.ExplainResponse>()(
    z.strictObject({
      ref: z.string(),
      custody: z.enum(['org', 'link', 'user']),
      state: z.enum(['stored', 'locked', 'gone']),
      canOpen: z.array(party),
      cannotOpen: z.array(party),
    }),
  ),
};

/** Rows of `schemas` (schemas.ts). */
export const userSchemas = {
  createUser: {
    params: none,
    query: none,
    body: none,
    response: like<wire.CreateUserResponse>()(z.strictObject({ user: z.string(), createdAt: time, key: z.string() })),
  },
  listUsers: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<wire.ListUsersResponse>()(z.strictObject({ users: z.array(user), cursor: z.optional(z.string()) })),
  },
  deleteUser: { params: idParams, query: none, body: undefined, response: deleted },
  getAccount: { params: none, query: none, body: undefined, response: account },
  changeUserKey: {
    params: none,
    query: none,
    body: like<wire.ChangeUserKeyRequest>()(z.strictObject({ newKey: z.string().check(z.maxLength(128)) })),
    response: account,
  },
  setPassword: {
    params: none,
    query: none,
    body: like<wire.SetPasswordRequest>()(
      z.strictObject({ login, password, currentPassword: z.optional(presentedPassword) }),
    ),
    response: account,
  },
  removePassword: { params: none, query: none, body: confirmed, response: account },
  startLink: {
    params: none,
    query: none,
    body: confirmed,
    response: like<wire.StartLinkResponse>()(z.strictObject({ code: z.string(), expiresAt: time })),
  },
  removeSlot: { params: idParams, query: none, body: confirmed, response: account },
  deleteAccount: { params: none, query: none, body: confirmed, response: deleted },
  logIn: {
    params: none,
    query: none,
    body: like<wire.LogInRequest>()(
      z.strictObject({ org: z.string().check(z.maxLength(64)), login, password: presentedPassword }),
    ),
    response: like<wire.LogInResponse>()(z.strictObject({ user: z.string(), expiresAt: time })),
  },
  logOut: {
    params: none,
    query: none,
    body: undefined,
    response: like<wire.LogOutResponse>()(z.strictObject({ ended: z.boolean() })),
  },
  addMemory: { params: none, query: none, body: addMemory, response: recordInfo },
  addMemories: {
    params: none,
    query: none,
    body: like<wire.AddMemoriesRequest>()(
      z.strictObject({ items: z.array(addMemory).check(z.minLength(1), z.maxLength(limits.batchItems)) }),
    ),
    response: like<wire.AddMemoriesResponse>()(
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
    response: like<wire.ListMemoryResponse>()(
      z.strictObject({ records: z.array(memoryRecord), damaged, cursor: z.optional(z.string()) }),
    ),
  },
  getMemory: { params: idParams, query: none, body: undefined, response: memoryRecord },
  replaceMemory: {
    params: idParams,
    query: none,
    body: like<wire.ReplaceMemoryRequest>()(
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
    response: like<wire.DeleteMemoryResponse>()(z.strictObject({ deleted: z.boolean() })),
  },
  searchMemory: {
    params: none,
    query: none,
    body: like<wire.SearchMemoryRequest>()(
      z.strictObject({
        text: z.string().check(z.minLength(1), z.maxLength(limits.searchTextLength), wellFormed),
        cursor: pageQuery.cursor,
      }),
    ),
    response: like<wire.SearchMemoryResponse>()(
      z.strictObject({ records: z.array(memoryRecord), searched: integer(0), damaged, cursor: z.optional(z.string()) }),
    ),
  },
  listMessages: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<wire.ListMessagesResponse>()(
      z.strictObject({
        messages: z.array(
          z.strictObject({
            id: z.string(),
            role: z.enum(['user', 'agent']),
            text: z.string(),
            channel: z.string(),
            at: time,
          }),
        ),
        damaged,
        cursor: z.optional(z.string()),
      }),
    ),
  },
  receiveTwilio: hook,
  receiveWhatsApp: hook,
  verifyWhatsApp: hook,
  receiveSlack: hook,
  receiveMailgun: { ...hook, params: z.strictObject({ org: z.string(), secret: z.string() }) },
  receiveSendGrid: hook,
  explain,
  explainOwn: explain,
} as const;
