/** Replaces the user key. Whichever message is lost, the caller ends up with the key that the vault accepts. */
import { userRoutes } from '../../../contract/users/routes.ts';
import type { AccountResponse } from '../../../contract/users/wire.ts';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { formatUserKey } from '../../../core/users/user-key.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { type CallSettings, parseCredential } from '../shared/client-options.ts';
import type { Decoder } from '../shared/json-decoders.ts';
import { ownAccountDecoder } from './account-requests.ts';
import type { ChangeKeyOptions } from './account-types.ts';

const outcomeHint =
  'Either key may be valid. Call changeKey again on this client, which reuses the same new key, or try the key passed to keep';

/**
 * @param pending holds the new key for the next call while it is unknown whether the vault accepted it
 * @throws AnimaError
 */
export async function changeKey(
  transport: Transport,
  pending: { key?: string },
  { keep, ...options }: ChangeKeyOptions,
): Promise<string> {
  const { owner } = transport;
  if (owner === undefined) throw notSentError('wrong_key_kind', 'it requires a user key, which it replaces');
  const settings = { ...transport.callSettings(options, 'keep'), outcomeHint: outcomeHint };
  pending.key ??= createUserKey(owner);
  const newKey = pending.key;
  const credential = parseCredential(newKey);
  await keep?.(newKey);
  const decode = ownAccountDecoder(transport);
  try {
    await transport.request({ route: userRoutes.changeUserKey, body: { newKey } }, settings, decode);
  } catch (error) {
    // The response may be lost, or may be the response to a retry, which the old key no longer authenticates. Trying
    // the new key decides. If it does not work, an attempt may still be in progress, so the new key stays pending.
    if (!(await isKeyAccepted(transport.withKey(credential), settings, decode))) throw error;
  }
  transport.useKey(credential);
  delete pending.key;
  return newKey;
}

const isKeyAccepted = (
  transport: Transport,
  settings: CallSettings,
  decode: Decoder<AccountResponse>,
): Promise<boolean> =>
  transport.request({ route: userRoutes.getAccount }, settings, decode).then(
    () => true,
    () => false,
  );

function createUserKey(owner: { readonly org: string; readonly user: string }): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = formatUserKey({ ...owner, secret: encodeKeySecret(bytes) });
  bytes.fill(0);
  return key;
}
