/** Requests for accounts and users, and `explain`. Loaded when first used. */

import type { ExplainParty, ExplainResponse } from '../../../contract/explain/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type {
  AccountResponse,
  CreateUserResponse,
  DeletedResponse,
  ListUsersResponse,
  LogInResponse,
  SlotInfo,
  StartLinkResponse,
  UserInfo,
} from '../../../contract/users/wire.ts';
import { canonicalLogin } from '../../../core/users/canonical-identity.ts';
import { parseUserKey } from '../../../core/users/user-key.ts';
import type { Call, Transport } from '../http/transport.ts';
import { checkConfirm, refused } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { flag, listOf, object, oneOf, optional, type Reader, text } from '../shared/json-decoders.ts';
import type { ConfirmedOptions, DeleteAccountOptions, LogInOptions, SetPasswordOptions } from './account-types.ts';

const slot = object<SlotInfo>({
  id: text,
  kind: oneOf<SlotInfo['kind']>(['identity', 'credential', 'password', 'session', 'link']),
  createdAt: text,
  expiresAt: optional(text),
});
const decodeAccount = object<AccountResponse>({
  org: text,
  user: text,
  state: oneOf<AccountResponse['state']>(['active']),
  createdAt: text,
  slots: listOf(slot),
});
const decodeUser = object<UserInfo>({
  user: text,
  state: oneOf<UserInfo['state']>(['active', 'deleted', 'damaged']),
  createdAt: optional(text),
  deletedAt: optional(text),
  slots: listOf(slot),
});
const decodeUsers = object<ListUsersResponse>({ users: listOf(decodeUser), cursor: optional(text) });
const decodeDeleted = object<DeletedResponse>({ deleted: flag, deletedAt: text });
const decodeCreated = object<CreateUserResponse>({ user: text, createdAt: text, key: text });
const decodeLink = object<StartLinkResponse>({ code: text, expiresAt: text });
const decodeLogIn = object<LogInResponse>({ user: text, expiresAt: text });
const decodeLogOut = object<{ ended: boolean }>({ ended: flag });
const party = object<ExplainParty>({
  kind: oneOf<ExplainParty['kind']>(['api-key', 'slot', 'link', 'function', 'operator', 'anyone']),
  id: optional(text),
  who: text,
  how: text,
  until: optional(text),
});
const decodeExplain = object<ExplainResponse>({
  ref: text,
  custody: oneOf<ExplainResponse['custody']>(['org', 'link', 'user']),
  state: oneOf<ExplainResponse['state']>(['stored', 'locked', 'gone']),
  canOpen: listOf(party),
  cannotOpen: listOf(party),
});

/** A reader that takes only an account of the client's own user, where its key tells who that is. */
export const ownAccount =
  ({ owner }: Transport): Reader<AccountResponse> =>
  (json) => {
    const read = decodeAccount(json);
    return owner === undefined || (read?.user === owner.user && read.org === owner.org) ? read : undefined;
  };

const account = (transport: Transport, call: Call, options: CallOptions): Promise<AccountResponse> =>
  transport.request(call, transport.settings(options), ownAccount(transport));

export const info = (transport: Transport, options: CallOptions): Promise<AccountResponse> =>
  account(transport, { route: 'getAccount' }, options);

export async function setPassword(
  transport: Transport,
  { login, password, currentPassword, ...options }: SetPasswordOptions,
): Promise<AccountResponse> {
  const body = {
    login: checkLogin(login),
    password: checkPassword('password', password, limits.passwordLength),
    ...confirmation(currentPassword),
  };
  return account(transport, { route: 'setPassword', body }, options);
}

export async function removePassword(
  transport: Transport,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<AccountResponse> {
  return account(transport, { route: 'removePassword', body: confirmation(currentPassword) }, options);
}

export async function startLink(
  transport: Transport,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<StartLinkResponse> {
  const call = { route: 'startLink', body: { ...confirmation(currentPassword) } } as const;
  return transport.request(call, transport.settings(options), decodeLink);
}

export async function removeSlot(
  transport: Transport,
  id: string,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<AccountResponse> {
  const body = confirmation(currentPassword);
  return account(transport, { route: 'removeSlot', id: checkId('a slot', id), body }, options);
}

export async function deleteAccount(
  transport: Transport,
  { confirm, currentPassword, ...options }: DeleteAccountOptions,
): Promise<DeletedResponse> {
  const body = confirmation(currentPassword);
  checkConfirm(confirm, (transport.owner ?? (await info(transport, options))).user);
  return transport.request({ route: 'deleteAccount', body }, transport.settings(options), decodeDeleted);
}

export async function logIn(
  transport: Transport,
  { org, login, password, ...options }: LogInOptions,
): Promise<LogInResponse> {
  // With a key, a login would only leave a cookie behind that nobody asked for.
  if (transport.kind !== 'session') throw refused('wrong_key_kind', 'make the client with { session: true } to log in');
  const body = {
    org: checkId('the organization', org),
    login: checkLogin(login),
    password: checkPassword('password', password, 0),
  };
  const settings = { ...transport.settings(options), outcome: 'There may be a session that ends by itself' };
  return transport.request({ route: 'logIn', body }, settings, decodeLogIn);
}

export async function logOut(transport: Transport, options: CallOptions): Promise<boolean> {
  return (await transport.request({ route: 'logOut' }, transport.settings(options), decodeLogOut)).ended;
}

/** Whoever makes a user gets a key of that very user, or is told that something is wrong. */
export const createUser = (transport: Transport, options: CallOptions): Promise<CreateUserResponse> =>
  transport.request({ route: 'createUser', body: {} }, transport.settings(options), (json) => {
    const read = decodeCreated(json);
    return read !== undefined && parseUserKey(read.key)?.user === read.user ? read : undefined;
  });

export const userPage = (
  transport: Transport,
  query: { readonly limit: number | undefined; readonly cursor: string | undefined },
  settings: CallSettings,
): Promise<ListUsersResponse> => transport.request({ route: 'listUsers', query }, settings, decodeUsers);

export async function deleteUser(transport: Transport, id: string, options: CallOptions): Promise<DeletedResponse> {
  const call = { route: 'deleteUser', id: checkId('a user', id) } as const;
  return transport.request(call, transport.settings(options), decodeDeleted);
}

export async function explain(transport: Transport, ref: string, options: CallOptions): Promise<ExplainResponse> {
  if (typeof ref !== 'string' || !/^(?:value|blob|memory|message|user):[\w.@:/-]{1,500}$/.test(ref))
    throw refused(
      'invalid_argument',
      'ref must be value:<name>, blob:<id>, memory:<user>/<id>, message:<user>/<id> or user:<user>',
    );
  const call = { route: transport.kind === 'org' ? 'explain' : 'explainOwn', query: { ref } } as const;
  return transport.request(call, transport.settings(options), (json) => {
    const read = decodeExplain(json);
    return read?.ref === ref ? read : undefined;
  });
}

/** The body of what a session has to confirm; none where nothing is given. */
const confirmation = (currentPassword: string | undefined): { currentPassword: string } | undefined =>
  currentPassword === undefined ? undefined : { currentPassword: checkPassword('currentPassword', currentPassword, 0) };

function checkId(what: string, id: unknown): string {
  if (typeof id === 'string' && /^[0-9a-z]{16}$/.test(id)) return id;
  throw refused('invalid_argument', `the id of ${what} has 16 characters, and is no key`);
}

function checkLogin(login: unknown): string {
  if (typeof login === 'string' && canonicalLogin(login) !== undefined) return login;
  throw refused(
    'invalid_argument',
    `login must be 3 to ${limits.loginLength} of a-z 0-9 . _ % + @ -, the first a letter or digit`,
  );
}

function checkPassword(name: string, password: unknown, shortest: number): string {
  const fits = typeof password === 'string' && password.isWellFormed() && password.length >= shortest;
  if (fits && password.length <= limits.passwordLengthMax) return password;
  throw refused(
    'invalid_argument',
    `${name} must be a well-formed string of ${shortest} to ${limits.passwordLengthMax} characters`,
  );
}
