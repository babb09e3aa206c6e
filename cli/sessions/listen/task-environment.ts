import { isVaultCredential } from '../../secrets/restricted-variables.ts';
import type { Task } from './task-store.ts';

/**
 * The environment of the command: the one of `anima` without credentials of the vault, and what is known of the message.
 * Its text is not in it, because other processes of the account can read environments.
 */
export function taskEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  { id, conversation, sender, person, role, type, time }: Task,
  device: string,
): Record<string, string> {
  const kept = Object.entries(own).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !isVaultCredential(entry[0]),
  );
  return {
    ...Object.fromEntries(kept),
    ANIMA_MESSAGE_ID: id,
    ANIMA_CONVERSATION: conversation,
    ANIMA_SENDER: sender,
    ANIMA_SENDER_PERSON: person,
    ANIMA_SENDER_ROLE: role,
    ANIMA_MESSAGE_TYPE: type,
    ANIMA_MESSAGE_TIME: new Date(time).toISOString(),
    ANIMA_DEVICE: device,
  };
}
