import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  createTimeId,
  firstTimeIdAt,
  greatestTimeId,
  isTimeId,
  lastTimeIdAt,
  timeOfTimeId,
} from '../../core/encoding/time-ordered-id.ts';

const times = [0, 1, 31, 32, 1_469_918_176_385, 1_790_000_000_000, 2 ** 48 - 1];

test('ids tell their time, and sort by it whatever their random part is', () => {
  for (const time of times) {
    const id = createTimeId(time, randomBytes(16));
    expect(isTimeId(id)).toBe(true);
    expect(timeOfTimeId(id)).toBe(time);
    expect(id >= firstTimeIdAt(time) && id <= lastTimeIdAt(time)).toBe(true);
    if (time > 0) expect(lastTimeIdAt(time - 1) < firstTimeIdAt(time)).toBe(true);
  }
  expect(lastTimeIdAt(2 ** 48 - 1)).toBe(greatestTimeId);
});

test('the time part is that of the published ULID example', () => {
  expect(createTimeId(1_469_918_176_385, randomBytes(16)).slice(0, 10)).toBe('01ARYZ6S41'.toLowerCase());
});

test('what is no id, time or randomness is refused', () => {
  for (const id of [
    '',
    '8'.repeat(26),
    '0'.repeat(25),
    '0'.repeat(27),
    'seal#000000000000000000001',
    '0000000000000000000000000l',
  ]) {
    expect(isTimeId(id)).toBe(false);
    expect(() => timeOfTimeId(id)).toThrow(RangeError);
  }
  for (const time of [-1, 0.5, 2 ** 48, Number.NaN]) expect(() => firstTimeIdAt(time)).toThrow(RangeError);
  expect(() => createTimeId(0, randomBytes(15))).toThrow(RangeError);
});
