/** The texts of `explain` for conversations and devices of the directory. */
import type { ExplainParty } from '../../contract/explain/wire.ts';
import { joinWithAnd } from './explain-messages.ts';

type PartyText = Pick<ExplainParty, 'who' | 'how'>;

/** A lock of the org stops the service, and cannot make devices forget. */
const whenLocked = (lockedReason: string | undefined): string =>
  lockedReason === undefined ? '' : ` ${lockedReason} The device keeps what it has, and gets nothing more.`;

/** Why a device gets no messages now. */
const reasons = {
  pending: 'It was admitted by an admin, and no device of its person has confirmed it. No message is sealed for it.',
  suspended: 'It is suspended. No message is sealed for it. It keeps the messages that it had.',
  revoked: 'It is revoked, for ever. It keeps the messages that it had.',
  expired: 'It has expired. No message is sealed for it. It keeps the messages that it had.',
  unknown: 'The directory does not list it, and it has no certificate of a fleet that is valid now.',
  notVouched: 'No owner of its person signed the statement, so no message is sealed for it.',
} as const;
export type NoAccessReason = keyof typeof reasons;

export const explainSessionMessages = {
  device: (id: string, role: string, person: string, since: number, lockedReason: string | undefined): PartyText => ({
    who: `Anyone who can use the keys of the device ${id}, which has the role ${role} and belongs to the person ${person}`,
    how: `In the directory since entry ${since}. Each message is sealed for this device alone, with a key that is deleted after its use. It keeps what it has opened as long as its application does.${whenLocked(lockedReason)}`,
  }),
  member: (id: string, fleet: string, person: string, lockedReason: string | undefined): PartyText => ({
    who: `Anyone who can use the keys of the device ${id}, a member of the fleet ${fleet}, which belongs to the person ${person}`,
    how: `While its certificate holds. Each message is sealed for this device alone, with a key that is deleted after its use.${whenLocked(lockedReason)}`,
  }),
  withoutAccess: (id: string, why: NoAccessReason): PartyText => ({
    who: `The device ${id}`,
    how: reasons[why],
  }),
  former: (version: number, time: string): PartyText => ({
    who: 'Devices that took part before',
    how: `The participants are those of version ${version} of the signed statement, of ${time} by the clock of its signer. Earlier versions are not stored. A former participant keeps the messages that it had.`,
  }),
  notCurrent: {
    who: 'All participants',
    how: 'A signer of the statement is suspended, revoked or expired, so the statement does not count. Nothing is sent until a participant signs another one. Devices keep the messages that they had.',
  },
  apiKeys: {
    who: 'API keys of the organization, admin keys included',
    how: 'No route for API keys serves messages. An admin with an authority key of the directory can suspend and revoke devices. They cannot add a device to a person who has one, or to a conversation: a device of the person signs that.',
  },
  functions: (reading: readonly string[]): PartyText => ({
    who: 'All functions of the deployment',
    how: `The service never has a key of a message. ${joinWithAnd(reading)} can read the ciphertext that waits, up to 30 days, the signed directory and the statements. They see who writes to whom, when, and the padded length.`,
  }),
  operator: {
    who: 'Anyone who administers the AWS account of the deployment',
    how: 'The stored data is not sufficient, with any permission. However, they can delay and drop messages, hold back entries of the directory or a newer statement, and see who writes to whom and when.',
  },
  keyHolders: {
    who: 'Anyone with the recovery key of the directory, or two authority keys',
    how: 'They open no message. They can replace the keys of the directory, and act for a person who has lost all devices.',
  },
  shredded:
    'The organization was shredded, and the service has deleted the directory and the messages. Devices keep the messages that they had.',
  noDirectory: 'The organization has no directory.',
  noConversation:
    'There is no such conversation, or its statement does not verify. Devices keep the messages that they had.',
  noDevice: 'The directory has no such device.',
} as const satisfies Record<string, PartyText | string | ((...args: never[]) => PartyText)>;
