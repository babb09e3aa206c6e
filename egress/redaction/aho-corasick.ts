/**
 * Aho-Corasick over bytes (Aho and Corasick, 1975): matches all patterns at once, in time linear in the input, even if
 * patterns overlap. Uses typed arrays, because the patterns of a few long values need a million nodes.
 */
const root = 0;

/** A trie of byte patterns with failure links. Node 0 is the root; depth is the length of the path to a node. */
export class AhoCorasickAutomaton {
  #bytes: Uint8Array;
  #firstChild: Int32Array;
  #sibling: Int32Array;
  #failureLinks: Int32Array;
  readonly #depth: Int32Array;
  /** Length of the longest pattern that ends at a node, including its failure links; 0 if none does. */
  readonly #matchLengths: Int32Array;
  /** Children of the root by byte: the root has up to 256 children and is used most. */
  readonly #rootChildren = new Int32Array(256);
  #size = 1;

  constructor(patterns: Iterable<Uint8Array>) {
    const all = [...patterns];
    const most = all.reduce((sum, pattern) => sum + pattern.length, 1);
    this.#bytes = new Uint8Array(most);
    this.#firstChild = new Int32Array(most);
    this.#sibling = new Int32Array(most);
    this.#failureLinks = new Int32Array(most);
    this.#depth = new Int32Array(most);
    this.#matchLengths = new Int32Array(most);
    for (const pattern of all) this.#insert(pattern);
    this.#buildFailureLinks();
  }

  /** The next state after one more byte. */
  nextState(state: number, byte: number): number {
    for (let at = state; at !== root; at = this.#failureLinks[at] ?? root) {
      const child = this.#child(at, byte);
      if (child !== root) return child;
    }
    return this.#rootChildren[byte] ?? root;
  }

  /** Length of the input suffix that may start a pattern. No later match begins before it. */
  depthOf(state: number): number {
    return this.#depth[state] ?? 0;
  }

  /** Length of the longest pattern that ends in this state; 0 if none does. */
  longestMatchAt(state: number): number {
    return this.#matchLengths[state] ?? 0;
  }

  #child(node: number, byte: number): number {
    if (node === root) return this.#rootChildren[byte] ?? root;
    let child = this.#firstChild[node] ?? root;
    while (child !== root && this.#bytes[child] !== byte) child = this.#sibling[child] ?? root;
    return child;
  }

  #insert(pattern: Uint8Array): void {
    let node = root;
    for (const byte of pattern) {
      let child = this.#child(node, byte);
      if (child === root) {
        child = this.#size++;
        this.#bytes[child] = byte;
        this.#depth[child] = this.depthOf(node) + 1;
        if (node === root) this.#rootChildren[byte] = child;
        else {
          this.#sibling[child] = this.#firstChild[node] ?? root;
          this.#firstChild[node] = child;
        }
      }
      node = child;
    }
    this.#matchLengths[node] = pattern.length;
  }

  /** Builds failure links in order of depth, because they depend on those of shorter paths. */
  #buildFailureLinks(): void {
    const queue = new Int32Array(this.#size);
    let end = 0;
    for (const child of this.#rootChildren) if (child !== root) queue[end++] = child;
    for (let at = 0; at < end; at++) {
      const node = queue[at] ?? root;
      const fail = this.#failureLinks[node] ?? root;
      if (this.#matchLengths[node] === 0) this.#matchLengths[node] = this.longestMatchAt(fail);
      for (let child = this.#firstChild[node] ?? root; child !== root; child = this.#sibling[child] ?? root) {
        this.#failureLinks[child] = this.nextState(fail, this.#bytes[child] ?? 0);
        queue[end++] = child;
      }
    }
  }
}
