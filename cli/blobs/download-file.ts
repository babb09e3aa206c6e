/** Files that come from elsewhere: a name that is safe here, and nothing under it before all of it is there. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { systemErrorCode } from '../shell/private-files.ts';

/** Bytes of UTF-8 that a name may have, with room for a number and an extension; most file systems take 255. */
const maxNameBytes = 200;

// What separates folders, steers terminals, turns text around, or is reserved on Windows.
const unsafeCharacters = /[/\\<>:"|?*\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/gu;
const windowsDeviceName = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** A name for a file from what its sender calls it: one segment, not hidden, of no special meaning; `file` when nothing is left. */
export function sanitizeFileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const clean = last
    .normalize('NFC')
    .replace(unsafeCharacters, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '')
    // A name that looks like an option is one to the next command.
    .replace(/^-+/, '_');
  const short = shortenKeepingExtension(clean);
  if (short === '') return 'file';
  return windowsDeviceName.test(short) ? `_${short}` : short;
}

/** Cuts the middle out, so that the extension stays. */
function shortenKeepingExtension(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name;
  const { name: stem, ext } = parse(name);
  const end = Buffer.byteLength(ext) <= 20 ? ext : '';
  let cut = [...(end === '' ? name : stem)];
  while (Buffer.byteLength(cut.join('') + end) > maxNameBytes) cut = cut.slice(0, -1);
  return cut.join('') + end;
}

/** `name-1.ext`, `name-2.ext` …: the first that is free. */
function withNumber(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${number}${ext}`);
}

/** Where a download goes. */
export interface DownloadTarget {
  readonly folder: string;
  /** Its name, when it was told; else the sender's is taken. */
  readonly name: string | undefined;
}

/** @throws CommandError when the file is there and may not be replaced; found out before anything is opened */
export async function resolveDownloadTarget(output: string | undefined, replace: boolean): Promise<DownloadTarget> {
  if (output === undefined) return { folder: '.', name: undefined };
  const found = await stat(output).catch(() => undefined);
  if (found?.isDirectory() === true) return { folder: output, name: undefined };
  if (found !== undefined && !replace) throw fileExistsError(output);
  return { folder: dirname(output), name: basename(output) };
}

/** A file of mode 0600 in the making, beside where it will stand. */
export class DownloadFile {
  readonly #target: DownloadTarget;
  readonly #temporaryPath: string;
  readonly #file: Awaited<ReturnType<typeof open>>;

  private constructor(target: DownloadTarget, beside: string, file: Awaited<ReturnType<typeof open>>) {
    this.#target = target;
    this.#temporaryPath = beside;
    this.#file = file;
  }

  /** @throws CommandError when nothing can be written there */
  static async create(target: DownloadTarget): Promise<DownloadFile> {
    const beside = join(target.folder, `.anima-${randomBytes(8).toString('hex')}.part`);
    const file = await open(beside, 'wx', 0o600).catch((error: unknown) => {
      throw new CommandError(
        `Nothing can be written there (${systemErrorCode(error) ?? 'unknown'}); nothing was opened`,
        {
          exit: exitCodes.failed,
          next: 'Name another file with -o, or look at the folder and its permissions.',
        },
      );
    });
    return new DownloadFile(target, beside, file);
  }

  async write(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) at += (await this.#file.write(piece, at)).bytesWritten;
  }

  /** Brings what was written to the disk. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /**
   * Gives the file its name, and says which. A name that only its sender chose gives way to one that is there.
   * @param sent what the sender calls it
   */
  async moveIntoPlace(sent: string, replace: boolean): Promise<string> {
    await this.#file.sync();
    await this.#file.close();
    const { folder, name } = this.#target;
    const wanted = join(folder, name ?? sanitizeFileName(sent));
    if (replace) {
      await rename(this.#temporaryPath, wanted);
      return wanted;
    }
    for (let number = 0; number < 1000; number++) {
      const path = number === 0 ? wanted : withNumber(wanted, number);
      try {
        // Takes the name, which a rename alone would not ask for; hard links, which would do both, are not on every file system.
        await (await open(path, 'wx', 0o600)).close();
        await rename(this.#temporaryPath, path);
        return path;
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
    }
    throw fileExistsError(wanted);
  }

  /** Removes what is there so far, whatever became of it. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (existsSync(this.#temporaryPath)) await unlink(this.#temporaryPath);
  }
}

const fileExistsError = (path: string): CommandError =>
  new CommandError(`The file ${basename(path)} exists; it was left as it is, and nothing was opened`, {
    exit: exitCodes.conflict,
    next: 'Replace it with --force, or give another name.',
  });
