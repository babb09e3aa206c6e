/** Files that a model may hand on: those of one folder, and nothing that a link within it leads to. */
import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import type { ShareSettings } from './tool-context.ts';
import { ToolRefusal } from './tool-refusal.ts';

export interface SharedFile {
  readonly name: string;
  readonly size: number;
  /** Its bytes, once; no more of them than may be shared, however the file grows meanwhile. */
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
  close(): Promise<void>;
}

const pieceBytes = 256 * 1024;

/**
 * Opens a file of the folder.
 * @param path relative to the folder, or absolute
 * @throws Refusal, the same whether there is such a file elsewhere or not
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

/** Hidden names, at any depth, are where programs keep keys: `.env`, `.git`, `.ssh`. */
function isVisibleBelow(root: string, path: string): boolean {
  const inside = relative(root, path);
  const segments = inside.split(sep);
  return inside !== '' && !segments.some((segment) => segment.startsWith('.')) && resolve(root, inside) === path;
}

async function openInside(root: string, wanted: string): Promise<FileHandle> {
  const real = await resolveInsideFolder(root, wanted);
  // O_NONBLOCK: a named pipe would wait for its writer.
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
 * Where that lies which was opened: a folder may have been exchanged for a link since the path was looked at. Linux tells by the open file
 * itself. Elsewhere the path is looked at once more, which whoever exchanges folders fast enough can outrun.
 */
async function openedPathOf(file: FileHandle, root: string, wanted: string): Promise<string> {
  if (process.platform === 'linux') return await readlink(`/proc/self/fd/${file.fd}`);
  const [path, opened] = [await resolveInsideFolder(root, wanted), await file.stat()];
  const named = await stat(path).catch(() => undefined);
  if (named?.ino === opened.ino && named.dev === opened.dev) return path;
  throw noSuchFileRefusal();
}

/** The path without links. A link that stays inside and leads to nothing hidden is as good as a name. */
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
    if (at > maxBytes) throw new ToolRefusal(`The file has grown over ${maxBytes} bytes while it was read`);
    yield piece.subarray(0, bytesRead);
  }
}

const noSuchFileRefusal = (): ToolRefusal =>
  new ToolRefusal(
    'There is no such file to share: it must be a regular file within the shared folder, of no hidden name, and no link may lead out of the folder',
  );
