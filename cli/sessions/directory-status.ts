/** `anima directory status` and `anima directory pending`. */
import { toHex } from '../../core/encoding/bytes.ts';
import { DirectoryAdmin, type SessionDeviceInfo } from '../../sdk/src/session/index.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable } from '../shell/terminal-output.ts';
import { AdminStore, adminAccess, createAdmin } from './admin-store.ts';
import { listStoredOrgs } from './session-folder.ts';

/** A further view: without an authority key, an API key that may read the directory is enough. */
async function readDirectory<T>(
  shell: Shell,
  work: (admin: DirectoryAdmin, store: AdminStore | undefined) => Promise<T>,
): Promise<T> {
  const access = await adminAccess(shell);
  const isAdmin = (await listStoredOrgs(shell.env, access.name, 'admin')).includes(access.org);
  const store = isAdmin ? await AdminStore.open(shell, access.name, access.org, 'refuse') : undefined;
  try {
    const pin = await store?.pin();
    if (pin === undefined)
      shell.note('No pin of the directory is stored here, so the directory is shown as the service shows it.');
    // It signs nothing here.
    const seed = (await store?.authority()) ?? DirectoryAdmin.newKeys().authority;
    const admin = createAdmin(shell, access, seed, pin);
    await admin.sync();
    const result = await work(admin, store);
    if (pin !== undefined) await store?.keepPin(admin.pin);
    return result;
  } finally {
    await store?.close();
  }
}

export const deviceColumns = ['DEVICE', 'ROLE', 'STATE', 'FINGERPRINT', 'RIGHTS'];

export const deviceRow = ({ device, role, status, fingerprint, can, isThis }: SessionDeviceInfo): string[] => [
  device,
  role,
  status,
  fingerprint,
  [...can, ...(isThis ? ['(this device)'] : [])].join(' '),
];

/** The devices of each person, in the order of the ids of persons. */
export function describePersons(devices: readonly SessionDeviceInfo[]): string {
  const persons = [...new Set(devices.map(({ person }) => person))].sort();
  return persons
    .map((person) => {
      const rows = devices.filter((one) => one.person === person).map(deviceRow);
      return `person ${person}\n${formatTable([deviceColumns, ...rows].map(([first = '', ...rest]) => [`  ${first}`, ...rest]))}`;
    })
    .join('\n\n');
}

export async function status(shell: Shell, { all }: { readonly all?: boolean }): Promise<void> {
  await readDirectory(shell, async (admin, store) => {
    const { head, authorities, recovery, fleets, members, links } = admin.summary();
    const own = (await store?.authority()) === undefined ? undefined : toHex(admin.publicKey);
    const every = admin.devices();
    const devices = all === true || shell.json ? every : every.filter((one) => one.status !== 'revoked');
    if (head.seq === 0) shell.note('The organization has no directory. `anima directory create` begins one.');
    const facts = formatFacts([
      ['head', `entry ${head.seq}, ${head.code}`],
      ['pin', head.seq === 0 ? undefined : admin.pin],
      ...authorities.map((key): [string, string] => [
        'authority',
        `${toHex(key)}${toHex(key) === own ? '  (this machine)' : ''}`,
      ]),
      ['recovery', head.seq === 0 ? undefined : toHex(recovery)],
      ...fleets.map((one): [string, string] => [
        'fleet',
        `${one.fleet}  ${one.status}  of ${one.person}  until ${one.expiresAt.toISOString()}`,
      ]),
      ...members.map((one): [string, string] => ['member', `${one.member}  ${one.status}  of fleet ${one.fleet}`]),
      ...links.map((one): [string, string] => [
        'link',
        `${one.link}  ${one.a} and ${one.b}${one.waiting.length > 0 ? `  pending: ${one.waiting.join(', ')}` : ''}`,
      ]),
    ]);
    const hidden = every.length - devices.length;
    if (hidden > 0) shell.note(`Revoked devices that are not shown: ${hidden}. --all shows them.`);
    shell.print([facts, describePersons(devices)].filter((part) => part !== '').join('\n\n'), {
      head,
      pin: head.seq === 0 ? undefined : admin.pin,
      authorities: authorities.map(toHex),
      ownAuthority: own,
      recovery: toHex(recovery),
      ...{ devices: every.map(({ isThis: _, ...one }) => one), fleets, members, links },
    });
  });
}

/** Devices that wait for an admin, and what waits for a device of its person. */
export async function pending(shell: Shell): Promise<void> {
  await readDirectory(shell, async (admin, store) => {
    const kept = new Set((await store?.invites())?.map(({ id }) => id));
    const waiting = (await admin.waiting()).map((one) => ({ ...one, isOurs: kept.has(one.id) }));
    const { fleets, links } = admin.summary();
    const devices = admin.devices().filter((one) => one.status === 'pending');
    const unsigned = [
      ...devices.map((one) => ({
        kind: one.role,
        id: one.device,
        persons: [one.person],
        fingerprint: one.fingerprint,
      })),
      ...fleets
        .filter((one) => one.status === 'pending')
        .map((one) => ({ kind: 'fleet', id: one.fleet, persons: [one.person], fingerprint: undefined })),
      ...links
        .filter((one) => one.waiting.length > 0)
        .map((one) => ({ kind: 'link', id: one.link, persons: one.waiting, fingerprint: undefined })),
    ];
    const forAdmin = waiting.map((one) => [
      `  ${one.id}`,
      one.role,
      one.person,
      one.fingerprint,
      one.isOurs ? '' : 'invited from another machine',
    ]);
    const forPersons = unsigned.map((one) => [`  ${one.id}`, one.kind, one.persons.join(' '), one.fingerprint ?? '']);
    const parts = [
      forAdmin.length === 0
        ? ''
        : `For an admin: anima directory admit INVITE\n${formatTable([['  INVITE', 'ROLE', 'PERSON', 'FINGERPRINT', ''], ...forAdmin])}`,
      forPersons.length === 0
        ? ''
        : `For a device of the person: anima session confirm ID\n${formatTable([['  ID', 'KIND', 'PERSON', 'FINGERPRINT'], ...forPersons])}`,
    ].filter((part) => part !== '');
    if (parts.length === 0) shell.note('Nothing is pending.');
    shell.print(parts.join('\n\n'), { admit: waiting, confirm: unsigned });
  });
}
