/**
 * Pipes for the output of a command. Node.js connects commands by sockets, which cannot be opened by name: in the command,
 * `/dev/stderr` and `tee /dev/stderr` would fail. A FIFO is a pipe in every respect.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

export interface OutputPipe {
  readonly reader: Readable;
  /** The writing end, for the command. */
  readonly writer: number;
}

/** Opens pipes; undefined where FIFOs do not exist, as on Windows. */
export async function openOutputPipes(count: number): Promise<OutputPipe[] | undefined> {
  if (process.platform === 'win32') return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'anima-pipes-'));
  try {
    const paths = Array.from({ length: count }, (_, i) => join(folder, String(i)));
    // POSIX mkfifo. No file system function of Node.js creates a FIFO.
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths]);
    return paths.map(openPipe);
  } catch {
    return undefined;
  } finally {
    // The names are not needed any more: an open FIFO exists without one.
    rmSync(folder, { recursive: true, force: true });
  }
}

function openPipe(path: string): OutputPipe {
  // Without O_NONBLOCK, opening would wait for a writer.
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  return { reader: new Socket({ fd: reading, readable: true, writable: false }), writer };
}

/** Closes the writing ends here, so that the readers end when the command has closed its own. */
export function closeWriters(pipes: readonly OutputPipe[]): void {
  for (const { writer } of pipes) closeSync(writer);
}
