import type { Decision } from '../../../../core/approvals/answer.ts';
import type { CallOptions } from '../../shared/client-options.ts';
import type { ApprovalParts, ApprovalQuestions } from './approval-questions.ts';
import type { AnswerOptions, Question, WatchOptions } from './approval-types.ts';

/** Loaded with the first look at questions. */
const loadQuestions = () => import('./approval-questions.ts');

/**
 * Questions whether requests may use values, for a device whose `can` has `approve`.
 *
 *     for await (const question of client.approvals.watch()) {
 *       show(question.lines);
 *       await client.approvals.answer(question.id, 'yes');
 *     }
 */
export class Approvals {
  readonly #parts: ApprovalParts;
  #loaded: Promise<ApprovalQuestions> | undefined;

  /** @internal */
  constructor(parts: ApprovalParts) {
    this.#parts = parts;
  }

  /**
   * Open questions that this device verified. The first call makes and publishes the key to which questions are sealed.
   * Questions that do not verify are not returned, and reported to the service.
   * @throws SessionError cannot_approve, directory_forked
   */
  async questions(options: CallOptions = {}): Promise<readonly Question[]> {
    return await (await this.#load()).questions(options);
  }

  /**
   * Signs and sends the answer of the person. Show `lines` of the question before.
   * @throws SessionError question_unknown, question_refused, cannot_approve; AnimaError approval_answered,
   *   approval_expired, answer_refused
   */
  async answer(question: string, decision: Decision, options: AnswerOptions = {}): Promise<void> {
    await (await this.#load()).answer(question, decision, options);
  }

  /** Each open question once, as it arrives. Ends when `signal` fires, with AnimaError aborted. */
  async *watch(options: WatchOptions = {}): AsyncGenerator<Question, void, undefined> {
    yield* (await this.#load()).watch(options);
  }

  #load(): Promise<ApprovalQuestions> {
    this.#loaded ??= loadQuestions().then(({ ApprovalQuestions: Questions }) => new Questions(this.#parts));
    return this.#loaded;
  }
}
