/** `anima directory create` and `anima directory key`: the keys of the directory. */
import { type Bytes, fromHex, toHex } from '../../core/encoding/bytes.ts';
import { DirectoryAdmin } from '../../sdk/src/session/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { type ReservedFile, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { AdminStore, adminAccess, createAdmin, type OrgAccess } from './admin-store.ts';
import { formatKeyText } from './key-text.ts';
import { describeSessionKeys } from './session-folder.ts';

export interface CreateFlags {
  readonly authority?: readonly string[];
  readonly recoveryFile?: string;
}

export async function create(shell: Shell, { authority: others = [], recoveryFile: path }: CreateFlags): Promise<void> {
  const keys = others.map((key) => parsePublicKey('--authority', key));
  requirePlaceForKey(shell, path);
  const access = await adminAccess(shell);
  const store = await AdminStore.open(shell, access.name, access.org, 'create');
  try {
    const authority = (await store.authority()) ?? (await newAuthority(store));
    const admin = createAdmin(shell, access, authority);
    await admin.sync();
    if (admin.summary().head.seq > 0) {
      throw new CommandError('The organization has a directory already; nothing was changed', {
        exit: exitCodes.conflict,
        next: '`anima directory status` shows it. `anima directory rotate` replaces its keys.',
      });
    }
    const file = await reserveFile(path);
    const { recovery } = DirectoryAdmin.newKeys();
    await file.keepIf(async () => {
      // Before the directory begins: without this key, a lost authority key could not be replaced.
      const text = formatKeyText('recovery', access.org, recovery);
      const isKept = await giveKey(shell, text, file, path);
      await admin.genesis(recovery, keys);
      await store.keepPin(admin.pin);
      await printCreated(shell, access, admin, path);
      return isKept;
    });
    recovery.fill(0);
  } finally {
    await store.close();
  }
}

async function newAuthority(store: AdminStore): Promise<Bytes> {
  const { authority } = DirectoryAdmin.newKeys();
  const seed = new Uint8Array(authority);
  await store.keepAuthority(seed);
  return seed;
}

/** Writes the key to its file, or shows it and waits until a person has kept it. @returns whether a file has it */
export async function giveKey(
  shell: Shell,
  text: string,
  file: ReservedFile,
  path: string | undefined,
): Promise<boolean> {
  if (await file.write(`${text}\n`)) return true;
  if (path !== undefined)
    throw new CommandError('The recovery key could not be written to its file; nothing was sent', {
      exit: exitCodes.failed,
    });
  shell.error(
    `\nThe recovery key. It is shown once. Keep it offline, on paper or on a medium in a safe:\n\n    ${text}\n`,
  );
  await shell.confirm(
    'It replaces lost or stolen keys, and can take over the organization. Type kept to continue:',
    'kept',
  );
  return false;
}

/** @throws CommandError usage if the key could not be shown */
export function requirePlaceForKey(shell: Shell, path: string | undefined): void {
  if (path !== undefined || (shell.stdin.isTTY && !shell.json)) return;
  throw usageError(
    'The recovery key is shown once, and there is no terminal for a person; nothing was done',
    'Write it to a new file of mode 0600 with --recovery-file, and move the file offline.',
  );
}

async function printCreated(
  shell: Shell,
  { name, org }: OrgAccess,
  admin: DirectoryAdmin,
  path: string | undefined,
): Promise<void> {
  const keys = await describeSessionKeys(shell, name, org, 'admin');
  const authority = toHex(admin.publicKey);
  const { head } = admin.summary();
  shell.print(
    `Began the directory.\n${formatFacts([
      ['organization', org],
      ['authority', authority],
      ['recovery key', path === undefined ? 'shown above, and kept nowhere here' : `in ${path}`],
      ['head', `entry ${head.seq}, ${head.code}`],
      ['pin', admin.pin],
      ['keys', keys],
    ])}`,
    { org, authority, recoveryFile: path, head, pin: admin.pin, keys },
  );
  shell.note(
    'Now invite the first device of a person:\n\n    anima invite create --role owner\n\nIf the keys of this machine are lost, only the recovery key replaces them: `anima directory rotate`.',
  );
}

export async function key(shell: Shell, { pin }: { readonly pin?: string }): Promise<void> {
  if (pin !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(pin))
    throw usageError('--pin requires 43 characters, as `anima directory status` shows them; nothing was done');
  const access = await adminAccess(shell);
  const store = await AdminStore.open(shell, access.name, access.org, 'create');
  try {
    const authority = (await store.authority()) ?? (await newAuthority(store));
    if (pin !== undefined) await store.keepPin(pin);
    const publicKey = toHex(createAdmin(shell, access, authority).publicKey);
    authority.fill(0);
    shell.print(publicKey, { org: access.org, authority: publicKey, pin: await store.pin() });
    shell.note(
      `This is the public authority key of this machine. It has an effect after it is part of the directory: with \`anima directory create --authority KEY\` or \`anima directory rotate --add KEY\` on another machine.${(await store.pin()) === undefined ? ' Then store the pin that the other machine shows: `anima directory key --pin PIN`.' : ''}`,
    );
  } finally {
    await store.close();
  }
}

/** @throws CommandError usage */
export function parsePublicKey(option: string, text: string): Bytes {
  const bytes = fromHex(text.trim().toLowerCase());
  if (bytes?.length === 32) return bytes;
  throw usageError(
    `${option} requires a public key, 64 characters of 0-9 a-f; nothing was sent`,
    '`anima directory key` shows the one of a machine.',
  );
}
