/** Merges changes of two devices to one record (docs/format-devices.md, section 14). Pure functions. */
import type { RecordData, RecordType } from '../device-types.ts';
import { equalJson, isJsonArray, isJsonObject, type JsonObject, jsonKey, memberOf } from './json-values.ts';
import { type Content, equalWithTimes, isLater, type RecordBody, type Time, timeOf } from './record-content.ts';

/** A content and when it was written. */
export interface Side {
  readonly content: Content | undefined;
  readonly time: Time;
}

/** `keep`: theirs stays. `write`: the content is the next version. `ask`: a person decides. */
export type Merge =
  | { readonly result: 'keep' }
  | { readonly result: 'ask' }
  | { readonly result: 'write'; readonly content: Content };

/**
 * Merges a change of this device with the newest content in the vault.
 * @param base the content that the change was made to; undefined if there was none
 */
export function mergeRecord(type: RecordType, base: Content | undefined, theirs: Side, mine: Side): Merge {
  const [there, here] = [theirs.content, mine.content];
  if (here === undefined || equalWithTimes(here, there) || equalWithTimes(here, base)) return { result: 'keep' };
  if (there === undefined || equalWithTimes(there, base)) return { result: 'write', content: here };
  if (type === 'provider') return { result: 'ask' };
  if (here === 'deleted') return { result: 'keep' };
  if (there === 'deleted') return { result: 'write', content: here };
  const isMineLater = isLater(mine.time, theirs.time);
  const content = mergeBodies(type, base === 'deleted' ? undefined : base, there, here, isMineLater);
  return equalWithTimes(content, there) ? { result: 'keep' } : { result: 'write', content };
}

function mergeBodies(
  type: Exclude<RecordType, 'provider'>,
  base: RecordBody | undefined,
  theirs: RecordBody,
  mine: RecordBody,
  isMineLater: boolean,
): RecordBody {
  const rest = { ...mine.rest, ...theirs.rest };
  const isImported = theirs.isImported || mine.isImported;
  if (type === 'todo') return { ...mergeTodo(theirs, mine), isImported, rest };
  const data =
    type === 'session'
      ? union(theirs.data, mine.data, isMineLater)
      : (mergeValues(base?.data, theirs.data, mine.data, isMineLater) ?? theirs.data);
  return { data, times: undefined, isImported, rest };
}

/** Each member with the later time. */
function mergeTodo(theirs: RecordBody, mine: RecordBody): Pick<RecordBody, 'data' | 'times'> {
  const names = new Set<string>();
  for (const { data, times } of [theirs, mine]) {
    for (const name of Object.keys(isJsonObject(data) ? data : {})) names.add(name);
    for (const name of times?.keys() ?? []) names.add(name);
  }
  const members: [string, RecordData][] = [];
  const times = new Map<string, Time>();
  for (const name of names) {
    const winner = isLater(timeOf(mine, name), timeOf(theirs, name)) ? mine : theirs;
    const value = memberOf(winner.data, name);
    times.set(name, timeOf(winner, name));
    if (value !== undefined) members.push([name, value]);
  }
  return { data: Object.fromEntries(members), times };
}

const namesOf = (theirs: JsonObject, mine: JsonObject): ReadonlySet<string> =>
  new Set([...Object.keys(theirs), ...Object.keys(mine)]);

/** Linear in time, because a member can write long arrays. */
const keysOf = (all: readonly RecordData[]): ReadonlySet<string> => new Set(all.map(jsonKey));

/** Everything that either side has. */
export function union(theirs: RecordData, mine: RecordData, isMineLater: boolean): RecordData {
  if (equalJson(theirs, mine)) return theirs;
  if (isJsonArray(theirs) && isJsonArray(mine)) return unionOfArrays(theirs, mine, isMineLater);
  if (!isJsonObject(theirs) || !isJsonObject(mine)) return isMineLater ? mine : theirs;
  const members = [...namesOf(theirs, mine)].flatMap((name): [string, RecordData][] => {
    const [there, here] = [memberOf(theirs, name), memberOf(mine, name)];
    if (there !== undefined && here !== undefined) return [[name, union(there, here, isMineLater)]];
    const only = there ?? here;
    return only === undefined ? [] : [[name, only]];
  });
  return Object.fromEntries(members);
}

function unionOfArrays(
  theirs: readonly RecordData[],
  mine: readonly RecordData[],
  isMineLater: boolean,
): readonly RecordData[] {
  const joined = [...theirs];
  const known = keysOf(theirs);
  const places = new Map<string, number>();
  for (const [at, element] of theirs.entries()) {
    const id = memberOf(element, 'id');
    if (typeof id === 'string' && !places.has(id)) places.set(id, at);
  }
  for (const element of mine) {
    const id = memberOf(element, 'id');
    const at = typeof id === 'string' ? places.get(id) : undefined;
    const there = at === undefined ? undefined : joined[at];
    if (at !== undefined && there !== undefined) joined[at] = union(there, element, isMineLater);
    else if (!known.has(jsonKey(element))) joined.push(element);
  }
  return joined;
}

/** What either side changed. Undefined means absent. */
export function mergeValues(
  base: RecordData | undefined,
  theirs: RecordData | undefined,
  mine: RecordData | undefined,
  isMineLater: boolean,
): RecordData | undefined {
  if (equalJson(theirs, mine) || equalJson(mine, base)) return theirs;
  if (equalJson(theirs, base)) return mine;
  if (theirs === undefined || mine === undefined) return theirs ?? mine;
  if (typeof theirs === 'string' && typeof mine === 'string') return mergeTexts(theirs, mine);
  if (isJsonArray(theirs) && isJsonArray(mine)) return mergeArrays(isJsonArray(base) ? base : [], theirs, mine);
  if (isJsonObject(theirs) && isJsonObject(mine)) return mergeObjects(base, theirs, mine, isMineLater);
  return isMineLater ? mine : theirs;
}

function mergeObjects(
  base: RecordData | undefined,
  theirs: JsonObject,
  mine: JsonObject,
  isMineLater: boolean,
): JsonObject {
  const members = [...namesOf(theirs, mine)].flatMap((name): [string, RecordData][] => {
    const parts = [memberOf(base, name), memberOf(theirs, name), memberOf(mine, name)] as const;
    const merged = mergeValues(...parts, isMineLater);
    return merged === undefined ? [] : [[name, merged]];
  });
  return Object.fromEntries(members);
}

/** Keeps both texts, once. */
function mergeTexts(theirs: string, mine: string): string {
  if (theirs.includes(mine)) return theirs;
  return mine.includes(theirs) ? mine : `${theirs}\n\n${mine}`;
}

function mergeArrays(
  base: readonly RecordData[],
  theirs: readonly RecordData[],
  mine: readonly RecordData[],
): readonly RecordData[] {
  const [old, there, here] = [keysOf(base), keysOf(theirs), keysOf(mine)];
  const kept = theirs.filter((element) => !old.has(jsonKey(element)) || here.has(jsonKey(element)));
  return [...kept, ...mine.filter((element) => !there.has(jsonKey(element)) && !old.has(jsonKey(element)))];
}
