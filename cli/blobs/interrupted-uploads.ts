/**
 * Interrupted uploads, stored until they are complete. Each is a file of mode 0600, because its state contains the
 * whole link.
 */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseLinkUrl } from '../../core/blobs/share-link.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { BlobUploadState } from '../../sdk/src/index.ts';
import { permissionProblem } from '../profiles/profile-store.ts';
import { systemErrorCode, writePrivateFile } from '../shell/private-files.ts';

/** Maximum age of a resumable upload, milliseconds (docs/blobs.md). Older states are useless, but still secret. */
const maxUploadAgeMs = 48 * 3600 * 1000;

export interface InterruptedUpload {
  /** Absolute paths of the uploaded files. */
  readonly files: readonly string[];
  /** Absolute path of the preview image. */
  readonly preview?: string | undefined;
  /** Name and type of the only file of a set, if they were given. */
  readonly said?: { readonly name?: string | undefined; readonly type?: string | undefined } | undefined;
  /** Address of the vault that receives it. */
  readonly vault: string;
  /** RFC 3339 time. */
  readonly begunAt: string;
  readonly state: BlobUploadState;
}

export class InterruptedUploads {
  readonly #folder: string;
  readonly #vault: string;
  readonly #org: string;

  /**
   * Uploads of one organization at one vault. The folder is below `$XDG_STATE_HOME` (XDG Base Directory
   * Specification).
   */
  constructor(env: Readonly<Record<string, string | undefined>>, vault: string, org: string) {
    const { XDG_STATE_HOME: xdg, HOME: home } = env;
    const root = xdg?.startsWith('/') ? xdg : join(home ?? homedir(), '.local', 'state');
    this.#folder = join(root, 'anima', 'uploads');
    this.#vault = vault;
    this.#org = org;
  }

  /**
   * Lists uploads, newest first. Removes states that are too old, whatever their organization. Skips files that other
   * users could have written.
   */
  async list(now = Date.now()): Promise<InterruptedUpload[]> {
    const found: InterruptedUpload[] = [];
    for (const name of await this.#names()) {
      // Temporary file of a process that was killed while writing.
      if (name.startsWith('.')) await this.#removeIfOld(name, now);
      if (!name.endsWith('.json')) continue;
      const upload = await this.#read(name);
      if (upload === undefined) continue;
      if (!(now - Date.parse(upload.begunAt) < maxUploadAgeMs)) await rm(join(this.#folder, name), { force: true });
      else if (upload.vault === this.#vault && parseLinkUrl(upload.state.url)?.org === this.#org) found.push(upload);
    }
    return found.sort((a, b) => b.begunAt.localeCompare(a.begunAt));
  }

  /** Stores the newest state of an upload, replacing the previous one. */
  async save(upload: Omit<InterruptedUpload, 'vault'>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const text = JSON.stringify({ ...upload, vault: this.#vault });
    await writePrivateFile(this.#path(upload.state.id), text, { replace: true });
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  #path(id: string): string {
    if (!isTimeId(id)) throw new Error('the state has an invalid id');
    return join(this.#folder, `${id}.json`);
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #removeIfOld(name: string, now: number): Promise<void> {
    const path = join(this.#folder, name);
    const { mtimeMs = now } = (await stat(path).catch(() => undefined)) ?? {};
    if (now - mtimeMs > maxUploadAgeMs) await rm(path, { force: true });
  }

  async #read(name: string): Promise<InterruptedUpload | undefined> {
    const file = await open(join(this.#folder, name), 'r');
    try {
      const { mode, uid } = await file.stat();
      if (permissionProblem(mode, uid) !== undefined) return undefined;
      return parseInterruptedUpload(await file.readFile('utf8'), name);
    } finally {
      await file.close();
    }
  }
}

/** Checks only the outer fields; the client that resumes the upload validates the state itself. */
function parseInterruptedUpload(text: string, name: string): InterruptedUpload | undefined {
  try {
    const upload: InterruptedUpload = JSON.parse(text);
    const { files, preview = '', vault, begunAt, state } = upload;
    const texts: readonly unknown[] = [...files, preview, vault, begunAt, state.id, state.url];
    const framed = Array.isArray(files) && files.length > 0 && texts.every((field) => typeof field === 'string');
    return framed && name === `${state.id}.json` ? upload : undefined;
  } catch {
    return undefined;
  }
}
