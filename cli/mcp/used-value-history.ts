/**
 * The values that responses are searched for: those that this server has used, and those that an earlier server may
 * have sent to the same host. A host can repeat a value at any later time, so no value is ever forgotten. When there is
 * no room for another one, its use is refused.
 */
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';
import { ToolRefusal } from './tool-refusal.ts';

/** A text to search for. */
export interface SearchedText {
  readonly text: string;
  /** Whether a model generated it or composed it, and so decides how many there are. */
  readonly isByModel: boolean;
  /** Whether a model composed it with a secret. */
  readonly isComposed?: true;
}

/**
 * Maximum number of texts and of their characters. A search for more would need too much memory. Texts by a model have
 * a limit of their own, so that generating many of them leaves the room for others.
 */
const limits = {
  person: { texts: 150, characters: 12_288 },
  model: { texts: 50, characters: 4096 },
} as const;

export class UsedValueHistory {
  readonly #person = new Set<string>();
  readonly #model = new Set<string>();
  /** A part of the others. */
  readonly #composed = new Set<string>();
  #redactor: ResponseRedactor | undefined;

  /**
   * Remembers texts that are about to be used, or that a host may know.
   * @returns a redactor for these and all remembered texts
   * @throws ToolRefusal if there is no room. Nothing is remembered then
   */
  remember(texts: readonly SearchedText[]): ResponseRedactor {
    const known = (text: string) => this.#person.has(text) || this.#model.has(text);
    const added = texts.filter(({ text }) => !known(text));
    const byModel = new Set(added.filter(({ isByModel }) => isByModel).map(({ text }) => text));
    const others = new Set(added.filter(({ isByModel }) => !isByModel).map(({ text }) => text));
    assertRoom(new Set([...this.#model, ...byModel]), limits.model, 'generated secrets and basicAuth credentials');
    assertRoom(new Set([...this.#person, ...others]), limits.person, 'secrets');
    if (added.length > 0) this.#redactor = undefined;
    for (const text of byModel) this.#model.add(text);
    for (const text of others) this.#person.add(text);
    for (const { text, isComposed } of added) if (isComposed) this.#composed.add(text);
    for (const { text, isComposed } of texts)
      if (isComposed !== true && this.#composed.delete(text)) this.#redactor = undefined;
    const secrets = [...this.#person, ...this.#model].filter((text) => !this.#composed.has(text));
    this.#redactor ??= new ResponseRedactor(secrets, undefined, this.#composed);
    return this.#redactor;
  }
}

function assertRoom(
  texts: ReadonlySet<string>,
  limit: { readonly texts: number; readonly characters: number },
  what: string,
): void {
  const characters = [...texts].reduce((sum, text) => sum + text.length, 0);
  if (texts.size <= limit.texts && characters <= limit.characters) return;
  throw new ToolRefusal(
    `Responses can be searched for at most ${limit.texts} ${what} with ${limit.characters} characters in total, and this ` +
      'request would exceed that. Nothing was sent. Secrets that this server has already used can still be used. For others, ' +
      'ask the user to start another server, limited to fewer secrets with --prefix',
  );
}
