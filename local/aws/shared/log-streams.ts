/** Log streams of functions and the gateway, in one file per stream or in a bounded buffer in memory. */
import { closeSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder } from './durable-files.ts';

const maxFileBytes = 16 * 1024 * 1024;
const maxLinesInMemory = 5_000;

export interface Logs {
  /** Appends a line to a stream, e.g. `access` or the logical ID of a function. */
  write(stream: string, line: string): void;
  /** All kept lines of all streams. */
  read(): string;
  close(): void;
}

export function memoryLogs(): Logs {
  let lines: string[] = [];
  return {
    write(stream, line) {
      lines.push(`${stream}: ${line}`);
      if (lines.length > 2 * maxLinesInMemory) lines = lines.slice(-maxLinesInMemory);
    },
    read: () => lines.join('\n'),
    close() {},
  };
}

/** Each stream is `<folder>/<stream>.log`. At the next start, a file over `maxFileBytes` is renamed to `.old.log`. */
export function fileLogs(folder: string): Logs {
  makePrivateFolder(folder);
  const files = new Map<string, number>();
  const paths = new Map<string, string>();
  let closed = false;
  const open = (stream: string): number => {
    const path = join(folder, `${stream}.log`);
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxFileBytes) {
      renameSync(path, join(folder, `${stream}.old.log`));
    }
    const file = openSync(path, 'a', 0o600);
    files.set(stream, file);
    paths.set(stream, path);
    return file;
  };
  return {
    write(stream, line) {
      // A stopped function can still emit lines.
      if (closed) return;
      try {
        writeSync(files.get(stream) ?? open(stream), `${line}\n`);
      } catch {
        // Other writes report a full disk. A lost log line must not end this emulator.
      }
    },
    read: () => [...paths.values()].map((path) => readFileSync(path, 'utf8')).join(''),
    close() {
      closed = true;
      for (const file of files.values()) closeSync(file);
      files.clear();
    },
  };
}
