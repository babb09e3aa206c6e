/** Types shared by the file formats: entries, and errors that contain positions but never values. */

/** One entry of a file. */
export interface FileEntry {
  /** Variable name in a `.env` file; path of keys, joined by slashes, in other formats. */
  readonly name: string;
  readonly value: string;
  /** Line number, from 1. */
  readonly line: number;
}

/** A file that cannot be read or written exactly. The message contains line numbers and names, never values. */
export class FileFormatError extends Error {
  static {
    FileFormatError.prototype.name = 'FileFormatError';
  }
}

export const formatErrorAt = (line: number, what: string): FileFormatError =>
  new FileFormatError(`line ${line}: ${what}`);
