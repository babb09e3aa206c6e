/** A new user key in place of the old: whatever gets lost on the way, the caller has the one that the vault knows. */
import type { AccountResponse } from '../../../contract/users/wire.ts';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { formatUserKey } from '../../../core/users/user-key.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallSettings } from '../shared/client-options.ts';
import type { Decoder } from '../shared/json-decoders.ts';
import { ownAccountDecoder } from './account-requests.ts';
import type { ChangeKeyOptions } from './account-types.ts';

const outcomeHint =
  'Which of the two keys works is not known. Call changeKey again on this client, which goes on with the same new key; or try the key that keep was given';

/**
 * @param pending where a new key is kept while it is not known whether the vault has it, for the next call
 * @throws AnimaError
 */
export async function changeKey(
  transport: Transport,
  pending: { key?: string },
  { keep, ...options }: ChangeKeyOptions,
): Promise<string> {
  const { owner } = transport;
  if (owner === undefined) throw notSentError('wrong_key_kind', 'it takes a user key, which is what it replaces');
  const settings = { ...transport.callSettings(options), outcomeHint: outcomeHint };
  pending.key ??= createUserKey(owner);
  const newKey = pending.key;
  await keep?.(newKey);
  const decode = ownAccountDecoder(transport);
  try {
    await transport.request({ route: 'changeUserKey', body: { newKey } }, settings, decode);
  } catch (error) {
    // The answer may be lost, or be that to a retry, for which the old key is none any more: the new one tells. Where it does not work, an
    // attempt may still be under way, and the new key stays pending.
    if (!(await isKeyAccepted(transport.withKey(newKey), settings, decode))) throw error;
  }
  transport.useKey(newKey);
  delete pending.key;
  return newKey;
}

const isKeyAccepted = (
  transport: Transport,
  settings: CallSettings,
  decode: Decoder<AccountResponse>,
): Promise<boolean> =>
  transport.request({ route: 'getAccount' }, settings, decode).then(
    () => true,
    () => false,
  );

function createUserKey(owner: { readonly org: string; readonly user: string }): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const key = formatUserKey({ ...owner, secret: encodeKeySecret(bytes) });
  bytes.fill(0);
  return key;
}
