/** The merge rules of docs/format-devices.md, section 14, as examples and as properties. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordData, RecordType } from '../../../sdk/src/device/device-types.ts';
import { equalJson, jsonKey, textsIn, toJson, wordsOf } from '../../../sdk/src/device/records/json-values.ts';
import { type Merge, mergeRecord, mergeValues, union } from '../../../sdk/src/device/records/merge-records.ts';
import {
  bodyFromJson,
  bodyToJson,
  type Content,
  encodeBody,
  equalContent,
  equalWithTimes,
  type RecordBody,
  type Time,
  writeBody,
} from '../../../sdk/src/device/records/record-content.ts';

const a = 'a'.repeat(32);
const b = 'b'.repeat(32);
const types: readonly RecordType[] = ['memory', 'provider', 'session', 'todo'];

const body = (data: RecordData, rest = {}, isImported = false): RecordBody => ({
  data,
  times: undefined,
  isImported,
  rest,
});
const merge = (
  type: RecordType,
  base: Content | undefined,
  theirs: Content | undefined,
  mine: Content,
  times: readonly [Time, Time] = [
    [1, a],
    [1, b],
  ],
): Merge => mergeRecord(type, base, { content: theirs, time: times[0] }, { content: mine, time: times[1] });

const dataOf = (result: Merge): RecordData | undefined =>
  result.result === 'write' && result.content !== 'deleted' ? result.content.data : undefined;

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => toJson(value, 60) ?? null);
const object = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'toString'), json, { maxKeys: 4 });
const members = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 0, max: 3 }), { maxKeys: 4 });

describe('every type', () => {
  test.each(types)('%s: equal contents, and a change on one side only', (type) => {
    fc.assert(
      fc.property(object, object, (one, two) => {
        expect(merge(type, body(one), body(two), body(two))).toEqual({ result: 'keep' });
        expect(merge(type, undefined, body(two), body(two))).toEqual({ result: 'keep' });
        expect(merge(type, body(one), body(two), body(one))).toEqual({ result: 'keep' });
        const mine = body(two);
        const expected = equalJson(one, two) ? { result: 'keep' } : { result: 'write', content: mine };
        expect(merge(type, body(one), body(one), mine)).toEqual(expected);
      }),
    );
  });

  test.each(types)('%s: edit against deletion', (type) => {
    const [base, edit] = [body({ x: 1 }), body({ x: 2 })];
    const asks = { result: 'ask' };
    expect(merge(type, base, edit, 'deleted')).toEqual(type === 'provider' ? asks : { result: 'keep' });
    expect(merge(type, base, 'deleted', edit)).toEqual(type === 'provider' ? asks : { result: 'write', content: edit });
    expect(merge(type, base, 'deleted', 'deleted')).toEqual({ result: 'keep' });
    expect(merge(type, base, base, 'deleted')).toEqual({ result: 'write', content: 'deleted' });
    expect(merge(type, undefined, undefined, edit)).toEqual({ result: 'write', content: edit });
  });

  test('members of the body that this software does not know are kept, and so is the mark of an import', () => {
    for (const type of ['memory', 'session', 'todo'] as const) {
      const theirs = body({ x: 1 }, { color: 'red', size: 1 }, true);
      const mine = body({ y: 1 }, { color: 'blue', shape: 'round' });
      const result = merge(type, undefined, theirs, mine);
      if (result.result !== 'write' || result.content === 'deleted') expect.fail(result.result);
      expect(result.content.rest).toEqual({ color: 'red', size: 1, shape: 'round' });
      expect(result.content.isImported).toBe(true);
    }
  });

  test('a provider asks whenever both sides changed', () => {
    expect(merge('provider', body(1), body(2), body(3))).toEqual({ result: 'ask' });
    expect(merge('provider', undefined, body(2), body(3))).toEqual({ result: 'ask' });
  });
});

describe('todo', () => {
  /** A todo after writes, each with a time. */
  const written = fc.array(fc.tuple(members, fc.integer({ min: 1, max: 5 })), { maxLength: 4 });
  const todoOf = (writes: readonly (readonly [Record<string, number>, number])[], device: string): RecordBody => {
    let content = writeBody('todo', {}, undefined, [0, device], false);
    let lamport = 0;
    for (const [data, step] of writes) {
      lamport += step;
      content = writeBody('todo', data, content, [lamport, device], false);
    }
    return content;
  };
  const merged = (theirs: RecordBody, mine: RecordBody): RecordBody => {
    const result = merge('todo', undefined, theirs, mine);
    if (result.result !== 'write') return theirs;
    return result.content === 'deleted' ? expect.fail() : result.content;
  };

  test('the order of merging does not matter, and merging twice changes nothing', () => {
    fc.assert(
      fc.property(written, written, written, (one, two, three) => {
        const [x, y, z] = [todoOf(one, a), todoOf(two, b), todoOf(three, 'c'.repeat(32))] as const;
        expect(equalWithTimes(merged(x, y), merged(y, x))).toBe(true);
        expect(merged(merged(x, y), y).data).toEqual(merged(x, y).data);
        expect(equalWithTimes(merged(merged(x, y), z), merged(x, merged(y, z)))).toBe(true);
      }),
    );
  });

  test('each member has the value of its later write, also if that removed it', () => {
    const base = writeBody('todo', { title: 'x', note: 'n', done: false }, undefined, [1, a], false);
    const theirs = writeBody('todo', { title: 'y', note: 'n', done: false }, base, [2, a], false);
    const mine = writeBody('todo', { title: 'z', done: true }, base, [2, b], false);
    expect(dataOf(merge('todo', base, theirs, mine))).toEqual({ title: 'z', done: true });
    const later = writeBody('todo', { title: 'w', note: 'm', done: false }, theirs, [3, a], false);
    expect(dataOf(merge('todo', base, later, mine))).toEqual({ title: 'w', note: 'm', done: true });
  });
});

describe('session', () => {
  test('has everything of both sides, and the same for both orders but for the order of elements', () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 5 }), fc.array(json, { maxLength: 5 }), (theirs, mine) => {
        const result = union(theirs, mine, false);
        if (!Array.isArray(result)) expect.fail();
        const keys = new Set(result.map(jsonKey));
        for (const element of [...theirs, ...mine]) expect(keys.has(jsonKey(element))).toBe(true);
        expect(union(result, mine, false)).toEqual(result);
        expect(result.slice(0, theirs.length)).toEqual(theirs);
      }),
    );
  });

  test('elements with the same id are one', () => {
    const theirs = { messages: [{ id: '1', text: 'a' }, { id: '2' }], title: 'x' };
    const mine = { messages: [{ id: '1', seen: true }, { id: '3' }], title: 'y' };
    const messages = [{ id: '1', text: 'a', seen: true }, { id: '2' }, { id: '3' }];
    expect(union(theirs, mine, false)).toEqual({ messages, title: 'x' });
    expect(union(theirs, mine, true)).toEqual({ messages, title: 'y' });
  });

  test('long arrays take no longer than their length', () => {
    const long = Array.from({ length: 60_000 }, (_, at) => at);
    const result = union(long, [...long].reverse(), false);
    expect(result).toEqual(long);
  });
});

describe('memory', () => {
  test('changes of different members are all kept', () => {
    fc.assert(
      fc.property(members, members, members, (base, theirs, mine) => {
        const result = mergeValues(base, theirs, mine, false);
        for (const name of ['a', 'b', 'c', 'd']) {
          const [old, there, here] = [base[name], theirs[name], mine[name]];
          const value = (result as Record<string, number>)[name];
          if (there === old) expect(value).toBe(here);
          else if (here === old) expect(value).toBe(there);
          else expect([there, here]).toContain(value);
        }
      }),
    );
  });

  test('no text that a side wrote is lost, and a merge is stable', () => {
    const texts = fc.dictionary(fc.constantFrom('a', 'b'), fc.string({ minLength: 1 }), { maxKeys: 2 });
    fc.assert(
      fc.property(texts, texts, texts, (base, theirs, mine) => {
        const result = mergeValues(base, theirs, mine, true) ?? null;
        for (const [side, other] of [
          [theirs, mine],
          [mine, theirs],
        ] as const)
          for (const [name, text] of Object.entries(side)) {
            // A text that is as in the base was not written: the other side may have replaced it.
            if (text === base[name] && other[name] !== text) continue;
            expect((result as Record<string, string>)[name]).toContain(text);
          }
        expect(mergeValues(base, result, mine, true)).toEqual(mergeValues(base, result, mine, false));
        expect(mergeValues(mine, result, mine, true)).toEqual(result);
      }),
    );
  });

  test('texts are kept twice, arrays lose what one side removed, and other values are the later', () => {
    expect(mergeValues('x', 'one', 'two', false)).toBe('one\n\ntwo');
    expect(mergeValues('x', 'one and two', 'two', false)).toBe('one and two');
    expect(mergeValues('x', 'two', 'one and two', false)).toBe('one and two');
    expect(mergeValues([1, 2, 3], [1, 3, 4], [1, 2, 5], false)).toEqual([1, 4, 5]);
    expect(mergeValues(1, 2, 3, false)).toBe(2);
    expect(mergeValues(1, 2, 3, true)).toBe(3);
    expect(mergeValues({ x: 1 }, {}, { x: 2 }, false)).toEqual({ x: 2 });
    expect(mergeValues({ x: 1 }, {}, { x: 1 }, false)).toEqual({});
    expect(mergeValues({ x: 1 }, 'text', { x: 2 }, true)).toEqual({ x: 2 });
  });

  test('a member named __proto__ is a member', () => {
    const hostile: RecordData = JSON.parse('{"__proto__":{"polluted":1},"a":1}');
    const result = mergeValues({}, hostile, { b: 2 }, false);
    expect(Object.keys(result as object)).toEqual(['__proto__', 'a', 'b']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('bodies', () => {
  test('every body comes back from its JSON', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), object, object, fc.boolean(), (type, one, two, isImported) => {
        const first = writeBody(type, one, undefined, [3, a], isImported);
        const written = writeBody(type, two, first, [7, b], isImported);
        const back = bodyFromJson(type, JSON.parse(JSON.stringify(bodyToJson(written))), 7);
        expect(equalContent(back, written)).toBe(true);
        expect(back?.times).toEqual(written.times);
      }),
    );
  });

  test.each([
    ['no object', []],
    ['without data', { times: {} }],
    ['a todo that is no object', { data: 'x' }],
  ])('%s is not read', (_, given) => {
    expect(bodyFromJson('todo', given, 9)).toBeUndefined();
  });

  test('times of another form are below all others, and those above the Lamport time are that', () => {
    const times = { a: [5, a], b: [99, b], c: ['5', a], d: [5, 'x'], e: [-1, a], f: [5, a, 1], g: 5 };
    const read = bodyFromJson('todo', { data: {}, times }, 9);
    expect([...(read?.times ?? [])]).toEqual([
      ['a', [5, a]],
      ['b', [9, b]],
    ]);
    expect(bodyFromJson('todo', { data: { a: 1 }, times: [] }, 9)?.times?.size).toBe(0);
    expect(bodyFromJson('memory', { data: 1, times }, 9)?.times).toBeUndefined();
  });

  test('the example of the page is what is written', () => {
    const page = readFileSync('docs/format-devices.md', 'utf8');
    const [, text = ''] = /```json\n(\{"data":\{"title":"Call the bank".*)\n```/.exec(page) ?? [];
    const read = bodyFromJson('todo', JSON.parse(text), 7) ?? expect.fail();
    expect(read.times?.get('done')).toEqual([7, 'yyztxn3y2nd4367zwzc1967xvcajyj50']);
    expect(new TextDecoder().decode(encodeBody(read))).toBe(text);
  });

  test('words are those of all texts', () => {
    expect([...textsIn({ a: ['x y', { b: 'z' }], c: 1, d: null })]).toEqual(['x y', 'z']);
    expect(wordsOf('Ｆür 3-mal, "GRÜN"')).toEqual(['für', '3', 'mal', 'grün']);
  });
});
