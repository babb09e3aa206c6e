/** A progress line on a terminal's standard error that is updated in place. */
import type { Shell } from './shell.ts';
import { escapeForLine } from './terminal-text.ts';

export class ProgressLine {
  readonly #shell: Shell;
  /** Whether standard error is a terminal; otherwise nothing is shown. */
  readonly isShown: boolean;
  #lastText = '';

  constructor(shell: Shell) {
    this.#shell = shell;
    this.isShown = shell.rawStderr.isTTY === true && !shell.quiet;
  }

  show(text: string): void {
    if (!this.isShown || text === this.#lastText) return;
    this.#lastText = text;
    this.#shell.rawStderr.write(`\r\u001b[K${escapeForLine(text)}`);
  }

  /** Removes the line. */
  end(): void {
    if (this.#lastText !== '') this.#shell.rawStderr.write('\r\u001b[K');
    this.#lastText = '';
  }
}

/** Formats a byte count for people: `512 bytes`, `3.1 MiB`. */
export function formatByteSize(bytes: number): string {
  if (bytes < 1024) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = bytes / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value.toFixed(1)} ${units[0]}`;
}

/** Formats transfer progress: `uploading: 40 %, 3.1 of 7.8 MiB`. */
export function formatTransfer(what: string, bytes: number, total: number | undefined): string {
  if (total === undefined || total === 0) return `${what}: ${formatByteSize(bytes)}`;
  return `${what}: ${Math.min(100, Math.floor((100 * bytes) / total))} %, ${formatByteSize(bytes)} of ${formatByteSize(total)}`;
}
