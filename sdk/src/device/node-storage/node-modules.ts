/**
 * The parts of Node that the storage uses. Taken from the running process, so that this package needs no types of Node,
 * and that bundlers for browsers find nothing to replace.
 */
import { type Bytes, toHex } from '../../../../core/encoding/bytes.ts';
import { deviceError } from '../device-errors.ts';

export interface FileFacts {
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
}

export interface OpenFile {
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    /** Null for a file that is open to append. */
    position: number | null,
  ): Promise<{ readonly bytesWritten: number }>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<FileFacts>;
  close(): Promise<void>;
}

export interface FileSystem {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<readonly string[]>;
  readlink(path: string): Promise<string>;
  stat(path: string): Promise<FileFacts>;
  mkdir(path: string, options: { readonly recursive: boolean; readonly mode: number }): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
}

export interface NodeProcess {
  readonly pid: number;
  readonly platform: string;
  /** With signal 0, it only tells whether the process exists. */
  kill(pid: number, signal: 0): boolean;
}

interface OperatingSystem {
  hostname(): string;
}

export interface NodeModules {
  readonly files: FileSystem;
  readonly process: NodeProcess;
  readonly system: OperatingSystem;
}

const isProcess = (host: unknown): host is NodeProcess & { getBuiltinModule(name: string): unknown } =>
  typeof host === 'object' && host !== null && 'getBuiltinModule' in host && 'pid' in host && 'kill' in host;

const isFileSystem = (found: unknown): found is FileSystem =>
  typeof found === 'object' && found !== null && 'open' in found && 'rename' in found;

const isSystem = (found: unknown): found is OperatingSystem =>
  typeof found === 'object' && found !== null && 'hostname' in found;

/** @throws DeviceVaultError unsupported_platform */
export function nodeModules(): NodeModules {
  const host: unknown = Reflect.get(globalThis, 'process');
  const [files, system] = isProcess(host)
    ? [host.getBuiltinModule('node:fs/promises'), host.getBuiltinModule('node:os')]
    : [];
  if (isProcess(host) && isFileSystem(files) && isSystem(system)) return { files, process: host, system };
  throw deviceError('unsupported_platform', { detail: 'Node 20.16 or later' });
}

/** The code of an error of the system, for example `ENOENT`. */
export const errorCode = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined);

/** Resolves to undefined if there is no such file or folder. */
export const orAbsent = async <T>(work: Promise<T>): Promise<T | undefined> =>
  await work.catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });

const folderMode = 0o700;
const fileMode = 0o600;

export const makeFolder = async ({ files }: NodeModules, folder: string): Promise<void> => {
  await files.mkdir(folder, { recursive: true, mode: folderMode });
};

export const openFile = ({ files }: NodeModules, path: string, flags: string): Promise<OpenFile> =>
  files.open(path, flags, fileMode);

/** A part of a file name that no other file has. */
export const randomName = (): string => toHex(crypto.getRandomValues(new Uint8Array(8)));

/** Makes the names in a folder durable. Windows cannot, and does not need it. */
export async function syncFolder({ files, process }: NodeModules, folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await files.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all bytes at a position. */
export async function writeAll(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Reads up to `length` bytes at a position: fewer at the end of the file. */
export async function readAt(file: OpenFile, position: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** Replaces a file: a reader sees the old content or the new one, also after a crash. */
export async function replaceFile(node: NodeModules, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${folder}/${name}.new`;
  const file = await openFile(node, temporary, 'w');
  try {
    await writeAll(file, bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await node.files.rename(temporary, `${folder}/${name}`);
  await syncFolder(node, folder);
}

export async function readIfPresent({ files }: NodeModules, path: string): Promise<Bytes | undefined> {
  const bytes = await orAbsent(files.readFile(path));
  if (bytes === undefined) return undefined;
  const copy = new Uint8Array(bytes);
  bytes.fill(0);
  return copy;
}

export const removeIfPresent = async ({ files }: NodeModules, path: string): Promise<void> => {
  await orAbsent(files.unlink(path));
};
