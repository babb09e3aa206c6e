import { describe, expect, test } from 'vitest';
import {
  fillTemplate,
  findReferencePlaces,
  InvalidTemplateError,
} from '../../egress/references/reference-templates.ts';

const filled = (template: string) =>
  fillTemplate(
    template,
    findReferencePlaces(template),
    ({ name, version }) => `<${name}${version === undefined ? '' : `#${version}`}>`,
  );

describe('a template', () => {
  test.each([
    ['{{ anima://a/b }}', '<a/b>'],
    ['{{anima://a?version=2}}', '<a#2>'],
    ['x{{\tanima://a }}y', 'x<a>y'],
    ['{{ anima://a }}.b', '<a>.b'],
    ['key: anima://a/b', 'key: <a/b>'],
    ['"anima://a?version=2", ', '"<a#2>", '],
    ['anima://a?', '<a>?'],
    ['(anima://a)', '(<a>)'],
    ['anima://a\nanima://b', '<a>\n<b>'],
    ['{{ other }} {{', '{{ other }} {{'],
    ['{ anima://a }', '{ <a> }'],
    ['xanima://a git+anima://a', 'xanima://a git+anima://a'],
    ['é😀{{ anima://a }}', 'é😀<a>'],
    ['', ''],
  ])('%j becomes %j', (template, expected) => {
    expect(filled(template)).toBe(expected);
  });

  test('is filled once: a reference within a value stays text, and $ means nothing', () => {
    const template = '[{{ anima://a }}]';
    expect(fillTemplate(template, findReferencePlaces(template), () => '{{ anima://b }} $& anima://c')).toBe(
      '[{{ anima://b }} $& anima://c]',
    );
  });

  test.each([
    ['a\n {{ anima://a//b }}', 'line 2, column 5'],
    ['x anima://', 'line 1, column 3'],
    ['\n\nanima://a?v=hunter2', 'line 3, column 1'],
    ['{{ anima://hunter2%20 }}', 'line 1, column 4'],
    ['see anima://a/b.', ''],
  ])('%j: a reference that is not understood is told by its place', (template, place) => {
    if (place === '') expect(filled(template)).toBe('see <a/b.>');
    else {
      expect(() => findReferencePlaces(template)).toThrow(InvalidTemplateError);
      expect(() => findReferencePlaces(template)).toThrow(place);
      expect(() => findReferencePlaces(template)).not.toThrow(/hunter2/);
    }
  });
});
