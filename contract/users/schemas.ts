/** Request and response schemas of the routes of users and accounts. */
import * as z from 'zod/mini';
import { lazy } from '../shared/lazy.ts';
import { limits } from '../shared/limits.ts';
import {
  documentedAs,
  emptyObject,
  idParams,
  pageQueryFields,
  rfc3339Time,
  schemaFor,
  textOf,
} from '../shared/schema-parts.ts';
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

const slotInfo = lazy(() =>
  z.strictObject({
    id: z.string(),
    kind: z.enum(['identity', 'credential', 'password', 'session', 'link']),
    createdAt: rfc3339Time(),
    expiresAt: z.optional(rfc3339Time()),
  }),
);

const user = lazy(() =>
  z.strictObject({
    user: z.string(),
    state: z.enum(['active', 'deleted', 'damaged']),
    createdAt: z.optional(rfc3339Time()),
    deletedAt: z.optional(rfc3339Time()),
    slots: z.array(slotInfo()),
  }),
);

const account = lazy(() =>
  schemaFor<AccountResponse>()(
    z.strictObject({
      org: z.string(),
      user: z.string(),
      state: z.literal('active'),
      createdAt: rfc3339Time(),
      slots: z.array(slotInfo()),
    }),
  ),
);

/** The form of a login is checked in code: a login that no user can have is refused like a wrong password. */
const login = lazy(() =>
  documentedAs(z.string().check(z.minLength(1), z.maxLength(limits.loginLength)), {
    minLength: 3,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._%+@-]*$',
  }),
);

const loginOrg = lazy(() => documentedAs(z.string().check(z.maxLength(64)), { pattern: '^[0-9a-z]{16}$' }));

const newKey = lazy(() =>
  documentedAs(z.string().check(z.maxLength(128)), {
    pattern: '^anm_[0-9a-z]{16}_u[0-9a-z]{16}_[0-9A-Za-z]{49}$',
  }),
);

const password = lazy(() => textOf(limits.passwordLength, limits.passwordLengthMax));

/** An existing password. Its minimum length is not checked. */
const presentedPassword = lazy(() => textOf(0, limits.passwordLengthMax));

const confirmedRequest = lazy(() =>
  schemaFor<ConfirmedRequest>()(z.strictObject({ currentPassword: z.optional(presentedPassword()) })),
);

const deleted = lazy(() =>
  schemaFor<DeletedResponse>()(z.strictObject({ deleted: z.boolean(), deletedAt: rfc3339Time() })),
);

/** Builders of entries of `routeSchemas` (route-schemas.ts). */
export const userSchemas = {
  createUser: {
    params: emptyObject,
    query: emptyObject,
    body: emptyObject,
    response: () =>
      schemaFor<CreateUserResponse>()(z.strictObject({ user: z.string(), createdAt: rfc3339Time(), key: z.string() })),
  },
  listUsers: {
    params: emptyObject,
    query: () => z.strictObject(pageQueryFields()),
    body: undefined,
    response: () =>
      schemaFor<ListUsersResponse>()(z.strictObject({ users: z.array(user()), cursor: z.optional(z.string()) })),
  },
  deleteUser: { params: idParams, query: emptyObject, body: undefined, response: deleted },
  getAccount: { params: emptyObject, query: emptyObject, body: undefined, response: account },
  changeUserKey: {
    params: emptyObject,
    query: emptyObject,
    body: () => schemaFor<ChangeUserKeyRequest>()(z.strictObject({ newKey: newKey() })),
    response: account,
  },
  setPassword: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<SetPasswordRequest>()(
        z.strictObject({ login: login(), password: password(), currentPassword: z.optional(presentedPassword()) }),
      ),
    response: account,
  },
  removePassword: { params: emptyObject, query: emptyObject, body: confirmedRequest, response: account },
  startLink: {
    params: emptyObject,
    query: emptyObject,
    body: confirmedRequest,
    response: () => schemaFor<StartLinkResponse>()(z.strictObject({ code: z.string(), expiresAt: rfc3339Time() })),
  },
  removeSlot: { params: idParams, query: emptyObject, body: confirmedRequest, response: account },
  deleteAccount: { params: emptyObject, query: emptyObject, body: confirmedRequest, response: deleted },
  logIn: {
    params: emptyObject,
    query: emptyObject,
    body: () =>
      schemaFor<LogInRequest>()(z.strictObject({ org: loginOrg(), login: login(), password: presentedPassword() })),
    response: () => schemaFor<LogInResponse>()(z.strictObject({ user: z.string(), expiresAt: rfc3339Time() })),
  },
  logOut: {
    params: emptyObject,
    query: emptyObject,
    body: undefined,
    response: () => schemaFor<LogOutResponse>()(z.strictObject({ ended: z.boolean() })),
  },
} as const;
