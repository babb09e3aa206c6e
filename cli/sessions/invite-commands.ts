/** `anima invite`, and `anima directory admit`: new devices, from the admin's side. */
import { randomBytes } from 'node:crypto';
import type { CreatedInvite, DirectoryRole, WaitingEnrollment } from '../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { parseDuration } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable, formatTime } from '../shell/terminal-output.ts';
import { escapeForLine } from '../shell/terminal-text.ts';
import { type AdminContext, withAdmin } from './admin-store.ts';
import { confirmFingerprint, type FingerprintFlags, requireComparison } from './confirm-fingerprint.ts';
import { parseKeyText } from './key-text.ts';
import { readSecretText } from './secret-input.ts';
import { checkPerson } from './subject-ids.ts';

const personAlphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** A new id: 16 characters of 36, about 80 bits. Bytes from 252 on would make some characters more frequent. */
function newPerson(): string {
  let person = '';
  while (person.length < 16)
    for (const byte of randomBytes(32)) if (byte < 252 && person.length < 16) person += personAlphabet[byte % 36];
  return person;
}

export async function create(
  shell: Shell,
  wanted: string | undefined,
  { role: wantedRole = 'owner', page }: { readonly role?: string; readonly page?: string },
): Promise<void> {
  const role = checkRole(wantedRole);
  const start = page === undefined ? '' : ownerPageLink(page, role);
  if (wanted === undefined && role !== 'owner')
    throw usageError(
      'An agent or a broker belongs to a person, and no person is named; nothing was sent',
      'Give the id of the person. `anima directory status` shows the ids.',
    );
  const person = wanted === undefined ? newPerson() : checkPerson(wanted);
  await withAdmin(shell, async ({ admin, store, access }) => {
    const invite = await admin.invite({ person, role });
    await store.keepInvite(invite);
    const expiresAt = invite.expiresAt.toISOString();
    const enroll = role === 'owner' ? 'anima session enroll' : 'anima agent enroll';
    if (!shell.json) {
      shell.note(
        `${formatFacts([
          ['invite', invite.id],
          ['organization', access.org],
          ['person', `${person}${wanted === undefined ? '  (new)' : ''}`],
          ['role', role],
          ['valid', `once, until ${formatTime(expiresAt)} UTC`],
        ])}\nThe invite is a secret: anyone who has it can answer in place of the device. Give it to the person by a channel that you trust. It is shown only once:`,
      );
    }
    const link = start === '' ? undefined : `${start}${invite.invite}`;
    shell.print(escapeForLine(link ?? invite.invite), { ...invite, expiresAt, link });
    if (shell.json) return;
    const onDevice =
      link === undefined
        ? `On the device, within ten minutes:\n\n    ANIMA_INVITE=… ${enroll} --url ${access.url}\n\nor without the variable: the command asks for the invite.`
        : 'The person opens the link on the device, within ten minutes.';
    shell.note(`${onDevice} Then, here:\n\n    anima directory admit ${invite.id}`);
  });
}

/**
 * The beginning of a link to the owner's page, up to the invite. Browsers do not send what is behind `#`.
 * @throws CommandError for an address that is not https, but for this machine
 */
function ownerPageLink(page: string, role: DirectoryRole): string {
  if (role !== 'owner') throw usageError('--page is for devices that a person holds; nothing was sent');
  const url = URL.canParse(page) ? new URL(page) : undefined;
  const isLocal = url?.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(url.hostname);
  if (url === undefined || !(url.protocol === 'https:' || isLocal))
    throw usageError(
      '--page must be the https address of the pages, the output PageUrl of the deployment; nothing was sent',
    );
  return `${url.origin}/owner/#`;
}

function checkRole(role: string): DirectoryRole {
  if (role === 'owner' || role === 'agent' || role === 'broker') return role;
  throw usageError('--role must be owner (a device that a person holds), agent or broker; nothing was sent');
}

export async function list(shell: Shell): Promise<void> {
  await withAdmin(shell, async ({ admin, store }) => {
    const waiting = new Map((await admin.waiting()).map((one) => [one.id, one]));
    const kept = await store.invites();
    const rows = [
      ...kept.map(({ id, person, role, expiresAt }) => ({
        ...{ id, person, role, expiresAt: expiresAt.toISOString(), isOurs: true },
        state: waiting.has(id) ? 'answered' : expiresAt.getTime() < Date.now() ? 'expired' : 'open',
      })),
      ...[...waiting.values()]
        .filter(({ id }) => !kept.some((one) => one.id === id))
        .map(({ id, person, role }) => ({
          ...{ id, person, role, expiresAt: undefined, isOurs: false },
          state: 'answered',
        })),
    ];
    if (rows.length === 0) shell.note('There are no invites of this machine, and no device waits.');
    shell.print(
      rows.length === 0
        ? ''
        : formatTable([
            ['INVITE', 'ROLE', 'PERSON', 'STATE', 'VALID UNTIL (UTC)', ''],
            ...rows.map((one) => [
              ...[one.id, one.role, one.person, one.state],
              one.expiresAt === undefined ? '-' : formatTime(one.expiresAt),
              one.isOurs ? '' : 'made on another machine',
            ]),
          ]),
      rows,
    );
  });
}

export async function withdraw(shell: Shell, id: string): Promise<void> {
  if (!/^[0-9a-z]{16}$/.test(id))
    throw usageError(
      'That is not the id of an invite, which has 16 characters of 0-9 a-z; nothing was done',
      'The invite itself is a secret, and is no argument. `anima invite list` shows the ids.',
    );
  await withAdmin(shell, async ({ admin, store }) => {
    const wasThere = await admin.cancelInvite(id);
    await store.forgetInvite(id);
    shell.print(wasThere ? `Withdrew the invite ${id}.` : `There was no invite ${id} any more.`, {
      id,
      withdrawn: wasThere,
    });
  });
}

export interface AdmitFlags extends FingerprintFlags {
  readonly can?: readonly string[];
  readonly expiresIn?: string;
  readonly cosigner?: string;
}

export async function admit(shell: Shell, wanted: string | undefined, flags: AdmitFlags): Promise<void> {
  requireComparison(shell, flags);
  const seconds = flags.expiresIn === undefined ? undefined : parseDuration('--expires-in', flags.expiresIn);
  await withAdmin(shell, async (context) => {
    const { admin, store, access } = context;
    const cosigner =
      flags.cosigner === undefined
        ? undefined
        : parseKeyText('authority', access.org, await readSecretText(shell, 'Second authority key', flags.cosigner));
    const { invite, enrollment } = await findWaiting(shell, context, wanted);
    const { person, role } = invite;
    if (enrollment.person !== person || enrollment.role !== role)
      throw new CommandError('The service shows another person or role than the invite; nothing was signed', {
        exit: exitCodes.failed,
        next: 'Withdraw the invite, and make a new one. If it happens again, the service is faulty or hostile.',
      });
    const what = `A device answered to the invite ${invite.id}. It becomes a device of the person ${person} with the role ${role}. Its fingerprint:`;
    await confirmFingerprint(shell, what, enrollment.fingerprint, flags);
    const device = await admin.admit({
      ...{ invite, can: flags.can, cosigner },
      expiresAt: seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000),
    });
    await store.forgetInvite(invite.id);
    const info = admin.devices().find((one) => one.device === device);
    const status = info?.status ?? 'pending';
    shell.print(
      `Admitted the device ${device}.\n${formatFacts([
        ['person', person],
        ['role', role],
        ['state', status],
        ['fingerprint', info?.fingerprint],
      ])}`,
      { device, person, role, status, fingerprint: info?.fingerprint, can: info?.can ?? [] },
    );
    if (status === 'pending')
      shell.note(
        `It gets no message before a device of the person confirms it:\n\n    anima session confirm ${device}`,
      );
  });
}

async function findWaiting(
  shell: Shell,
  { admin, store }: AdminContext,
  wanted: string | undefined,
): Promise<{ readonly invite: CreatedInvite; readonly enrollment: WaitingEnrollment }> {
  const kept = await store.invites();
  const waiting = await admin.waiting();
  const ready = waiting.filter(({ id }) => kept.some((one) => one.id === id));
  const chosen = wanted === undefined ? ready : waiting.filter(({ id }) => id === wanted);
  const [enrollment, ...more] = chosen;
  if (enrollment === undefined) {
    throw new CommandError('No device has answered to such an invite; nothing was done', {
      exit: exitCodes.notFound,
      next: '`anima invite list` shows the invites. The device answers with `anima session enroll` or `anima agent enroll`.',
    });
  }
  if (more.length > 0) {
    shell.error(formatTable(chosen.map(({ id, role, person, fingerprint }) => [id, role, person, fingerprint])));
    throw usageError('Several devices wait; nothing was done', 'Name one: `anima directory admit INVITE`.');
  }
  const invite = kept.find(({ id }) => id === enrollment.id);
  if (invite !== undefined) return { invite, enrollment };
  throw new CommandError('The invite was made on another machine or in another profile; nothing was done', {
    exit: exitCodes.notFound,
    next: 'Only the machine that made it has the secret that proves the keys of the device. Admit it there.',
  });
}
