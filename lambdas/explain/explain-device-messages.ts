/** The texts of `explain` for device vaults. */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import { joinWithAnd } from './explain-messages.ts';

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** A lock of the org stops the service, and cannot make devices forget. */
const whenLocked = (lockedReason: string | undefined): string =>
  lockedReason === undefined ? '' : ` ${lockedReason} The device keeps what it has, and gets nothing more.`;

export const explainDeviceMessages = {
  device: (id: string, role: string, lockedReason: string | undefined): PartyText => ({
    who: `Anyone who can use the keys of the device ${id}, which has the role ${role}`,
    how: `The device decrypts the records itself, with the key of the vault that is wrapped for it.${whenLocked(lockedReason)}`,
  }),
  recoveryCode: (lockedReason: string | undefined): PartyText => ({
    who: 'Anyone with the recovery code of the vault who can get its recovery box and log: with a credential of the user, or by reading the tables',
    how: `The code opens the keys of the recovery member, for which the key of the vault is wrapped.${whenLocked(lockedReason)}`,
  }),
  former: (count: number, isRotationDue: boolean): PartyText => ({
    who: `Former members of the vault: ${count} ${count === 1 ? 'device that was removed or left, or recovery code that was replaced' : 'devices that were removed or left, and recovery codes that were replaced'}`,
    how: isRotationDue
      ? 'A device left. No record is written before a device with the role admin replaces the key of the vault. They keep the keys and the records that they had.'
      : 'The key of the vault was replaced, so they cannot decrypt what was written since. They keep the keys and the records that they had.',
  }),
  slots: {
    who: 'Anyone with a user key, session, password or channel of the user, and no device of the vault',
    how: 'A credential of the user can begin a pairing and read the recovery box. A person must confirm the pairing on a device of the vault.',
  },
  apiKeys: {
    who: 'API keys of the organization, admin keys included',
    how: 'No route for API keys serves device vaults. Deleting the user or shredding the organization deletes what the service stores.',
  },
  functions: (reading: readonly string[]): PartyText => ({
    who: 'All functions of the deployment',
    how: `The service never has a key of a device vault. ${joinWithAnd(reading)} can read its ciphertext, wrapped keys and metadata.`,
  }),
  operator: {
    who: 'Anyone who administers the AWS account of the deployment',
    how: 'The stored data is not sufficient, with any permission. However, they can withhold entries or show an older log to a recovering device, and they see which device wrote which record id and when. A page that the deployment serves could contain a script that uses the keys of a browser.',
  },
  shredded:
    'The organization was shredded, and the service has deleted the vault. Devices keep the keys and the records that they had.',
  noUser: 'There is no such user. Devices keep the keys and the records that they had.',
  noVault: 'The user has no such device vault. Devices of a deleted vault keep the keys and the records that they had.',
} as const satisfies Record<string, PartyText | string | ((...args: never[]) => PartyText)>;
