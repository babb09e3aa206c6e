/**
 * What an admin's machine keeps: the authority key, the pin of the directory, and the invites that were not admitted yet.
 * All of it is encrypted, as a device is.
 */
import { type CreatedInvite, DirectoryAdmin } from '../../sdk/src/session/index.ts';
import { Changes, SessionStore } from '../../sdk/src/session/storage/session-store.ts';
import { parseKeyIds } from '../profiles/access-resolution.ts';
import { clientOptions } from '../shell/anima-client.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import type { Shell, VaultAccess } from '../shell/shell.ts';
import { listStoredOrgs, sessionStorage } from './session-folder.ts';

interface KeptInvite extends Omit<CreatedInvite, 'expiresAt'> {
  readonly expiresAt: number;
}

/** An invite and its enrollment are of no use after this time. */
const keptMs = 86_400_000 + 600_000;

export class AdminStore {
  readonly #store: SessionStore;

  private constructor(store: SessionStore) {
    this.#store = store;
  }

  /** @param onNew `create` makes the store, `refuse` fails with not_enrolled @throws SessionError in_use, keys_locked */
  static async open(shell: Shell, profile: string, org: string, onNew: 'create' | 'refuse'): Promise<AdminStore> {
    const storage = await sessionStorage(shell.env, profile);
    return new AdminStore(await SessionStore.open(storage, { org, name: 'admin' }, onNew));
  }

  /** Seed of the authority key. */
  async authority(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#store.bytes('authority');
  }

  async keepAuthority(seed: Uint8Array): Promise<void> {
    await this.#store.write(new Changes().putSecret('authority', new Uint8Array(seed)));
  }

  /** The key of a rotation that has begun, so that it is not lost if the command ends in between. */
  async keepNextAuthority(seed: Uint8Array): Promise<void> {
    await this.#store.write(new Changes().putSecret('next-authority', new Uint8Array(seed)));
  }

  async nextAuthority(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return await this.#store.bytes('next-authority');
  }

  async useNextAuthority(seed: Uint8Array): Promise<void> {
    const changes = new Changes().putSecret('authority', new Uint8Array(seed)).delete('next-authority');
    await this.#store.write(changes);
  }

  async pin(): Promise<string | undefined> {
    return (await this.#store.item<{ readonly pin: string }>('pin'))?.pin;
  }

  async keepPin(pin: string): Promise<void> {
    if ((await this.pin()) !== pin) await this.#store.write(new Changes().put('pin', { pin }));
  }

  async keepInvite(invite: CreatedInvite): Promise<void> {
    const item: KeptInvite = { ...invite, expiresAt: invite.expiresAt.getTime() };
    await this.#store.write(new Changes().put(`invite/${invite.id}`, item));
  }

  /** Invites that can still be admitted. Older ones are deleted. */
  async invites(): Promise<readonly CreatedInvite[]> {
    const found: CreatedInvite[] = [];
    const changes = new Changes();
    for await (const [name, { expiresAt, ...rest }] of this.#store.items<KeptInvite>('invite/')) {
      if (Date.now() > expiresAt + keptMs) changes.delete(name);
      else found.push({ ...rest, expiresAt: new Date(expiresAt) });
    }
    await this.#store.write(changes);
    return found;
  }

  async forgetInvite(id: string): Promise<void> {
    await this.#store.write(new Changes().delete(`invite/${id}`));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}

export interface OrgAccess extends VaultAccess {
  readonly org: string;
}

/** The API key in use and its org. @throws CommandError denied for the key of a user */
export async function adminAccess(shell: Shell): Promise<OrgAccess> {
  const access = await shell.access();
  const { org, user } = parseKeyIds(access.apiKey) ?? {};
  if (org !== undefined && user === undefined) return { ...access, org };
  throw new CommandError('The directory needs an API key of the organization; nothing was sent', {
    exit: exitCodes.denied,
    next: 'Use an admin key: `anima login --profile admin`, then --profile admin; or set ANIMA_KEY.',
  });
}

export const createAdmin = (shell: Shell, access: OrgAccess, authority: Uint8Array, pin?: string): DirectoryAdmin =>
  new DirectoryAdmin({ ...clientOptions(access, shell.env), org: access.org, authority, pin });

/** An admin with the keys of this machine. */
export interface AdminContext {
  readonly admin: DirectoryAdmin;
  readonly store: AdminStore;
  readonly access: OrgAccess;
}

/** The pin of the directory that this machine verified; undefined if it never did. */
export async function storedPin(shell: Shell, access: OrgAccess): Promise<string | undefined> {
  if (!(await listStoredOrgs(shell.env, access.name, 'admin')).includes(access.org)) return undefined;
  const store = await AdminStore.open(shell, access.name, access.org, 'refuse');
  try {
    return await store.pin();
  } finally {
    await store.close();
  }
}

/** Opens the keys of this machine, and keeps the pin of what was verified after the work. */
export async function withAdmin<T>(shell: Shell, work: (context: AdminContext) => Promise<T>): Promise<T> {
  const access = await adminAccess(shell);
  if (!(await listStoredOrgs(shell.env, access.name, 'admin')).includes(access.org)) throw noAuthority();
  const store = await AdminStore.open(shell, access.name, access.org, 'refuse');
  try {
    const authority = await store.authority();
    if (authority === undefined) throw noAuthority();
    const admin = createAdmin(shell, access, authority, await store.pin());
    authority.fill(0);
    const result = await work({ admin, store, access });
    // Only after a success: a directory without the pin from before must not get a new one.
    if (admin.summary().head.seq > 0) await store.keepPin(admin.pin);
    return result;
  } finally {
    await store.close();
  }
}

const noAuthority = (): CommandError =>
  new CommandError('This machine has no authority key of the directory, in this profile; nothing was done', {
    exit: exitCodes.notFound,
    next: '`anima directory create` begins a directory. On a further admin machine: `anima directory key`.',
  });
