/** What the formats of files have in common: entries, and the complaint that names a place and never a value. */

/** One entry of a file. */
export interface Entry {
  /** Variable of a `.env` file; path of keys, joined by slashes, of the others. */
  readonly name: string;
  readonly value: string;
  /** Where it stands: line from 1. */
  readonly line: number;
}

/** A file that can't be read or written exactly. The message names lines and names, never values. */
export class FormatProblem extends Error {
  static {
    FormatProblem.prototype.name = 'FormatProblem';
  }
}

export const problemAt = (line: number, what: string): FormatProblem => new FormatProblem(`line ${line}: ${what}`);
