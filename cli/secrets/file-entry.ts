/** What the formats of files have in common: entries, and the complaint that names a place and never a value. */

/** One entry of a file. */
export interface FileEntry {
  /** Variable of a `.env` file; path of keys, joined by slashes, of the others. */
  readonly name: string;
  readonly value: string;
  /** Where it stands: line from 1. */
  readonly line: number;
}

/** A file that can't be read or written exactly. The message names lines and names, never values. */
export class FileFormatError extends Error {
  static {
    FileFormatError.prototype.name = 'FormatProblem';
  }
}

export const formatErrorAt = (line: number, what: string): FileFormatError =>
  new FileFormatError(`line ${line}: ${what}`);
