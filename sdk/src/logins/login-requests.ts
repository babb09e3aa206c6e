/** Requests for logins. Loaded on first use. */
import { loginRoutes } from '../../../contract/logins/routes.ts';
import type {
  CreateLoginRequest,
  DeleteLoginResponse,
  ListLoginsResponse,
  LoginInfo,
} from '../../../contract/logins/wire.ts';
import type { Transport } from '../http/transport.ts';
import { checkKeyId, keyOptionNames, resolveExpiry } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { type Decoder, decodeListOf, decodeObject, decodeText, optional } from '../shared/json-decoders.ts';
import { addLoginErrors } from './login-errors.ts';
import type { CreateLoginOptions } from './login-types.ts';

/** A login with all its fields. Its identity is shown, and nothing is decided from it. */
const decodeLogin: Decoder<LoginInfo> = (json) => (isLogin(json) ? json : undefined);

const isLogin = (json: unknown): json is LoginInfo =>
  isPlainObject(json) &&
  ['id', 'role', 'createdAt', 'createdBy'].every((field) => typeof json[field] === 'string') &&
  typeof json.keySeconds === 'number' &&
  (isPlainObject(json.oidc) || isPlainObject(json.aws));

const decodeLogins = decodeObject<ListLoginsResponse>({
  logins: decodeListOf(decodeLogin),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
const decodeDeleted = decodeObject<DeleteLoginResponse>({ id: decodeText, endedAt: decodeText });

export async function createLogin(transport: Transport, options: CreateLoginOptions): Promise<LoginInfo> {
  const { role, name, prefixes, verbs, oidc, aws, keySeconds } = options;
  const body = { role, name, prefixes, verbs, oidc, aws, keySeconds, expiresAt: resolveExpiry(options) };
  const call = { route: loginRoutes.createLogin, body: body satisfies Record<keyof CreateLoginRequest, unknown> };
  const settings = transport.callSettings(options, ...keyOptionNames, 'oidc', 'aws', 'keySeconds');
  return await transport.request(call, settings, decodeLogin);
}

export async function loginPage(
  transport: Transport,
  query: { readonly limit: number | undefined; readonly cursor: string | undefined },
  settings: CallSettings,
): Promise<ListLoginsResponse> {
  return await transport.request({ route: loginRoutes.listLogins, query }, settings, decodeLogins);
}

export async function deleteLogin(
  transport: Transport,
  id: string,
  options: CallOptions,
): Promise<DeleteLoginResponse> {
  addLoginErrors();
  const call = { route: loginRoutes.deleteLogin, id: checkKeyId(id) };
  return await transport.request(call, transport.callSettings(options), (json) => {
    const deleted = decodeDeleted(json);
    return deleted?.id === id ? deleted : undefined;
  });
}
