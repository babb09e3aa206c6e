/** Questions of the broker to this device, and the answers of its person (docs/approvals.md). */
import { type Decision, signAnswer } from '../../../../core/approvals/answer.ts';
import { sharesForAnswer } from '../../../../core/approvals/answer-shares.ts';
import { judgeQuestion, type OpenedQuestion, openQuestion } from '../../../../core/approvals/question.ts';
import { sharesHash } from '../../../../core/approvals/shares.ts';
import { statementHash, usesOf } from '../../../../core/approvals/statement.ts';
import { DecryptionError } from '../../../../core/decryption-error.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../../shared/client-options.ts';
import { Bell, nap } from '../live/nap.ts';
import type { IncomingQuestion } from '../requests/session-requests.ts';
import { sessionError } from '../session-errors.ts';
import { readActivityPage } from './approval-activity.ts';
import type { ApprovalParts } from './approval-parts.ts';
import { publishedSecret } from './approval-secret.ts';
import type { ActivityPage, ActivityPageOptions, AnswerOptions, Question, WatchOptions } from './approval-types.ts';
import { PersonKeyKeeper } from './person-key-keeper.ts';
import { questionLines } from './question-lines.ts';
import { requireApprover } from './require-approver.ts';

const pollMs = 5_000;

export class ApprovalQuestions {
  readonly #parts: ApprovalParts;
  /**
   * Verified questions by id, until they were answered or are over. A broker that signs two statements with one id could
   * otherwise exchange the question between the moment when a person reads it and the one when they answer.
   */
  readonly #opened = new Map<string, OpenedQuestion>();

  constructor(parts: ApprovalParts) {
    this.#parts = parts;
  }

  async questions(options: CallOptions): Promise<readonly Question[]> {
    const { engine, settings: toSettings } = this.#parts;
    const settings = toSettings(options);
    return await engine.exclusive(async () => {
      await requireApprover(engine, settings);
      const { requests } = engine.context;
      const secret = await publishedSecret(engine.context, requests.approvals, settings);
      try {
        const found: Question[] = [];
        this.#forgetOver();
        for (const incoming of await requests.approvals.list(settings)) {
          const opened = await this.#verify(incoming, secret, settings);
          if (opened === undefined) continue;
          this.#opened.set(incoming.approval, opened);
          found.push(toQuestion(opened));
        }
        return found;
      } finally {
        secret.fill(0);
      }
    });
  }

  async answer(id: string, decision: Decision, { suspend, ...options }: AnswerOptions): Promise<void> {
    if (decision !== 'yes' && decision !== 'no') throw notSentError('invalid_argument', 'the answer is yes or no');
    if (suspend !== undefined && decision !== 'no')
      throw notSentError('invalid_argument', 'an agent is suspended with the answer no only');
    const { engine, settings: toSettings } = this.#parts;
    const settings = toSettings(options, 'suspend');
    const opened = this.#opened.get(id) ?? (await this.#find(id, options));
    await engine.exclusive(async () => {
      await requireApprover(engine, settings);
      // The directory can have changed since the question was shown.
      const refusal = this.#judge(opened);
      if (refusal !== undefined) throw sessionError('question_refused', refusal);
      const { own, directory, clock, requests } = engine.context;
      const { org, approval } = opened.facts;
      const shares = decision === 'yes' ? await this.#sharesOf(opened, settings) : undefined;
      const answer = {
        ...{ org, approval, statementHash: statementHash(opened.statement), device: own.device.id, decision },
        ...{ time: clock.now(), head: directory.state.head, sharesHash: shares && sharesHash(shares) },
      };
      await requests.approvals.answer(approval, signAnswer(answer, own.ik), shares, settings);
      this.#opened.delete(approval);
    });
    if (suspend !== undefined) await this.#parts.suspend(suspend, options);
  }

  async activityPage(options: ActivityPageOptions): Promise<ActivityPage> {
    return await readActivityPage(this.#parts, options);
  }

  async *watch({ interval = pollMs, ...options }: WatchOptions): AsyncGenerator<Question, void, undefined> {
    const { clock, bells } = this.#parts.engine.context;
    const settings = this.#parts.settings(options, 'interval');
    const shown = new Set<string>();
    const bell = new Bell();
    bells.add(bell);
    try {
      while (!settings.signal?.aborted) {
        for (const question of await this.questions(options)) {
          if (shown.has(question.id)) continue;
          shown.add(question.id);
          yield question;
        }
        await nap(clock, bell, interval, settings);
      }
    } finally {
      bells.delete(bell);
    }
  }

  /** The shares that a question asks for, sealed to its key. @throws SessionError person_key_missing, share_refused */
  async #sharesOf(opened: OpenedQuestion, settings: CallSettings): Promise<Bytes | undefined> {
    if (opened.shares.length === 0) return undefined;
    const { context } = this.#parts.engine;
    const { key, secret } = await new PersonKeyKeeper(context, settings).open();
    try {
      return await sharesForAnswer(opened, context.own.device.id, key, secret);
    } catch (error) {
      if (error instanceof DecryptionError) throw sessionError('share_refused');
      throw error;
    } finally {
      secret.fill(0);
    }
  }

  /** Runs work with the key of the person, on a device that may approve. */
  withPersonKey<T>(options: CallOptions, work: (keeper: PersonKeyKeeper) => Promise<T>): Promise<T> {
    const { engine, settings: toSettings } = this.#parts;
    const settings = toSettings(options);
    return engine.exclusive(async () => {
      await requireApprover(engine, settings);
      return await work(new PersonKeyKeeper(engine.context, settings));
    });
  }

  async #find(id: string, options: CallOptions): Promise<OpenedQuestion> {
    await this.questions(options);
    const opened = this.#opened.get(id);
    if (opened === undefined) throw sessionError('question_unknown', id);
    return opened;
  }

  /** The question, if it may be shown. Otherwise the service is told why not. */
  async #verify(
    { approval, question }: IncomingQuestion,
    secret: Uint8Array,
    settings: CallSettings,
  ): Promise<OpenedQuestion | undefined> {
    const { engine } = this.#parts;
    const { own, requests, directory, notify } = engine.context;
    const names = { org: own.org, device: own.device.id, approval };
    const opened = await openQuestion(names, secret, question);
    let refusal = opened === undefined ? ('malformed' as const) : this.#judge(opened);
    if (refusal === 'directory_behind') {
      await engine.follow(settings);
      refusal = opened && this.#judge(opened);
    }
    const shown = this.#opened.get(approval);
    const isOther = opened !== undefined && shown !== undefined && !equalBytes(shown.statement, opened.statement);
    if (refusal === undefined && isOther) refusal = 'other_details';
    if (refusal === undefined) return opened;
    if (refusal === 'directory_behind') {
      notify({ kind: 'directory_frozen', detail: `the question ${approval} names a newer entry` });
      return undefined;
    }
    if (refusal === 'directory_forked') {
      await directory.reportFork();
      notify({ kind: 'directory_forked', detail: `by the question ${approval}` });
    }
    await requests.approvals.refuse(approval, refusal, settings);
    if (refusal === 'directory_forked') throw sessionError('directory_forked');
    return undefined;
  }

  #forgetOver(): void {
    const now = this.#parts.engine.context.clock.now();
    for (const [id, { facts }] of this.#opened) if (now >= facts.expires) this.#opened.delete(id);
  }

  #judge(opened: OpenedQuestion) {
    const { directory, own, clock } = this.#parts.engine.context;
    return judgeQuestion(opened, {
      state: directory.state,
      device: own.device.id,
      now: clock.now(),
      relationOf: (head) => directory.compare(head),
    });
  }
}

function toQuestion(opened: OpenedQuestion): Question {
  const { facts, request, reason, earlier } = opened;
  const { approval, host, method, keyId, agent, run, scope, asked, expires } = facts;
  return {
    ...{ id: approval, host, method, url: request.url, keyId, agent, run, reason, earlier },
    values: facts.values.map(({ name, version, places }) => ({ name, version, places })),
    scope: scope.kind,
    uses: usesOf(scope),
    asked: new Date(asked),
    expires: new Date(expires),
    lines: questionLines(opened),
  };
}
