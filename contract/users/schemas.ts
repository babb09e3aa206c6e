/** What the routes of users and their accounts take and give. */
import * as z from 'zod/mini';
import { limits } from '../shared/limits.ts';
import { idParams, like, none, pageQuery, time, wellFormed } from '../shared/schema-parts.ts';
import type {
  AccountResponse,
  ChangeUserKeyRequest,
  ConfirmedRequest,
  CreateUserResponse,
  DeletedResponse,
  ListUsersResponse,
  LogInRequest,
  LogInResponse,
  LogOutResponse,
  SetPasswordRequest,
  StartLinkResponse,
} from './wire.ts';

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

const account = like<AccountResponse>()(
  z.strictObject({
    org: z.string(),
    user: z.string(),
    state: z.literal('active'),
    createdAt: time,
    slots: z.array(slotInfo),
  }),
);

const login = z.string().check(z.minLength(1), z.maxLength(limits.loginLength));

const password = z
  .string()
  .check(z.minLength(limits.passwordLength), z.maxLength(limits.passwordLengthMax), wellFormed);

/** Of one that exists: whether it is long enough is no matter. */
const presentedPassword = z.string().check(z.maxLength(limits.passwordLengthMax), wellFormed);

const confirmed = like<ConfirmedRequest>()(z.strictObject({ currentPassword: z.optional(presentedPassword) }));

const deleted = like<DeletedResponse>()(z.strictObject({ deleted: z.boolean(), deletedAt: time }));

/** Rows of `schemas` (route-schemas.ts). */
export const userSchemas = {
  createUser: {
    params: none,
    query: none,
    body: none,
    response: like<CreateUserResponse>()(z.strictObject({ user: z.string(), createdAt: time, key: z.string() })),
  },
  listUsers: {
    params: none,
    query: z.strictObject(pageQuery),
    body: undefined,
    response: like<ListUsersResponse>()(z.strictObject({ users: z.array(user), cursor: z.optional(z.string()) })),
  },
  deleteUser: { params: idParams, query: none, body: undefined, response: deleted },
  getAccount: { params: none, query: none, body: undefined, response: account },
  changeUserKey: {
    params: none,
    query: none,
    body: like<ChangeUserKeyRequest>()(z.strictObject({ newKey: z.string().check(z.maxLength(128)) })),
    response: account,
  },
  setPassword: {
    params: none,
    query: none,
    body: like<SetPasswordRequest>()(
      z.strictObject({ login, password, currentPassword: z.optional(presentedPassword) }),
    ),
    response: account,
  },
  removePassword: { params: none, query: none, body: confirmed, response: account },
  startLink: {
    params: none,
    query: none,
    body: confirmed,
    response: like<StartLinkResponse>()(z.strictObject({ code: z.string(), expiresAt: time })),
  },
  removeSlot: { params: idParams, query: none, body: confirmed, response: account },
  deleteAccount: { params: none, query: none, body: confirmed, response: deleted },
  logIn: {
    params: none,
    query: none,
    body: like<LogInRequest>()(
      z.strictObject({ org: z.string().check(z.maxLength(64)), login, password: presentedPassword }),
    ),
    response: like<LogInResponse>()(z.strictObject({ user: z.string(), expiresAt: time })),
  },
  logOut: {
    params: none,
    query: none,
    body: undefined,
    response: like<LogOutResponse>()(z.strictObject({ ended: z.boolean() })),
  },
} as const;
