/**
 * The heads of verified exports, by organization: the content of the file in which a verifier remembers them. With it,
 * a later export that is shorter or has another history is detected.
 */
import { sha256Base64UrlPattern } from './audit-seal.ts';
import type { AuditSummary, RememberedHead } from './audit-verifier.ts';

const version = 1;

export class RememberedHeads {
  readonly #byOrg: Map<string, RememberedHead>;

  private constructor(heads: ReadonlyMap<string, RememberedHead>) {
    this.#byOrg = new Map(heads);
  }

  /**
   * @param text content of the file; undefined if it does not exist
   * @throws RangeError if it does not have the form that {@link toText} returns. It must not be ignored then, because
   *   an attacker could have damaged it.
   */
  static parse(text: string | undefined): RememberedHeads {
    if (text === undefined) return new RememberedHeads(new Map());
    const heads = headsOf(parseJson(text));
    if (heads === undefined) throw new RangeError('it does not contain remembered heads');
    return new RememberedHeads(heads);
  }

  find(org: string): RememberedHead | undefined {
    return this.#byOrg.get(org);
  }

  /** Remembers the head of a valid export. */
  add({ org, headSeq, head }: AuditSummary): void {
    if (org !== undefined && headSeq !== undefined && head !== undefined)
      this.#byOrg.set(org, { seq: headSeq, hash: head });
  }

  toText(): string {
    const heads = Object.fromEntries([...this.#byOrg].sort(([a], [b]) => (a < b ? -1 : 1)));
    return `${JSON.stringify({ version, heads }, undefined, 2)}\n`;
  }
}

function headsOf(value: unknown): Map<string, RememberedHead> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { version: stated, heads }: { readonly [name: string]: unknown } = { ...value };
  if (stated !== version || typeof heads !== 'object' || heads === null || Array.isArray(heads)) return undefined;
  const entries = Object.entries(heads).map(([org, head]) => [org, parseHead(head)] as const);
  const found = entries.flatMap(([org, head]) => (head === undefined ? [] : [[org, head] as const]));
  return found.length === entries.length ? new Map(found) : undefined;
}

function parseHead(value: unknown): RememberedHead | undefined {
  const { seq, hash }: { readonly [name: string]: unknown } = { ...Object(value) };
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  return typeof hash === 'string' && sha256Base64UrlPattern.test(hash) ? { seq, hash } : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
