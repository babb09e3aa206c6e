/** `anima directory rotate`: replaces authorities, the recovery key, or both. */
import { type Bytes, equalBytes, toHex } from '../../core/encoding/bytes.ts';
import { DirectoryAdmin } from '../../sdk/src/session/index.ts';
import { reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { AdminStore, adminAccess, createAdmin, type OrgAccess } from './admin-store.ts';
import { giveKey, parsePublicKey, requirePlaceForKey } from './directory-create.ts';
import { formatKeyText, parseKeyText } from './key-text.ts';
import { readSecretText } from './secret-input.ts';

export interface RotateFlags {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly newAuthority?: boolean;
  readonly recoveryFile?: string;
  readonly newRecoveryFile?: string;
  readonly newRecovery?: boolean;
  readonly cosigner?: string;
  readonly pin?: string;
}

interface Lists {
  readonly added: readonly Uint8Array[];
  readonly removed: readonly Uint8Array[];
}

/** Seeds from files, standard input, or a person. */
interface GivenKeys {
  readonly cosigner: Bytes | undefined;
  /** Signs without a cosigner, and proves that it is at hand if it is kept. */
  readonly recovery: Bytes | undefined;
}

export async function rotate(shell: Shell, flags: RotateFlags): Promise<void> {
  const lists: Lists = {
    added: (flags.add ?? []).map((one) => parsePublicKey('--add', one)),
    removed: (flags.remove ?? []).map((one) => parsePublicKey('--remove', one)),
  };
  const isNewRecovery = flags.newRecovery === true || flags.newRecoveryFile !== undefined;
  if (isNewRecovery) requirePlaceForKey(shell, flags.newRecoveryFile);
  const access = await adminAccess(shell);
  const given = await readKeys(shell, access.org, flags, isNewRecovery);
  const store = await AdminStore.open(shell, access.name, access.org, 'create');
  try {
    await rotateWith(shell, access, store, flags, lists, given, isNewRecovery);
  } finally {
    given.cosigner?.fill(0);
    given.recovery?.fill(0);
    await store.close();
  }
}

async function readKeys(shell: Shell, org: string, flags: RotateFlags, isNewRecovery: boolean): Promise<GivenKeys> {
  const cosigner =
    flags.cosigner === undefined
      ? undefined
      : parseKeyText('authority', org, await readSecretText(shell, 'Second authority key', flags.cosigner));
  if (cosigner !== undefined && isNewRecovery) return { cosigner, recovery: undefined };
  const text = await readSecretText(shell, 'Recovery key', flags.recoveryFile);
  return { cosigner, recovery: parseKeyText('recovery', org, text) };
}

async function rotateWith(
  shell: Shell,
  access: OrgAccess,
  store: AdminStore,
  flags: RotateFlags,
  lists: Lists,
  { cosigner, recovery }: GivenKeys,
  isNewRecovery: boolean,
): Promise<void> {
  const own = await store.authority();
  const next = flags.newAuthority === true || own === undefined ? await nextAuthority(store) : undefined;
  const signer = createAdmin(shell, access, own ?? next ?? new Uint8Array(0), flags.pin ?? (await store.pin()));
  await signer.sync();
  const isReplaced = next !== undefined && own !== undefined;
  const dropped = isReplaced ? [...lists.removed, signer.publicKey] : lists.removed;
  const kept = signer.summary().authorities.filter((key) => !includes(dropped, key));
  const added = next === undefined ? lists.added : [...lists.added, createAdmin(shell, access, next).publicKey];
  const authorities = [...kept, ...added.filter((key) => !includes(kept, key))];
  const file = await reserveFile(flags.newRecoveryFile);
  await file.keepIf(async () => {
    const nextRecovery = isNewRecovery ? DirectoryAdmin.newKeys().recovery : (recovery ?? new Uint8Array(0));
    const text = formatKeyText('recovery', access.org, nextRecovery);
    // Before it counts: nobody would have it if this command ended in between.
    const isWritten = isNewRecovery && (await giveKey(shell, text, file, flags.newRecoveryFile));
    const by = cosigner === undefined ? { signer: recovery } : { cosigner };
    await signer.rotate({ authorities, recovery: nextRecovery, ...by });
    if (next !== undefined) await store.useNextAuthority(next);
    await store.keepPin(signer.pin);
    printRotated(shell, signer, authorities, isNewRecovery, flags.newRecoveryFile);
    return isWritten;
  });
}

/** Stored before it is part of the directory, and used again if an earlier rotation did not end. */
async function nextAuthority(store: AdminStore): Promise<Bytes> {
  const seed = (await store.nextAuthority()) ?? new Uint8Array(DirectoryAdmin.newKeys().authority);
  await store.keepNextAuthority(seed);
  return seed;
}

const includes = (keys: readonly Uint8Array[], key: Uint8Array): boolean => keys.some((one) => equalBytes(one, key));

function printRotated(
  shell: Shell,
  admin: DirectoryAdmin,
  authorities: readonly Uint8Array[],
  isNewRecovery: boolean,
  path: string | undefined,
): void {
  const { head } = admin.summary();
  const newRecovery = path === undefined ? 'a new one, shown above' : `a new one, in ${path}`;
  shell.print(
    `Replaced the keys of the directory.\n${formatFacts([
      ...authorities.map((one): [string, string] => ['authority', toHex(one)]),
      ['recovery', isNewRecovery ? newRecovery : 'the same as before'],
      ['head', `entry ${head.seq}, ${head.code}`],
      ['pin', admin.pin],
    ])}`,
    { authorities: authorities.map(toHex), newRecovery: isNewRecovery, recoveryFile: path, head, pin: admin.pin },
  );
  shell.note('If a key was stolen, look for devices that its thief admitted: `anima directory status`.');
}
