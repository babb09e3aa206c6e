import { expect, test } from 'vitest';
import { createRequestLog, type RequestLogEntry } from '../../lambdas/middleware/request-log.ts';

/** The lines that are written for an entry. */
function linesFor(entry: RequestLogEntry): string[] {
  const lines: string[] = [];
  createRequestLog('dev', (line) => lines.push(line))(entry);
  return lines;
}

const entry = { requestId: 'r-1', route: 'getValue', status: 200, durationMs: 3, org: 'o', principal: 'k' };

test('a request is one line of JSON with level and time, and the fields of the entry at the top level', () => {
  const [line = '', ...more] = linesFor({ ...entry, code: 'value_not_found', reason: 'audit_head_conflict' });
  expect(more).toEqual([]);
  expect(line).toMatch(/^\{[^\n]*\}\n$/);
  expect(JSON.parse(line)).toEqual({
    ...entry,
    code: 'value_not_found',
    reason: 'audit_head_conflict',
    level: 'INFO',
    stage: 'dev',
    timestamp: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
  });
});

test('a fault has the level ERROR, and line breaks in it do not end the line', () => {
  const [line = '', ...more] = linesFor({ ...entry, status: 500, code: 'internal', fault: 'TypeError\n at x' });
  expect(more).toEqual([]);
  expect(line.trimEnd()).not.toContain('\n');
  expect(JSON.parse(line)).toMatchObject({ level: 'ERROR', fault: 'TypeError\n at x' });
});

test('fields that an entry does not name are not written', () => {
  const event = { ...entry, body: 'SECRET', headers: { authorization: 'SECRET' } };
  expect(linesFor(event).join()).not.toContain('SECRET');
});
