/** The limits of session custody are those that the pages state. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sessionLimits as service } from '../../contract/sessions/limits.ts';
import * as sessions from '../../core/sessions/limits.ts';

/** Rows of the last table of a section: what is limited, and the value. */
function tableOf(page: string, heading: string): readonly (readonly [string, string])[] {
  const [, section = ''] = new RegExp(`^## ${heading}$([\\s\\S]*?)(?:^## |(?![\\s\\S]))`, 'm').exec(
    readFileSync(`docs/${page}`, 'utf8'),
  ) ?? [''];
  return [...section.matchAll(/^\| (.*?) \| (.*?) \|$/gm)]
    .map(([, name = '', value = '']) => [name, value] as const)
    .filter(([name]) => name !== 'limit');
}

const number = (value: number): string => value.toLocaleString('en-US');
const bytes = (value: number): string => `${number(value)} bytes`;
const days = (seconds: number): string => (seconds === 86_400 ? '1 day' : `${number(seconds / 86_400)} days`);
const minutes = (seconds: number): string => `${number(seconds / 60)} minutes`;
const inMs = (ms: number): number => ms / 1_000;

test('those of docs/session-service.md', () => {
  expect(tableOf('session-service.md', '12. Limits')).toEqual([
    ['message', bytes(service.sessionMessageBytes)],
    ['messages in one request', number(service.messagesSent)],
    ['mailbox', `${number(service.mailboxMessages)} messages, ${service.mailboxBytes / 2 ** 20} MiB`],
    ['part of a mailbox for one sender', service.mailboxSenderParts === 4 ? 'one quarter' : ''],
    ['time of a message', days(service.messageSeconds)],
    ['one-time prekeys of a device', number(service.oneTimePrekeys)],
    ['claims between two devices', service.claimWindowSeconds === 3_600 ? `${service.claims} an hour` : ''],
    ['acknowledged names in one request', number(service.acksSent)],
    ['invites of an org', number(service.invites)],
    [
      'time of an invite; of an enrollment that waits',
      `${minutes(service.inviteSeconds)}; ${days(service.enrollmentSeconds)}`,
    ],
    ['attachment', `16,777,216 bytes of plaintext, ${bytes(service.attachmentBytes)} of ciphertext`],
    ['attachments that a device announces in a day', bytes(service.attachmentBytesPerDay)],
    // test/sessions/attachments.e2e.test.ts has these.
    ['time of an attachment; of a URL for it', '31 days; 30 minutes'],
    ['devices, fleets, members and links of a directory', number(service.directorySubjects)],
    ['age of a signature', `${service.sessionSignatureAgeSeconds} seconds`],
    ['ticket', `${service.ticketSeconds} seconds`],
    ['message in a frame', bytes(service.frameMessageBytes)],
    ['ready sockets of a device', number(service.sockets)],
    ['push subscriptions of a device', `${service.pushSubscriptions}, for ${days(service.pushSubscriptionSeconds)}`],
    ['push notices for a device', service.pushIntervalSeconds === 60 ? '1 a minute' : ''],
  ]);
});

test('those of docs/format-sessions.md', () => {
  expect(tableOf('format-sessions.md', '9. Limits')).toEqual([
    ['message', bytes(sessions.maxMessageBytes)],
    ['body in a message', bytes(sessions.maxInlineBody)],
    ['attachment; file', bytes(sessions.maxAttachmentBytes)],
    ['files of a message', number(sessions.maxFiles)],
    ['messages skipped at once; skipped keys of a chain', number(sessions.maxSkippedPerChain)],
    ['skipped keys of a session', number(sessions.maxSkippedPerSession)],
    ['receiving chains of a session', number(sessions.maxReceivingChains)],
    ['age of a skipped key', days(inMs(sessions.maxSkippedKeyAge))],
    ['age of a session until a new handshake is due', days(inMs(sessions.maxSendingAge))],
    ['messages of a session until a new handshake is due', number(sessions.maxSessionMessages)],
    ['time since the last message until a session is deleted', days(inMs(sessions.maxIdleAge))],
    ['sessions with one peer device', number(sessions.maxSessionsPerPeer)],
    ['accepted handshakes of one peer device', number(sessions.maxRememberedHandshakes)],
    // test/sdk/session/messages.test.ts has this one.
    ['devices of a conversation', '16'],
    ['messages that do not open until a resync', number(sessions.resyncFailures)],
    [
      'time between two resyncs, and between two that are obeyed',
      sessions.resyncInterval === 3_600_000 ? '1 hour' : '',
    ],
  ]);
});
