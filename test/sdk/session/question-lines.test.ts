/** What a person reads of a question, whatever an agent puts into it. */
import { describe, expect, test } from 'vitest';
import type { BrokerRequest } from '../../../core/approvals/shown-request.ts';
import { questionLines } from '../../../sdk/src/session/approvals/question-lines.ts';
import { ApprovalScene, request } from '../../core/approvals/approval-fixture.ts';

async function linesOf(shown: BrokerRequest, more: object = {}) {
  const scene = new ApprovalScene();
  const { host } = new URL(shown.url);
  const { opened } = await scene.ask(scene.phone, { shown, host, method: shown.method, ...more });
  return questionLines(opened);
}

const base = { url: request.url, method: 'POST', headers: request.headers };
const toBase64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64');

describe('a body in base64', () => {
  test('that is text is shown as text, with everything visible that could mislead', async () => {
    const lines = await linesOf({ ...base, bodyBase64: toBase64('{"amount":\u202e"500000"}\n') });
    expect(lines).toContainEqual({
      kind: 'body',
      label: 'Body, from base64',
      text: '{"amount":\\u{202e}"500000"}\\u{a}',
    });
  });

  test('that is no text is shown as it is', async () => {
    const bytes = toBase64(new Uint8Array([0xff, 0xfe, 0x00]));
    expect(await linesOf({ ...base, bodyBase64: bytes })).toContainEqual({
      kind: 'body',
      label: 'Body, base64',
      text: bytes,
    });
  });
});

test('a request without encryption has a warning, and one with it has none', async () => {
  const warnings = (await linesOf({ ...base, url: 'http://api.stripe.com:8080/v1' })).filter(
    ({ kind }) => kind === 'warning',
  );
  expect(warnings.map(({ text }) => text)).toEqual([expect.stringContaining('without encryption')]);
  for (const url of ['https://api.stripe.com/v1', 'https://api.stripe.com:8080/v1'])
    expect((await linesOf({ ...base, url })).filter(({ kind }) => kind === 'warning')).toEqual([]);
});

test('an entry cannot look like two, and an agent not like a key', async () => {
  const lines = await linesOf(
    { ...base, form: { note: 'x\namount: 1', amount: '500' } },
    { agent: 'bot\nThe agent says' },
  );
  expect(lines.find(({ kind }) => kind === 'body')?.text.split('\n')).toEqual([
    'amount: 500',
    'note: x\\u{a}amount: 1',
  ]);
  expect(lines.find(({ kind }) => kind === 'asker')?.text).toContain('bot\\u{a}The agent says');
});
