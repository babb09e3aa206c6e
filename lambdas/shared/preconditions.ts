/** The preconditions `If-Match` and `If-None-Match` of a request (RFC 9110 section 13.1). */
import { VaultError } from '../../contract/shared/vault-error.ts';

/** `*`, or the listed entity tags as sent, with their quotes. */
type TagList = '*' | readonly string[];

export interface Preconditions {
  readonly ifMatch: TagList | undefined;
  readonly ifNoneMatch: TagList | undefined;
}

/** entity-tag (RFC 9110 section 8.8.3). A tag can contain a comma. */
const tagPattern = /^[ \t,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")(?=[ \t]*(?:,|$))/;
const endPattern = /^[ \t,]*$/;

/** @throws VaultError `invalid_request` */
function parseTagList(header: 'if-match' | 'if-none-match', text: string): TagList {
  if (/^[ \t]*\*[ \t]*$/.test(text)) return '*';
  const tags: string[] = [];
  let rest = text;
  for (let found = tagPattern.exec(rest); found !== null; found = tagPattern.exec(rest)) {
    tags.push(found[1] ?? '');
    rest = rest.slice(found[0].length);
  }
  if (tags.length > 0 && endPattern.test(rest)) return tags;
  const message = 'is neither "*" nor a list of entity tags in double quotes';
  throw new VaultError('invalid_request', { errors: [{ path: `header.${header}`, message }] });
}

/**
 * The preconditions in the headers of a request; undefined if there are none.
 * @throws VaultError `invalid_request`
 */
export function parsePreconditions(headers: Readonly<Record<string, string | undefined>>): Preconditions | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return {
    ifMatch: ifMatch === undefined ? undefined : parseTagList('if-match', ifMatch),
    ifNoneMatch: ifNoneMatch === undefined ? undefined : parseTagList('if-none-match', ifNoneMatch),
  };
}

const withoutWeakness = (tag: string): string => tag.replace(/^W\//, '');

/**
 * Whether all preconditions hold. `If-Match` compares strongly, so a weak tag never matches; `If-None-Match` compares
 * weakly (RFC 9110 section 8.8.3.2).
 * @param current the strong entity tag of the current representation; undefined if there is none
 */
export function preconditionsHold({ ifMatch, ifNoneMatch }: Preconditions, current: string | undefined): boolean {
  const listed = (list: readonly string[]) => current !== undefined && list.includes(current);
  if (ifMatch === '*' ? current === undefined : ifMatch !== undefined && !listed(ifMatch)) return false;
  if (ifNoneMatch === '*') return current === undefined;
  return ifNoneMatch === undefined || !listed(ifNoneMatch.map(withoutWeakness));
}
