/**
 * Parses the JSON of request bodies. JSON.parse alone would lose members: of two members with the same name it keeps
 * the last one, and a schema ignores `__proto__`, because every object already has it. Names are compared after
 * decoding, because `"\u005f_proto__"` is the same name as `"__proto__"`.
 */

/** Whether objects may not have a member of this name. */
export const isForbiddenMember = (name: string): boolean => name === '__proto__';

/**
 * Parses a body.
 * @throws SyntaxError for invalid JSON, a repeated member or a forbidden one. Messages of JSON.parse quote the body
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  assertDistinctMembers(text);
  return value;
}

const colon = /[ \t\r\n]*:/y;

/**
 * Scans a text that JSON.parse has accepted, so that only strings and brackets matter: a string before a colon is the
 * name of a member. It does not recurse, because nesting is only limited by the size of the body.
 */
function assertDistinctMembers(text: string): void {
  /** The names seen in each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      colon.lastIndex = end + 1;
      if (colon.test(text)) addMember(open.at(-1), JSON.parse(text.slice(at, end + 1)));
      at = end;
    }
  }
}

function addMember(names: Set<string> | undefined, name: string): void {
  if (names?.has(name) === true || isForbiddenMember(name)) throw new SyntaxError('a repeated or forbidden member');
  names?.add(name);
}

/** Index of the quote that ends the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}
