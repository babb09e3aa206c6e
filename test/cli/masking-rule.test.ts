import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskingScopeOf } from '../../cli/secrets/masking-rule.ts';
import { StreamMasker } from '../../cli/secrets/stream-masking.ts';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';

describe('the rule of masking', () => {
  test.each([
    ['', 'never'],
    ['abc', 'never'],
    ['true', 'never'],
    ['production', 'never'],
    ['Production', 'never'],
    ['postgres', 'never'],
    ['localhost', 'never'],
    ['eu-central-1', 'never'],
    ['umbrella', 'never'],
    ['8443', 'never'],
    ['2026', 'never'],
    ['10.5', 'never'],
    ['1.2.3', 'never'],
    ['  info\n', 'never'],
    ['482913', 'whole-word'],
    ['4242424242424242', 'whole-word'],
    ['+49 170', 'whole-word'],
    ['hunter2', 'whole-word'],
    ['xQ3!', 'whole-word'],
    ['hunter2!', 'everywhere'],
    ['umbrellaumbrella', 'everywhere'],
    ['umbrella-abandon', 'everywhere'],
    ['sk_live_1', 'everywhere'],
    ['postgres://localhost', 'everywhere'],
  ] as const)('%j: %s', async (value, scope) => {
    expect(await maskingScopeOf(value)).toBe(scope);
  });
});

describe('a whole word', () => {
  const masked = (words: readonly string[], chunks: readonly string[]) => {
    const mask = new StreamMasker([], { wholeWords: words }).mask();
    return Buffer.concat([...chunks.map((chunk) => mask.push(Buffer.from(chunk))), mask.end()]).toString();
  };
  test.each([
    ['hunter2', '*'],
    ['a hunter2 b', 'a * b'],
    ['"hunter2"', '"*"'],
    ['hunter2,hunter2', '*,*'],
    ['hunter2\nhunter2\n', '*\n*\n'],
    ['hunter21', 'hunter21'],
    ['xhunter2', 'xhunter2'],
    ['_hunter2', '_hunter2'],
    ['hunter2_', 'hunter2_'],
    ['ähunter2', 'ähunter2'],
    ['hunter2é', 'hunter2é'],
    ['-hunter2-', '-*-'],
    ['hunterhunter2 hunter2', 'hunterhunter2 *'],
  ])('%j becomes %j, wherever the output is cut', (text, expected) => {
    const whole = expected.replaceAll('*', concealedMarker);
    expect(masked(['hunter2'], [text])).toBe(whole);
    expect(masked(['hunter2'], [...text])).toBe(whole);
    for (let at = 0; at <= text.length; at++)
      expect(masked(['hunter2'], [text.slice(0, at), text.slice(at)])).toBe(whole);
  });

  test('together with values that are masked everywhere, in one pass', () => {
    const mask = new StreamMasker(['secret-value'], { wholeWords: ['hunter2'] }).mask();
    const bytes = [...Buffer.from('hunter2:xsecret-valuex hunter2')].map((byte) => mask.push(Uint8Array.of(byte)));
    expect(Buffer.concat([...bytes, mask.end()]).toString()).toBe(
      `${concealedMarker}:x${concealedMarker}x ${concealedMarker}`,
    );
  });

  test('is found as a regular expression finds it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '_', 'ab'), maxLength: 40 }),
        fc.nat(40),
        (text, at) => {
          const expected = text.replace(/(?<!\w)abab(?!\w)/g, concealedMarker);
          expect(masked(['abab'], [text.slice(0, at), text.slice(at)])).toBe(expected);
        },
      ),
    );
  });
});
