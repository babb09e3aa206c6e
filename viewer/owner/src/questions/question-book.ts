/** The open questions, which are asked for as long as the page is visible, and what this device answered. */
import type { Question, SessionClient } from '../../../../sdk/src/session/index.ts';
import type { DeviceEvents } from '../device/device-events.ts';
import { describeError, hasCode } from '../device/errors.ts';
import type { Notes } from '../device/notes.ts';

/** Time between two looks, milliseconds. The page looks at once when its socket is woken, and when it is shown. */
const lookMs = 5_000;

/** What this device decided. The request itself is not kept. */
export interface Decision {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly decision: 'yes' | 'no';
  readonly host: string;
  readonly method: string;
  readonly values: readonly string[];
  readonly keyId: string;
  readonly agent: string;
  /** Requests that a yes allowed. */
  readonly uses: number;
}

const prefix = 'decision/';
/** Decisions are kept for so long. */
const keptMs = 90 * 86_400_000;

export class QuestionBook {
  readonly #client: SessionClient;
  readonly #events: DeviceEvents;
  readonly #notes: Notes;
  open: readonly Question[] = [];
  /** Why questions cannot be shown; undefined if they can. */
  problem: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isLooking = false;
  readonly #onVisible = () => void this.look();
  #unsubscribe: () => void = () => undefined;

  constructor(client: SessionClient, events: DeviceEvents, notes: Notes) {
    this.#client = client;
    this.#events = events;
    this.#notes = notes;
  }

  /** Whether the directory gives this device the right to answer. */
  get canAnswer(): boolean {
    return this.#client.devices().some(({ isThis, can }) => isThis && can.includes('approve'));
  }

  begin(): void {
    document.addEventListener('visibilitychange', this.#onVisible);
    this.#timer = setInterval(this.#onVisible, lookMs);
    this.#unsubscribe = this.#events.subscribe((change) => {
      if (change === 'wake') void this.look();
    });
    this.#onVisible();
  }

  end(): void {
    document.removeEventListener('visibilitychange', this.#onVisible);
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  async look(): Promise<void> {
    if (document.hidden || this.#isLooking || !this.canAnswer) return;
    this.#isLooking = true;
    const before = JSON.stringify([this.open.map(({ id }) => id), this.problem]);
    try {
      this.open = await this.#client.approvals.questions();
      this.problem = undefined;
    } catch (error) {
      // Without a connection, those that are known stay until their time is over.
      if (!hasCode(error, 'unavailable')) this.problem = describeError(error);
      this.open = this.open.filter(({ expires }) => expires.getTime() > Date.now());
    } finally {
      this.#isLooking = false;
    }
    if (JSON.stringify([this.open.map(({ id }) => id), this.problem]) !== before) this.#events.emit('questions');
  }

  /** Signs and sends the answer, and notes it. @throws SessionError, AnimaError */
  async answer(question: Question, decision: 'yes' | 'no'): Promise<void> {
    await this.#client.approvals.answer(question.id, decision);
    this.open = this.open.filter(({ id }) => id !== question.id);
    const { id, host, method, values, keyId, agent, uses } = question;
    const names = values.map(({ name, version }) => `${name}, version ${version}`);
    const note: Decision = { ...{ id, time: Date.now(), decision, host, method, values: names, keyId, agent, uses } };
    await this.#notes.put(`${prefix}${String(note.time).padStart(15, '0')}-${id}`, note);
    this.#events.emit('questions');
  }

  /** What this device decided, newest first. */
  async decisions(): Promise<readonly Decision[]> {
    const names = await this.#notes.list(prefix);
    const oldest = `${prefix}${String(Date.now() - keptMs).padStart(15, '0')}`;
    const expired = names.filter((name) => name < oldest);
    if (expired.length > 0) await this.#notes.delete(expired);
    const kept = await Promise.all(
      names.filter((name) => name >= oldest).map((name) => this.#notes.get<Decision>(name)),
    );
    return kept.filter((decision) => decision !== undefined).reverse();
  }
}
