/** `anima directory suspend` and the other changes of devices, links and keys. */
import { fromBase64 } from '../../core/encoding/bytes.ts';
import type { DirectoryAdmin } from '../../sdk/src/session/index.ts';
import { usageError } from '../shell/command-error.ts';
import { readInput, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { withAdmin } from './admin-store.ts';
import { formatKeyText } from './key-text.ts';
import { findId } from './subject-ids.ts';

const listHint = '`anima directory status --all` shows the ids.';

/** Ids of devices, fleets and members that a change can be about. */
function subjectIds(admin: DirectoryAdmin): string[] {
  const { fleets, members } = admin.summary();
  return [
    ...admin.devices().map(({ device }) => device),
    ...fleets.map(({ fleet }) => fleet),
    ...members.map(({ member }) => member),
  ];
}

export interface StatusFlags {
  readonly certificate?: string;
  readonly yes?: boolean;
}

const statusTexts = {
  suspend: ['Suspended', 'It gets and sends nothing until `anima directory resume`.'],
  resume: ['Resumed', 'It can send and receive again.'],
  revoke: ['Revoked', 'For ever: its keys are never accepted again, and the service deletes its messages.'],
} as const;

/** Suspends, resumes or revokes. */
export async function changeStatus(
  shell: Shell,
  op: keyof typeof statusTexts,
  wanted: string,
  { certificate: path, yes }: StatusFlags,
): Promise<void> {
  const certificate = path === undefined ? undefined : await readCertificateFile(shell, path);
  await withAdmin(shell, async ({ admin }) => {
    await admin.sync();
    // A member of a fleet is not in the directory before.
    const known = certificate !== undefined ? [...subjectIds(admin), wanted.toLowerCase()] : subjectIds(admin);
    const subject = findId('device or fleet', wanted, known, listHint);
    if (op === 'revoke') await confirmRevocation(shell, admin, subject, yes);
    if (certificate !== undefined) await admin.suspendMember(subject, certificate);
    else await admin[op](subject);
    const [done, effect] = statusTexts[op];
    const status = op === 'suspend' ? 'suspended' : op === 'resume' ? 'active' : 'revoked';
    shell.print(`${done} ${subject}. ${effect}`, { subject, status });
  });
}

async function confirmRevocation(shell: Shell, admin: DirectoryAdmin, subject: string, yes: boolean | undefined) {
  if (yes === true) return;
  if (!shell.stdin.isTTY)
    throw usageError('There is no terminal for the confirmation; nothing was done', 'In scripts use --yes.');
  const device = admin.devices().find((one) => one.device === subject);
  const whose = device === undefined ? '' : `, a device of the person ${device.person} with the role ${device.role}`;
  await shell.confirm(`This revokes ${subject}${whose}, for ever. Type yes to continue:`, 'yes');
}

async function readCertificateFile(shell: Shell, path: string): Promise<Uint8Array> {
  const bytes = fromBase64((await readInput(path, shell.stdin)).toString('utf8').trim());
  if (bytes !== undefined) return bytes;
  throw usageError('--certificate requires a file with a certificate in base64; nothing was sent');
}

/** Lets two agents or fleets write to each other, or ends that. */
export async function changeLink(shell: Shell, op: 'link' | 'unlink', one: string, other: string): Promise<void> {
  await withAdmin(shell, async ({ admin }) => {
    await admin.sync();
    const ids = [
      ...admin.devices().flatMap(({ device, role }) => (role === 'agent' ? [device] : [])),
      ...admin.summary().fleets.map(({ fleet }) => fleet),
    ];
    const [a, b] = [findId('agent or fleet', one, ids, listHint), findId('agent or fleet', other, ids, listHint)];
    await admin[op](a, b);
    const found = admin.summary().links.find((link) => [link.a, link.b].sort().join() === [a, b].sort().join());
    if (op === 'unlink') return shell.print(`Removed the link between ${a} and ${b}.`, { a, b, linked: false });
    shell.print(
      `Linked ${a} and ${b}.\n${formatFacts([
        ['link', found?.link],
        ['pending', found?.waiting.join(', ')],
      ])}`,
      {
        ...{ a, b, linked: true, link: found?.link, waiting: found?.waiting },
      },
    );
    shell.note(
      `It has no effect before a device of each person confirms it:\n\n    anima session confirm ${found?.link ?? ''}`,
    );
  });
}

export async function checkpoint(shell: Shell): Promise<void> {
  await withAdmin(shell, async ({ admin }) => {
    await admin.checkpoint();
    const { head } = admin.summary();
    shell.print(`Made a checkpoint, entry ${head.seq}. New devices verify the directory from there.`, { head });
  });
}

/** Prints the secret authority key of this machine, as the second key of `rotate --cosigner` on another one. */
export async function exportAuthority(shell: Shell, path: string): Promise<void> {
  const file = await reserveFile(path);
  await file.keepIf(async () =>
    withAdmin(shell, async ({ store, access }) => {
      const seed = (await store.authority()) ?? new Uint8Array(0);
      const isKept = await file.write(`${formatKeyText('authority', access.org, seed)}\n`);
      seed.fill(0);
      shell.print(`Wrote the authority key of this machine to ${path}, a file of mode 0600.`, { file: path });
      shell.note('Anyone who has this key can suspend and revoke devices. Delete the file after use.');
      return isKept;
    }),
  );
}
