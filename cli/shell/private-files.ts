/** Files that only their owner may read. */
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CommandError, exitCodes } from './command-error.ts';

/** More than any value or set of them; a stream without end must not fill the memory. Bytes. */
const maxInputBytes = 16 * 1024 * 1024;

/**
 * Writes a file of mode 0600. It is made beside under another name and moved when whole, so that nobody ever sees a part
 * of it, nor all of it under another mode.
 * @param next what to do when the file exists
 * @throws CommandError when it exists and may not be replaced
 */
export async function writePrivateFile(
  path: string,
  data: string | Uint8Array,
  {
    replace,
    next = 'Replace it with --force, or give another name.',
  }: { readonly replace: boolean; readonly next?: string },
): Promise<void> {
  const temporaryPath = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = await open(temporaryPath, 'wx', 0o600).catch((error: unknown) => {
    throw new CommandError(
      `The file ${basename(path)} can’t be made there (${systemErrorCode(error) ?? 'unknown'}); nothing was done`,
      {
        exit: exitCodes.failed,
        next: 'Look at the folder and its permissions.',
      },
    );
  });
  try {
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await unlink(temporaryPath).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  try {
    // A rename replaces what is there; a link does not.
    if (replace) await rename(temporaryPath, path);
    else await link(temporaryPath, path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    throw new CommandError(`The file ${basename(path)} exists; it was left as it is`, {
      exit: exitCodes.conflict,
      next,
    });
  } finally {
    // Gone already after a rename.
    await unlink(temporaryPath).catch(() => undefined);
  }
}

/** A new file whose name is taken before the thing is done that fills it. */
export interface ReservedFile {
  /** Writes the text; false when there is no file, or it can't be written: then the text must go elsewhere. */
  write(text: string): Promise<boolean>;
  /** Does what fills the file, and removes the file unless that says that it did. */
  keepIf(fill: () => Promise<boolean>): Promise<void>;
}

/**
 * Takes the name of a new file, for what is given only once: that the file can't be made must be known before.
 * @throws CommandError when it exists or can't be made
 */
export async function reserveFile(path: string | undefined): Promise<ReservedFile> {
  if (path === undefined) return { write: async () => false, keepIf: async (fill) => void (await fill()) };
  await writePrivateFile(path, '', { replace: false, next: 'Give another name.' });
  return {
    write: async (text) =>
      text !== '' &&
      (await writePrivateFile(path, text, { replace: true }).then(
        () => true,
        () => false,
      )),
    keepIf: async (fill) => {
      let kept = false;
      try {
        kept = await fill();
      } finally {
        if (!kept) await unlink(path).catch(() => undefined);
      }
    },
  };
}

/** The bytes of a file as given, or of standard input for `-`. @throws CommandError when it can't be read */
export async function readInput(path: string, stdin: NodeJS.ReadStream): Promise<Buffer> {
  if (path === '-') return await readAll(stdin);
  try {
    return await readFile(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

export function cannotRead(path: string, error: unknown): CommandError {
  return new CommandError(`The file ${path} can’t be read (${systemErrorCode(error) ?? 'unknown'})`, {
    exit: systemErrorCode(error) === 'ENOENT' ? exitCodes.notFound : exitCodes.failed,
    next: 'Look at its name and permissions.',
  });
}

/** Standard input to its end. @throws CommandError when it does not come to one */
export async function readAll(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxInputBytes) {
      throw new CommandError(`Standard input is over ${maxInputBytes} bytes; nothing was done`, {
        exit: exitCodes.usage,
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** The system's code of an error, e.g. `ENOENT`. */
export function systemErrorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
