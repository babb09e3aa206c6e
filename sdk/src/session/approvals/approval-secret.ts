/** The key of this device to which questions are sealed. It is made once, and published until the service has it. */
import { signApprovalKey } from '../../../../core/approvals/approval-keys.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { dhKeyOf, newDhSecret } from '../../../../core/sessions/device-secrets.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import type { ApprovalRequests } from '../requests/session-requests.ts';
import type { SessionContext } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import { Changes } from '../storage/session-store.ts';

const secretName = 'approval-key';
const stateName = 'approval-key-state';

interface KeyState {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly isPublished: boolean;
}

/** The secret, which the caller zeroes. @throws AnimaError approval_key_refused; SessionError storage_damaged */
export async function publishedSecret(
  context: Pick<SessionContext, 'store' | 'own' | 'clock'>,
  requests: ApprovalRequests,
  settings: CallSettings,
): Promise<Bytes> {
  const { store, own, clock } = context;
  let [secret, state] = [await store.bytes(secretName), await store.item<KeyState>(stateName)];
  if (secret === undefined || state === undefined) {
    secret = newDhSecret();
    state = { time: clock.now(), isPublished: false };
    await store.write(new Changes().putSecret(secretName, secret.slice()).put(stateName, state));
  }
  if (secret.length !== 32) throw sessionError('storage_damaged');
  if (!state.isPublished) {
    const key = { device: own.device.id, ak: dhKeyOf(secret), time: state.time };
    await requests.putKey(signApprovalKey(own.org, key, own.ik), settings);
    await store.write(new Changes().put(stateName, { ...state, isPublished: true }));
  }
  return secret;
}
