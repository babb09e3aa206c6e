/** Files that a model may share: files inside one folder, never the targets of links out of it. */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import type { ShareSettings } from './tool-context.ts';
import { ToolRefusal } from './tool-refusal.ts';

export interface SharedFile {
  readonly name: string;
  readonly size: number;
  /** The bytes; can be iterated once. Never more than the size limit, even if the file grows. */
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
  close(): Promise<void>;
}

const pieceBytes = 256 * 1024;

/**
 * Opens a file in the folder.
 * @param path relative to the folder, or absolute
 * @throws ToolRefusal, with the same message whether or not the file exists elsewhere
 */
export async function openSharedFile({ root, maxBytes }: ShareSettings, path: string): Promise<SharedFile> {
  const wanted = resolve(root, path);
  if (path.includes('\0') || !isVisibleBelow(root, wanted)) throw noSuchFileRefusal();
  const file = await openInside(root, wanted);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new ToolRefusal(`The file has ${size} bytes; this server shares at most ${maxBytes}`);
    return { name: basename(wanted), size, pieces: () => readPieces(file, maxBytes), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Hidden names are excluded at any depth, because programs keep keys there: `.env`, `.git`, `.ssh`. */
function isVisibleBelow(root: string, path: string): boolean {
  const inside = relative(root, path);
  const segments = inside.split(sep);
  return inside !== '' && !segments.some((segment) => segment.startsWith('.')) && resolve(root, inside) === path;
}

async function openInside(root: string, wanted: string): Promise<FileHandle> {
  const real = await resolveInsideFolder(root, wanted);
  // O_NONBLOCK: opening a named pipe would otherwise block until a writer appears.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(real, flags).catch(() => {
    throw noSuchFileRefusal();
  });
  try {
    if ((await file.stat()).isFile() && isVisibleBelow(root, await openedPathOf(file, root, wanted))) return file;
    throw noSuchFileRefusal();
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The real path of the opened file: a folder may have been replaced by a link after the path was checked. On Linux the
 * path is read from the open file. On other systems the path is resolved again; a process that swaps folders fast
 * enough can evade that check.
 */
async function openedPathOf(file: FileHandle, root: string, wanted: string): Promise<string> {
  if (process.platform === 'linux') return await readlink(`/proc/self/fd/${file.fd}`);
  const [path, opened] = [await resolveInsideFolder(root, wanted), await file.stat()];
  const named = await stat(path).catch(() => undefined);
  if (named?.ino === opened.ino && named.dev === opened.dev) return path;
  throw noSuchFileRefusal();
}

/** Resolves links in the path. Links that stay inside the folder and lead to no hidden name are allowed. */
async function resolveInsideFolder(root: string, path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || !isVisibleBelow(root, real)) throw noSuchFileRefusal();
  return real;
}

async function* readPieces(file: FileHandle, maxBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; ; ) {
    const piece = new Uint8Array(pieceBytes);
    const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    if (at > maxBytes) throw new ToolRefusal(`The file grew beyond ${maxBytes} bytes while it was read`);
    yield piece.subarray(0, bytesRead);
  }
}

const noSuchFileRefusal = (): ToolRefusal =>
  new ToolRefusal(
    'No such file can be shared: it must be a regular, non-hidden file inside the shared folder, not reached through a link out of the folder',
  );
