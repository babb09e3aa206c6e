/**
 * Downloaded files: a file name that is safe on this machine, and no file under that name until the download is
 * complete.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, parse, resolve } from 'node:path';
import { sanitizeFileName } from '../../core/blobs/file-name.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { systemErrorCode } from '../shell/private-files.ts';

/**
 * The sender's name as a file name in this folder. A name that starts with `-` would be parsed as an option by other
 * commands. In the home directory, shells and other programs run files whose names start with a dot.
 */
export function toLocalFileName(sent: string, folder: string): string {
  const name = sanitizeFileName(sent).replace(/^-/, '_');
  return name.startsWith('.') && resolve(folder) === resolve(homedir()) ? `_${name}` : name;
}

/** `name-1.ext`, `name-2.ext` … */
function withNumber(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${number}${ext}`);
}

/** Destination of a download. */
export interface DownloadTarget {
  readonly folder: string;
  /** File name, if given; otherwise the sender's name is used. */
  readonly name: string | undefined;
}

/** @throws CommandError if the file exists and must not be replaced; checked before the link is opened */
export async function resolveDownloadTarget(output: string | undefined, replace: boolean): Promise<DownloadTarget> {
  if (output === undefined) return { folder: '.', name: undefined };
  const found = await stat(output).catch(() => undefined);
  if (found?.isDirectory() === true) return { folder: output, name: undefined };
  if (found !== undefined && !replace) throw fileExistsError(output);
  return { folder: dirname(output), name: basename(output) };
}

/** A file of mode 0600 that is written next to its final location. */
export class DownloadFile {
  readonly #target: DownloadTarget;
  readonly #temporaryPath: string;
  readonly #file: Awaited<ReturnType<typeof open>>;

  private constructor(target: DownloadTarget, beside: string, file: Awaited<ReturnType<typeof open>>) {
    this.#target = target;
    this.#temporaryPath = beside;
    this.#file = file;
  }

  /** @throws CommandError if the file cannot be created */
  static async create(target: DownloadTarget): Promise<DownloadFile> {
    const beside = join(target.folder, `.anima-${randomBytes(8).toString('hex')}.part`);
    const file = await open(beside, 'wx', 0o600).catch((error: unknown) => {
      throw new CommandError(
        `The output file can’t be written (${systemErrorCode(error) ?? 'unknown'}); nothing was opened`,
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

  /** Flushes the file to disk. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /**
   * Renames the file to its final name and returns it. If the sender chose the name and it is taken, a number is
   * added.
   * @param sent the sender's name for the file
   */
  async moveIntoPlace(sent: string, replace: boolean): Promise<string> {
    await this.#file.sync();
    await this.#file.close();
    const { folder, name } = this.#target;
    const wanted = join(folder, name ?? toLocalFileName(sent, folder));
    if (replace) {
      await rename(this.#temporaryPath, wanted);
      return wanted;
    }
    for (let number = 0; number < 1000; number++) {
      const path = number === 0 ? wanted : withNumber(wanted, number);
      try {
        // Reserves the name, because a rename would silently replace an existing file. Hard links would do both, but
        // not every file system supports them.
        await (await open(path, 'wx', 0o600)).close();
        await rename(this.#temporaryPath, path);
        return path;
      } catch (error) {
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
    }
    throw fileExistsError(wanted);
  }

  /** Removes the unfinished file, if it exists. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    if (existsSync(this.#temporaryPath)) await unlink(this.#temporaryPath);
  }
}

const fileExistsError = (path: string): CommandError =>
  new CommandError(`The file ${basename(path)} exists; it was not changed, and nothing was opened`, {
    exit: exitCodes.conflict,
    next: 'Replace it with --force, or give another name.',
  });
