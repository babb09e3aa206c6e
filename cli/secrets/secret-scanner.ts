/** Finds stored values and keys of the vault in files. */
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AhoCorasickAutomaton } from '../../egress/redaction/aho-corasick.ts';
import { encodedFormsOf } from '../../egress/redaction/encoded-forms.ts';

export interface Finding {
  readonly file: string;
  /** Line number, from 1. */
  readonly line: number;
  /** The name of the value; undefined for a key of the vault. */
  readonly name: string | undefined;
  /** Ids of the key. */
  readonly keyId: string | undefined;
}

/** Folders that are not searched unless that is asked for: objects of git, and installed packages. */
const skippedFolders = new Set(['.git', 'node_modules']);

/** The longest key of the vault has 112 characters. */
const maxKeyLength = 128;
const keyCandidate = /anm_[0-9a-z]{16}_u?[0-9a-z]{16,17}_[0-9A-Za-z]{49}(?![0-9A-Za-z])/g;

/** All regular files below a path, sorted; symbolic links are not followed. */
export async function* listFiles(path: string, all: boolean): AsyncGenerator<string> {
  const stats = await lstat(path);
  if (stats.isFile()) yield path;
  if (!stats.isDirectory()) return;
  const entries = await readdir(path, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isFile()) yield join(path, entry.name);
    else if (entry.isDirectory() && (all || !skippedFolders.has(entry.name)))
      yield* listFiles(join(path, entry.name), all);
  }
}

export class SecretScanner {
  readonly #automaton: AhoCorasickAutomaton;
  readonly #names = new Map<string, string>();
  readonly #keyIdOf: (key: string) => string | undefined;
  readonly #overlap: number;

  /**
   * @param values values by name, each found in every form of encoded-forms.ts
   * @param keyIdOf the id of a key of the vault; undefined if its checksum is wrong
   */
  constructor(values: ReadonlyMap<string, string>, keyIdOf: (key: string) => string | undefined) {
    const forms: Buffer[] = [];
    for (const [name, value] of values) {
      for (const form of encodedFormsOf(value)) {
        forms.push(form);
        this.#names.set(form.toString('latin1'), name);
      }
    }
    this.#automaton = new AhoCorasickAutomaton(forms);
    this.#keyIdOf = keyIdOf;
    this.#overlap = forms.reduce((most, { length }) => Math.max(most, length), maxKeyLength);
  }

  /** Searches one file, in pieces, so that its size does not matter. One finding for each line and secret. */
  async scan(file: string): Promise<Finding[]> {
    const found = new Map<string, Finding>();
    const add = (line: number, name: string | undefined, keyId: string | undefined) =>
      void found.set(`${line} ${name ?? ''} ${keyId ?? ''}`, { file, line, name, keyId });
    let state = 0;
    let kept: Buffer = Buffer.alloc(0);
    /** Number of the line in which `kept` begins. */
    let firstLine = 1;
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      const window = Buffer.concat([kept, piece]);
      const lineAt = lineCounter(window, firstLine);
      for (let at = kept.length; at < window.length; at++) {
        state = this.#automaton.nextState(state, window[at] ?? 0);
        const length = this.#automaton.longestMatchAt(state);
        if (length === 0) continue;
        const start = at + 1 - length;
        const name = this.#names.get(window.subarray(start, at + 1).toString('latin1'));
        if (name !== undefined) add(lineAt(start), name, undefined);
      }
      for (const { 0: key, index } of window.toString('latin1').matchAll(keyCandidate)) {
        const id = this.#keyIdOf(key);
        if (id !== undefined) add(lineAt(index), undefined, id);
      }
      const cut = Math.max(0, window.length - this.#overlap);
      firstLine = lineAt(cut);
      kept = window.subarray(cut);
    }
    return [...found.values()].sort((a, b) => a.line - b.line);
  }
}

/** Line numbers of positions in a buffer. */
function lineCounter(buffer: Buffer, first: number): (position: number) => number {
  const ends: number[] = [];
  for (let at = buffer.indexOf(10); at !== -1; at = buffer.indexOf(10, at + 1)) ends.push(at);
  return (position) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return first + low;
  };
}
