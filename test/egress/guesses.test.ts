/** A caller learns nothing about a value from which of its own guesses a host's response conceals. */
import { describe, expect, test } from 'vitest';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/=';

/**
 * What a caller finds that knows the beginning of a value. An honest host returns what the caller sent: one line for
 * each possible next character, with what is known before it. The line that is concealed has the right one.
 */
function extendByGuesses(redactor: ResponseRedactor, known: string, spell: (text: string) => string): string {
  const guesses = [...alphabet].map((next) => known + next);
  for (const width of [8, 9, 10, 11, 12, 13, 15, 18, 24].filter((one) => one <= known.length)) {
    const hits = guesses.filter((guess) => redactor.redactText(spell(guess.slice(-width))).includes(concealedMarker));
    const [hit] = hits;
    // The search does not distinguish upper and lower case.
    if (hit !== undefined && hits.length <= 2) return hit;
  }
  return known;
}

/** Characters that can be guessed on their own by a caller that knows everything before them. */
function guessableCharacters(
  redactor: ResponseRedactor,
  prefix: string,
  value: string,
  spell: (text: string) => string,
): number {
  let guessed = 0;
  for (let at = prefix.length; at < value.length - 1; at++)
    if (extendByGuesses(redactor, value.slice(0, at), spell).length > at) guessed++;
  return guessed;
}

/** One for the end of each block, and one for the end of each line, because lines are concealed too. */
const mostOf = (unknown: string): number => Math.ceil(unknown.length / 12) + unknown.split('\n').length - 1;

describe('a caller that knows the public beginning of a value', () => {
  test.each([
    ['of a GitHub token', 'github_pat_11', 'github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789abcdefghijk'],
    ['of an Anthropic key', 'sk-ant-api03-', 'sk-ant-api03-Zq8rT5vX2nLk9sWd4fGh7jPmB1cY6eU3oK0aR'],
    ['of a connection', 'postgres://shop:', 'postgres://shop:Zq8rT5vX2nLk9sWd4fGh7jPm@db.example.com/shop'],
    [
      'of a token with public claims',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.Zq8rT5vX2nLk9sWd4fGh7jPmB1cY6eU3oK0aRtQwEyU',
    ],
    ['with characters beyond ASCII', 'Schlüssel für Köln:', 'Schlüssel für Köln: Zq8rT5vX2nLk9sWd4fGh7jPm'],
    [
      'in several lines',
      '-----BEGIN KEY-----\nMIIEvQIBAD',
      '-----BEGIN KEY-----\nMIIEvQIBADZq8rT5vX2nLk9sWd4fGh7jPm\nB1cY6eU3oK0aRtQwEyU\n-----END KEY-----',
    ],
  ])('%s must guess the characters of each block at once', (_, prefix, value) => {
    const redactor = new ResponseRedactor([value]);
    for (const spell of [
      (text: string) => text,
      (text: string) => Buffer.from(text).toString('base64'),
      (text: string) => Buffer.from(text).toString('hex'),
    ]) {
      expect(guessableCharacters(redactor, prefix, value, spell)).toBeLessThanOrEqual(
        mostOf(value.slice(prefix.length)),
      );
    }
  });
});

test('a caller that composes a text with a value cannot choose where its blocks begin', () => {
  const value = 'Zq8rT5vX2nLk9sWd4fGh7jPmB1cY6eU3oK0aRtQ';
  for (let length = 0; length < 12; length++) {
    const prefix = `${'u'.repeat(length)}:`;
    const redactor = new ResponseRedactor([value], undefined, [prefix + value]);
    expect(redactor.redactText(`[${prefix}${value}]`)).not.toContain(value.slice(0, 6));
    for (const spell of [(text: string) => text, (text: string) => Buffer.from(text).toString('base64')])
      expect(guessableCharacters(redactor, prefix, prefix + value, spell)).toBeLessThanOrEqual(mostOf(value));
  }
});
