/** Requests for accounts and users, and `explain`. Loaded on first use. */

import { explainRoutes } from '../../../contract/explain/routes.ts';
import type { ExplainParty, ExplainResponse } from '../../../contract/explain/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { userRoutes } from '../../../contract/users/routes.ts';
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
import type { ApiCall, Transport } from '../http/transport.ts';
import { checkConfirm, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import {
  type Decoder,
  decodeBoolean,
  decodeListOf,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import type { ConfirmedOptions, DeleteAccountOptions, LogInOptions, SetPasswordOptions } from './account-types.ts';

const decodeSlot = decodeObject<SlotInfo>({
  id: decodeText,
  kind: decodeOneOf<SlotInfo['kind']>(['identity', 'credential', 'password', 'session', 'link']),
  createdAt: decodeText,
  expiresAt: optional(decodeText),
});
const decodeAccount = decodeObject<AccountResponse>({
  org: decodeText,
  user: decodeText,
  state: decodeOneOf<AccountResponse['state']>(['active']),
  createdAt: decodeText,
  slots: decodeListOf(decodeSlot),
});
const decodeUser = decodeObject<UserInfo>({
  user: decodeText,
  state: decodeOneOf<UserInfo['state']>(['active', 'deleted', 'damaged']),
  createdAt: optional(decodeText),
  deletedAt: optional(decodeText),
  slots: decodeListOf(decodeSlot),
});
const decodeUserPage = decodeObject<ListUsersResponse>({
  users: decodeListOf(decodeUser),
  cursor: optional(decodeText),
});
const decodeDeleted = decodeObject<DeletedResponse>({ deleted: decodeBoolean, deletedAt: decodeText });
const decodeCreatedUser = decodeObject<CreateUserResponse>({
  user: decodeText,
  createdAt: decodeText,
  key: decodeText,
});
const decodeLinkCode = decodeObject<StartLinkResponse>({ code: decodeText, expiresAt: decodeText });
const decodeLogIn = decodeObject<LogInResponse>({ user: decodeText, expiresAt: decodeText });
const decodeLogOut = decodeObject<{ ended: boolean }>({ ended: decodeBoolean });
const decodeParty = decodeObject<ExplainParty>({
  kind: decodeOneOf<ExplainParty['kind']>([
    'api-key',
    'slot',
    'device',
    'recovery-code',
    'link',
    'identity',
    'function',
    'operator',
    'anyone',
  ]),
  id: optional(decodeText),
  who: decodeText,
  how: decodeText,
  until: optional(decodeText),
});
const decodeExplain = decodeObject<ExplainResponse>({
  ref: decodeText,
  custody: decodeOneOf<ExplainResponse['custody']>(['org', 'link', 'user', 'device', 'session']),
  state: decodeOneOf<ExplainResponse['state']>(['stored', 'locked', 'gone']),
  canOpen: decodeListOf(decodeParty),
  cannotOpen: decodeListOf(decodeParty),
});

/** A decoder that accepts only the account of the client's own user, if its key identifies the user. */
export const ownAccountDecoder =
  ({ owner }: Transport): Decoder<AccountResponse> =>
  (json) => {
    const read = decodeAccount(json);
    return owner === undefined || (read?.user === owner.user && read.org === owner.org) ? read : undefined;
  };

const requestAccount = (
  transport: Transport,
  call: ApiCall,
  options: CallOptions,
  ...own: string[]
): Promise<AccountResponse> =>
  transport.request(call, transport.callSettings(options, ...own), ownAccountDecoder(transport));

export const getAccount = (transport: Transport, options: CallOptions): Promise<AccountResponse> =>
  requestAccount(transport, { route: userRoutes.getAccount }, options);

export async function setPassword(
  transport: Transport,
  { login, password, currentPassword, ...options }: SetPasswordOptions,
): Promise<AccountResponse> {
  const body = {
    login: checkLogin(login),
    password: checkPassword('password', password, limits.passwordLength),
    ...confirmationBody(currentPassword),
  };
  const own = ['login', 'password', 'currentPassword'];
  return requestAccount(transport, { route: userRoutes.setPassword, body }, options, ...own);
}

export async function removePassword(
  transport: Transport,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<AccountResponse> {
  return requestAccount(
    transport,
    { route: userRoutes.removePassword, body: confirmationBody(currentPassword) },
    options,
    'currentPassword',
  );
}

export async function startLink(
  transport: Transport,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<StartLinkResponse> {
  const call = { route: userRoutes.startLink, body: { ...confirmationBody(currentPassword) } } as const;
  return transport.request(call, transport.callSettings(options, 'currentPassword'), decodeLinkCode);
}

export async function removeSlot(
  transport: Transport,
  id: string,
  { currentPassword, ...options }: ConfirmedOptions,
): Promise<AccountResponse> {
  const body = confirmationBody(currentPassword);
  const call = { route: userRoutes.removeSlot, id: checkId('a slot', id), body };
  return requestAccount(transport, call, options, 'currentPassword');
}

export async function deleteAccount(
  transport: Transport,
  { confirm, currentPassword, ...options }: DeleteAccountOptions,
): Promise<DeletedResponse> {
  const body = confirmationBody(currentPassword);
  const settings = transport.callSettings(options, 'confirm', 'currentPassword');
  checkConfirm(confirm, (transport.owner ?? (await getAccount(transport, options))).user);
  return transport.request({ route: userRoutes.deleteAccount, body }, settings, decodeDeleted);
}

export async function logIn(
  transport: Transport,
  { org, login, password, ...options }: LogInOptions,
): Promise<LogInResponse> {
  // With a key, a login would only leave an unwanted cookie.
  if (transport.credentialKind !== 'session')
    throw notSentError('wrong_key_kind', 'make the client with { session: true } to log in');
  const body = {
    org: checkId('the organization', org),
    login: checkLogin(login),
    password: checkPassword('password', password, 0),
  };
  const settings = {
    ...transport.callSettings(options, 'org', 'login', 'password'),
    outcomeHint: 'A session may exist; it ends automatically',
  };
  return transport.request({ route: userRoutes.logIn, body }, settings, decodeLogIn);
}

export async function logOut(transport: Transport, options: CallOptions): Promise<boolean> {
  return (await transport.request({ route: userRoutes.logOut }, transport.callSettings(options), decodeLogOut)).ended;
}

/** Creates a user. Accepts only a response whose key belongs to that user. */
export const createUser = (transport: Transport, options: CallOptions): Promise<CreateUserResponse> =>
  transport.request({ route: userRoutes.createUser, body: {} }, transport.callSettings(options), (json) => {
    const read = decodeCreatedUser(json);
    return read !== undefined && parseUserKey(read.key)?.user === read.user ? read : undefined;
  });

export const listUsersPage = (
  transport: Transport,
  query: { readonly limit: number | undefined; readonly cursor: string | undefined },
  settings: CallSettings,
): Promise<ListUsersResponse> => transport.request({ route: userRoutes.listUsers, query }, settings, decodeUserPage);

export async function deleteUser(transport: Transport, id: string, options: CallOptions): Promise<DeletedResponse> {
  const call = { route: userRoutes.deleteUser, id: checkId('a user', id) } as const;
  return transport.request(call, transport.callSettings(options), decodeDeleted);
}

const refPattern = /^(?:value|blob|memory|message|user|device|conversation|session-device|login):[\w.@:/-]{1,500}$/;

export async function explain(transport: Transport, ref: string, options: CallOptions): Promise<ExplainResponse> {
  if (typeof ref !== 'string' || !refPattern.test(ref))
    throw notSentError(
      'invalid_argument',
      'ref must be value:<name>, blob:<id>, memory:<user>/<id>, message:<user>/<id>, user:<user>, device:<user>/<vault>, conversation:<id>, session-device:<id> or login:<id>',
    );
  const call = {
    route: transport.credentialKind === 'org' ? explainRoutes.explain : explainRoutes.explainOwn,
    query: { ref },
  } as const;
  return transport.request(call, transport.callSettings(options), (json) => {
    const read = decodeExplain(json);
    return read?.ref === ref ? read : undefined;
  });
}

/** The body that confirms an action of a session; undefined if no password is given. */
const confirmationBody = (currentPassword: string | undefined): { currentPassword: string } | undefined =>
  currentPassword === undefined ? undefined : { currentPassword: checkPassword('currentPassword', currentPassword, 0) };

function checkId(what: string, id: unknown): string {
  if (typeof id === 'string' && /^[0-9a-z]{16}$/.test(id)) return id;
  throw notSentError('invalid_argument', `the id of ${what} has 16 characters and is not a key`);
}

function checkLogin(login: unknown): string {
  if (typeof login === 'string' && canonicalLogin(login) !== undefined) return login;
  throw notSentError(
    'invalid_argument',
    `login must be 3 to ${limits.loginLength} of a-z 0-9 . _ % + @ -, the first a letter or digit`,
  );
}

function checkPassword(name: string, password: unknown, shortest: number): string {
  const fits = typeof password === 'string' && password.isWellFormed() && password.length >= shortest;
  if (fits && password.length <= limits.passwordLengthMax) return password;
  throw notSentError(
    'invalid_argument',
    `${name} must be a well-formed string of ${shortest} to ${limits.passwordLengthMax} characters`,
  );
}
