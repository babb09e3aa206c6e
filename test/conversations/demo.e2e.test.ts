/** `npm run demo`. The demo itself fails if a step does not have the stated result. */
import { expect, inject, test } from 'vitest';
import { demo } from '../../local/demo.ts';

test('the demonstration runs to its end: two channels, one conversation, a restart, and an end after which nothing opens', async () => {
  const lines: string[] = [];
  await demo((line) => lines.push(line), inject('assembly'));
  const text = lines.join('\n');
  expect(text).toMatch(
    /message 1 of.*Linked.*message 2 of.*started again.*message 3 of.*is deleted.*Nobody.*message 1 of/s,
  );
  expect(lines.at(-1)).toContain('Done.');
});
