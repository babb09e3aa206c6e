/**
 * A service that has the key of the broker, such as everyone who can use the KMS key, against a device: it exchanges the
 * question between the moment when a person reads it and the moment when they answer.
 */
import { describe, expect, test } from 'vitest';
import { readAnswer } from '../../core/approvals/answer.ts';
import { deriveBrokerKeys } from '../../core/approvals/approval-keys.ts';
import { sealQuestion, signStatement } from '../../core/approvals/question.ts';
import { type BrokerRequest, detailsHash, encodeDetails } from '../../core/approvals/shown-request.ts';
import { statementHash } from '../../core/approvals/statement.ts';
import type { Bytes } from '../../core/encoding/bytes.ts';
import type { ApprovalParts } from '../../sdk/src/session/approvals/approval-parts.ts';
import { ApprovalQuestions } from '../../sdk/src/session/approvals/approval-questions.ts';
import { ApprovalWorld, refund } from './approval-world.ts';

/** The approvals of the phone in the SDK. What it fetches is `listed`. */
async function createDevice() {
  const world = await ApprovalWorld.create();
  const { id } = await world.ask();
  const question = await world.question(id);
  const seen = { listed: [] as Bytes[], answers: [] as Bytes[], refused: [] as string[] };
  const approvals = {
    list: async () => seen.listed.map((sealed) => ({ approval: id, question: sealed })),
    answer: async (_: string, signed: Bytes) => void seen.answers.push(signed),
    refuse: async (_: string, reason: string) => void seen.refused.push(reason),
  };
  const state = { time: 1, isPublished: true };
  const context = {
    own: { org: world.org, device: { id: world.phone.id }, ik: world.phone.ik },
    directory: { state: world.directory.state, isForked: false, compare: world.relationOf },
    clock: { now: () => world.now, wait: async () => {} },
    store: { bytes: async () => Uint8Array.from(world.phone.secret), item: async () => state },
    requests: { approvals },
    notify: () => {},
  };
  const engine = { context, follow: async () => {}, exclusive: (work: () => unknown) => work() };
  const parts = { engine, settings: () => ({}), suspend: async () => {} } as unknown as ApprovalParts;
  /** Another question with the same id, which the broker signed too. */
  const other = async (shown: BrokerRequest): Promise<Bytes> => {
    const details = await encodeDetails(shown, '');
    const { host } = new URL(shown.url);
    const facts = { ...question.facts, host, method: shown.method, detailsHash: detailsHash(details) };
    const signed = signStatement(facts, deriveBrokerKeys(world.seed.slice()).ik);
    const key = { device: world.phone.id, ak: world.phoneKey, time: 1 };
    return await sealQuestion(facts, key, signed, details);
  };
  const first = (world.store.questions.get(`${world.phone.id}/${id}`)?.question ?? expect.fail()) as Bytes;
  return { id, question, seen, first, other, device: new ApprovalQuestions(parts) };
}

const evil = { ...refund, url: 'https://evil.example.com/v1/refunds', method: 'POST' };

describe('a question that a person reads is the one that their answer signs', () => {
  test('also if the service then lists another one with the same id', async () => {
    const { id, question, seen, first, other, device } = await createDevice();
    seen.listed = [first];
    const [shown] = await device.questions({});
    expect(shown?.host).toBe('api.stripe.com');
    // The owner's page looks again every five seconds, while the person reads.
    seen.listed = [await other(evil)];
    expect(await device.questions({})).toEqual([]);
    expect(seen.refused).toEqual(['other_details']);
    await device.answer(id, 'yes', {});
    expect(readAnswer(seen.answers[0] ?? expect.fail())?.answer.statementHash).toEqual(
      statementHash(question.statement),
    );
  });

  test('also if the service hides it for a moment in between', async () => {
    const { id, question, seen, first, other, device } = await createDevice();
    seen.listed = [first];
    await device.questions({});
    seen.listed = [];
    expect(await device.questions({})).toEqual([]);
    seen.listed = [await other(evil)];
    expect(await device.questions({})).toEqual([]);
    await device.answer(id, 'yes', {});
    expect(readAnswer(seen.answers[0] ?? expect.fail())?.answer.statementHash).toEqual(
      statementHash(question.statement),
    );
  });

  test('and of two with one id in one list, the first', async () => {
    const { seen, first, other, device } = await createDevice();
    seen.listed = [first, await other(evil), first];
    expect((await device.questions({})).map(({ host }) => host)).toEqual(['api.stripe.com', 'api.stripe.com']);
    expect(seen.refused).toEqual(['other_details']);
  });
});
