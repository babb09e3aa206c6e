/** Files that only their owner can read. */
import { randomBytes } from 'node:crypto';
import { appendFile, link, open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CommandError, exitCodes } from './command-error.ts';

/** Maximum input size, bytes: more than any set of values, but an endless stream must not exhaust memory. */
const maxInputBytes = 16 * 1024 * 1024;

/**
 * Writes a file of mode 0600. It is written under a temporary name in the same folder and renamed when complete, so
 * that no partial content and no other mode is ever visible.
 * @param next what to do if the file exists
 * @throws CommandError if it exists and must not be replaced
 */
export async function writePrivateFile(
  path: string,
  data: string | Uint8Array,
  {
    replace,
    next = 'Replace it with --force, or choose another name.',
  }: { readonly replace: boolean; readonly next?: string },
): Promise<void> {
  const temporaryPath = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const file = await open(temporaryPath, 'wx', 0o600).catch((error: unknown) => {
    throw new CommandError(
      `The file ${basename(path)} can’t be created (${systemErrorCode(error) ?? 'unknown'}); nothing was done`,
      {
        exit: exitCodes.failed,
        next: 'Check the folder and its permissions.',
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
    // A rename replaces an existing file; a link does not.
    if (replace) await rename(temporaryPath, path);
    else await link(temporaryPath, path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
    throw new CommandError(`The file ${basename(path)} exists; it was not changed`, {
      exit: exitCodes.conflict,
      next,
    });
  } finally {
    // After a rename the temporary file no longer exists.
    await unlink(temporaryPath).catch(() => undefined);
  }
}

/** Adds text to the end of a file; a new file has mode 0600. @throws CommandError if it cannot be written */
export async function appendPrivateFile(path: string, text: string): Promise<void> {
  try {
    await appendFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw new CommandError(`The file ${basename(path)} can’t be written (${systemErrorCode(error) ?? 'unknown'})`, {
      exit: exitCodes.failed,
      next: 'Check the folder and its permissions.',
    });
  }
}

/** A new file that is created before the operation that produces its content. */
export interface ReservedFile {
  /** Writes the text; false if there is no file or the write fails: the caller must then output the text elsewhere. */
  write(text: string): Promise<boolean>;
  /** Runs the operation, and removes the file unless the operation reports that it wrote the file. */
  keepIf(fill: () => Promise<boolean>): Promise<void>;
}

/**
 * Creates a new file for output that is returned only once, so that a failure is detected before the operation.
 * @throws CommandError if it exists or cannot be created
 */
export async function reserveFile(path: string | undefined): Promise<ReservedFile> {
  if (path === undefined) return { write: async () => false, keepIf: async (fill) => void (await fill()) };
  await writePrivateFile(path, '', { replace: false, next: 'Choose another name.' });
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

/** Reads the bytes of a file, or of standard input for `-`. @throws CommandError if it cannot be read */
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
    next: 'Check its name and permissions.',
  });
}

/** Reads standard input to its end. @throws CommandError if it exceeds the limit */
export async function readAll(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxInputBytes) {
      throw new CommandError(`Standard input exceeds ${maxInputBytes} bytes; nothing was done`, {
        exit: exitCodes.usage,
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** The system error code of an error, e.g. `ENOENT`. */
export function systemErrorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
