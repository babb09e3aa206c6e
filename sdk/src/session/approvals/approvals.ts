import type { Decision } from '../../../../core/approvals/answer.ts';
import type { CallOptions } from '../../shared/client-options.ts';
import type { ApprovalParts } from './approval-parts.ts';
import type { ApprovalQuestions } from './approval-questions.ts';
import type {
  Activity,
  ActivityOptions,
  ActivityPage,
  ActivityPageOptions,
  AnswerOptions,
  Question,
  WatchOptions,
} from './approval-types.ts';
import type { PersonKeyInfo, PersonKeyRecovery, RecoverPersonKeyOptions } from './person-key-types.ts';

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

  /**
   * Each open question once, as it arrives: at once while `messages` runs with a socket, otherwise with the next look. Ends
   * when `signal` fires, with AnimaError aborted.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<Question, void, undefined> {
    yield* (await this.#load()).watch(options);
  }

  /**
   * What the own person allowed, and with what result, and tripwires that were read, newest first:
   * `for await (const entry of client.approvals.activity({ from }))`.
   * @throws SessionError cannot_approve, directory_forked; AnimaError
   */
  async *activity(options: ActivityOptions = {}): AsyncGenerator<Activity, void, undefined> {
    let cursor: string | undefined;
    do {
      const page: ActivityPage = await this.activityPage({ ...options, cursor });
      yield* page.entries;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** One page of it: the first, or the one after a cursor. For each, the service reads a part of the audit. */
  async activityPage(options: ActivityPageOptions = {}): Promise<ActivityPage> {
    return await (await this.#load()).activityPage(options);
  }

  /** The key to which values of custody `approval` are sealed for this person; undefined if there is none. */
  async personKey(options: CallOptions = {}): Promise<PersonKeyInfo | undefined> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.info());
  }

  /**
   * Makes that key, for all approving devices of the person, and for a recovery code.
   * @returns the code, which nothing stores: show it once
   * @throws SessionError person_key_exists
   */
  async createPersonKey(options: CallOptions = {}): Promise<PersonKeyRecovery> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.create());
  }

  /**
   * Makes another recovery code for that key. The service could still show the statement of the code before, so replace the key
   * (`rotatePersonKey`) if somebody else has seen that code.
   * @throws SessionError person_key_missing, person_key_outdated
   */
  async renewPersonKeyRecovery(options: CallOptions = {}): Promise<PersonKeyRecovery> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.renewRecovery());
  }

  /**
   * Gives that key to this device by the recovery code, and replaces it. For a person who has lost all approving devices: revoke
   * these first. Nothing of the code is sent.
   * @returns the next code
   * @throws SessionError recovery_code_refused for every cause, person_key_missing if the person has no key
   */
  async recoverPersonKey({ code, ...options }: RecoverPersonKeyOptions): Promise<PersonKeyRecovery> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.recover(code));
  }

  /**
   * Gives the key to further approving devices of the person, after they looked at questions once.
   * @returns ids of the devices that got it
   * @throws SessionError person_key_missing, person_key_outdated
   */
  async sharePersonKey(options: CallOptions = {}): Promise<readonly string[]> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.addDevices());
  }

  /**
   * Replaces the key after a device was removed. Values that were set before stay usable. Set them again, best with a new
   * secret of the provider: the removed device could open them.
   * @returns the next recovery code: the one before opens nothing that is set from now on
   * @throws SessionError person_key_missing
   */
  async rotatePersonKey(options: CallOptions = {}): Promise<PersonKeyRecovery> {
    return await (await this.#load()).withPersonKey(options, (keeper) => keeper.rotate());
  }

  #load(): Promise<ApprovalQuestions> {
    this.#loaded ??= loadQuestions().then(({ ApprovalQuestions: Questions }) => new Questions(this.#parts));
    return this.#loaded;
  }
}
