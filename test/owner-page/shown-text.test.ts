/** Text of others, and answers by day, as the owner's page shows them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHidden } from '../../core/encoding/hidden-characters.ts';
import { countDays } from '../../viewer/owner/src/activity/activity-chart.ts';
import { messageText } from '../../viewer/owner/src/ui/visible-text.ts';

describe('one line of others', () => {
  test.each([
    ['a\u202eb', 'a\\u{202e}b'],
    ['a\nb\tc\r', 'a\\u{a}b\\u{9}c\\u{d}'],
    ['x\u200dy\ufeffz\u00adw', 'x\\u{200d}y\\u{feff}z\\u{ad}w'],
    ['no\u00a0break \u3164 \u2800', 'no\\u{a0}break \\u{3164} \\u{2800}'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['half \ud800', 'half \\u{d800}'],
    ['Grüße, 日本語, 👍', 'Grüße, 日本語, 👍'],
  ])('%j is shown as %j', (text, shown) => {
    expect(escapeHidden(text)).toBe(shown);
  });

  test('has no character that shows nothing, whatever it was made of', () => {
    const character = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        expect(escapeHidden(characters.join(''))).not.toMatch(/[\p{C}\p{DI}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u);
      }),
    );
  });
});

test('a message keeps its lines and joined emoji, but nothing that reorders it', () => {
  expect(messageText('one\r\ntwo\t👩‍🚀\u202e\u2066\u0007\r')).toBe('one\ntwo\t👩‍🚀\\u{202e}\\u{2066}\\u{7}\\u{d}');
});

test('answers are counted by local day, over two weeks, also when the clock changes', () => {
  const now = new Date(2026, 2, 30, 0, 30);
  const at = (day: number, hour: number, decision: 'yes' | 'no') => {
    return { time: new Date(2026, 2, day, hour).getTime(), decision };
  };
  const days = countDays(
    [at(30, 0, 'yes'), at(29, 23, 'no'), at(29, 0, 'yes'), at(17, 1, 'yes'), at(16, 23, 'yes')],
    now,
  );
  expect(days.map(({ day }) => day.getDate())).toEqual([17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
  expect(days.filter(({ yes, no }) => yes + no > 0).map(({ day, yes, no }) => [day.getDate(), yes, no])).toEqual([
    [17, 1, 0],
    [29, 1, 1],
    [30, 1, 0],
  ]);
});
