/**
 * The values that a host knows from the broker. A host can repeat a value in the response to a request that does not
 * contain it, so every response is searched for all of them (docs/broker.md, section 6).
 */
import { createHash } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isKeyPart } from '../../core/encoding/key-part.ts';
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';
import { isUsableValue } from '../../egress/rules/usage-rules.ts';
import type { Clock } from '../shared/ports.ts';
import { PromiseCache } from '../shared/promise-cache.ts';
import type { HostRecordStore } from './broker-ports.ts';

/** Maximum number of texts that a host's responses are searched for, and of their characters. */
export const maxKnownReferences = 100;
const maxKnownCharacters = 12_288;
/** Characters of known texts with which a redactor would need too much memory. */
const hardMaxCharacters = 2 * maxKnownCharacters;

/** How long texts and redactors stay in memory, and how many. */
const cacheTtlMs = 5 * 60_000;
const maxCachedTexts = 500;
const maxCachedRedactors = 20;

/** A text that is about to be sent to a host, and the reference under which it can be read later. */
export interface SentText {
  readonly reference: string;
  readonly texts: readonly string[];
}

/** Reads the texts of a reference; empty if there are none any more. */
export type ReadTexts = (reference: string) => Promise<readonly string[]>;

export class KnownValues {
  readonly #records: HostRecordStore;
  readonly #texts: PromiseCache<readonly string[]>;
  readonly #redactors: PromiseCache<ResponseRedactor>;

  constructor(records: HostRecordStore, clock: Clock) {
    this.#records = records;
    this.#texts = new PromiseCache(maxCachedTexts, { ttlMs: cacheTtlMs, clock });
    this.#redactors = new PromiseCache(maxCachedRedactors, { ttlMs: cacheTtlMs, clock });
  }

  /**
   * Records what is about to be sent, before it is sent.
   * @returns a redactor for it and for everything that the host knows
   * @throws VaultError `search_full`; nothing is recorded then
   */
  async remember(
    org: string,
    hostname: string,
    sent: readonly SentText[],
    readTexts: ReadTexts,
  ): Promise<ResponseRedactor> {
    let known = await this.#records.read(org, hostname);
    const added = sent.map(({ reference }) => reference).filter((reference) => !known.includes(reference));
    const own = sent.flatMap(({ texts }) => texts);
    let texts = await this.#textsOf(org, known, own, readTexts);
    if (added.length > 0) {
      if (known.length + added.length > maxKnownReferences) {
        known = await this.#forgetUnreadable(org, hostname, known, readTexts);
        texts = await this.#textsOf(org, known, own, readTexts);
      }
      if (charactersOf(texts) > maxKnownCharacters) throw searchFull();
      if (!(await this.#records.add(org, hostname, added, maxKnownReferences))) throw searchFull();
    }
    if (charactersOf(texts) > hardMaxCharacters) throw searchFull();
    const key = createHash('sha256')
      .update(JSON.stringify([...texts].sort()))
      .digest('base64');
    return await this.#redactors.get(`${org} ${key}`, async () => new ResponseRedactor(texts));
  }

  /** The texts of references that the host knows, and those of this request. */
  async #textsOf(
    org: string,
    known: readonly string[],
    own: readonly string[],
    readTexts: ReadTexts,
  ): Promise<ReadonlySet<string>> {
    const read = await Promise.all(known.map((reference) => this.#read(org, reference, readTexts)));
    return new Set([...own, ...read.flat()].filter(isUsableValue));
  }

  #read(org: string, reference: string, readTexts: ReadTexts): Promise<readonly string[]> {
    // Access tokens change under the same reference.
    return isTokenReference(reference)
      ? readTexts(reference)
      : this.#texts.get(`${org} ${reference}`, () => readTexts(reference));
  }

  async #forgetUnreadable(
    org: string,
    hostname: string,
    known: readonly string[],
    readTexts: ReadTexts,
  ): Promise<readonly string[]> {
    const read = await Promise.all(known.map(async (reference) => [reference, await readTexts(reference)] as const));
    const gone = read.filter(([, texts]) => texts.length === 0).map(([reference]) => reference);
    if (gone.length > 0) await this.#records.remove(org, hostname, gone);
    return known.filter((reference) => !gone.includes(reference));
  }
}

const tokenPrefix = '@token/';
/** The reference of an access token. No name of a value begins with `@token/…?`, because references have versions. */
export const tokenReference = (id: string): string => `${tokenPrefix}${id}`;
export const isTokenReference = (reference: string): boolean =>
  reference.startsWith(tokenPrefix) && isKeyPart(tokenIdOf(reference));
export const tokenIdOf = (reference: string): string => reference.slice(tokenPrefix.length);

const charactersOf = (texts: ReadonlySet<string>): number => [...texts].reduce((sum, { length }) => sum + length, 0);

const searchFull = (): VaultError =>
  new VaultError('search_full', {
    detail:
      `Responses of a host can be searched for at most ${maxKnownReferences} values with ${maxKnownCharacters} characters. ` +
      'Nothing was sent. Delete values that the host no longer needs, or use one that it knows.',
  });
