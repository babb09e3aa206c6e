/** Gives each message to a command, and sends its output as the answer. */
import type { ReceivedMessage, SessionClient } from '../../../sdk/src/session/index.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';
import { isSessionError, toSessionFailure } from '../session-errors.ts';
import { shortId } from '../subject-ids.ts';
import { taskEnvironment } from './task-environment.ts';
import { answerOf, describeOutcome, noteOf } from './task-outcome.ts';
import { type TaskLimits, type TaskOutcome, TaskProcess } from './task-process.ts';
import type { StoredTask, Task, TaskStore } from './task-store.ts';

export interface ListenSettings extends TaskLimits {
  readonly command: readonly string[];
  /** Maximum length of a message, bytes. */
  readonly inputBytes: number;
  /** Commands that run at the same time, for different conversations. */
  readonly parallel: number;
  /** Time for running commands to end after Ctrl-C, milliseconds. */
  readonly graceMs: number;
  /** The message that stops the running command of its conversation. */
  readonly stopWord: string;
  readonly answersAgents: boolean;
  readonly sendsNotes: boolean;
  readonly rerunsInterrupted: boolean;
}

interface QueuedTask {
  readonly name: string;
  readonly task: StoredTask;
}

/** Tasks of one conversation, in order, and the command that runs. */
interface Lane {
  readonly waiting: QueuedTask[];
  /** `starting` while it is stored that the command starts; `stopped` if the stop word came meanwhile. */
  running: TaskProcess | 'starting' | 'stopped' | undefined;
  isBusy: boolean;
}

export class Listener {
  readonly #shell: Shell;
  readonly #client: SessionClient;
  readonly #store: TaskStore;
  readonly #settings: ListenSettings;
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Set<Promise<void>>();
  #isStopping = false;

  constructor(shell: Shell, client: SessionClient, store: TaskStore, settings: ListenSettings) {
    this.#shell = shell;
    this.#client = client;
    this.#store = store;
    this.#settings = settings;
  }

  /** Finishes what an earlier process has left, then answers messages until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#resume();
    try {
      for await (const message of this.#client.messages({ signal })) await this.#take(message);
    } finally {
      await this.#end();
    }
  }

  async #resume(): Promise<void> {
    for (const [name, task] of await this.#store.tasks()) {
      const isAgain = task.state === 'started' && this.#settings.rerunsInterrupted;
      if (task.state === 'waiting' || isAgain) this.#enqueue({ name, task });
      else if (task.state === 'answered') await this.#deliver(name, task);
      else {
        // Nobody knows how far the command came, so it is not run again unless the operator wants it.
        await this.#note(
          task,
          'The agent ended while it worked on this message. It was not run again. Send it again if it should be',
        );
        await this.#store.finish(name);
      }
    }
  }

  async #take(message: ReceivedMessage): Promise<void> {
    const { sender, length, type } = message;
    if (sender.role !== 'owner' && !this.#settings.answersAgents) return;
    const head = {
      ...{ id: message.id, conversation: message.conversation, type, time: message.time.getTime() },
      ...{ sender: sender.device, person: sender.person, role: sender.role },
      target: await this.#targetOf(message),
    };
    const isTooLong = length > this.#settings.inputBytes;
    const body = isTooLong ? new Uint8Array(0) : new Uint8Array(await message.read());
    const task: Task = { ...head, body };
    await this.#client.markRead(message);
    if (isTooLong)
      return await this.#note(
        task,
        `The message has ${length} bytes, and this agent takes at most ${this.#settings.inputBytes}. It was not run`,
      );
    if (new TextDecoder().decode(body).trim() === this.#settings.stopWord) return await this.#stop(task);
    const name = await this.#store.take(task);
    if (name !== undefined) this.#enqueue({ name, task: { ...task, state: 'waiting' } });
  }

  async #targetOf({ conversation, sender }: ReceivedMessage): Promise<Task['target']> {
    const isKnown = (await this.#client.conversations.get(conversation)) !== undefined;
    return isKnown ? conversation : { agent: sender.device };
  }

  #laneOf(conversation: string): Lane {
    const lane = this.#lanes.get(conversation) ?? { waiting: [], running: undefined, isBusy: false };
    this.#lanes.set(conversation, lane);
    return lane;
  }

  #enqueue(queued: QueuedTask): void {
    this.#laneOf(queued.task.conversation).waiting.push(queued);
    this.#startNext();
  }

  /** Starts as many lanes as may run at the same time. Lanes that waited longer are first in the map. */
  #startNext(): void {
    for (const [conversation, lane] of this.#lanes) {
      if (this.#isStopping || this.#running.size >= this.#settings.parallel) return;
      if (lane.isBusy) continue;
      const next = lane.waiting.shift();
      if (next === undefined) {
        this.#lanes.delete(conversation);
        continue;
      }
      lane.isBusy = true;
      const work = this.#work(lane, next).finally(() => {
        lane.isBusy = false;
        this.#running.delete(work);
        // Behind the others.
        this.#lanes.delete(conversation);
        if (lane.waiting.length > 0) this.#lanes.set(conversation, lane);
        this.#startNext();
      });
      this.#running.add(work);
    }
  }

  async #work(lane: Lane, { name, task }: QueuedTask): Promise<void> {
    try {
      lane.running = 'starting';
      await this.#store.update(name, { ...task, state: 'started' });
      const outcome = await this.#outcomeOf(lane, task);
      lane.running = undefined;
      this.#shell.note(line`Message ${shortId(task.id)}: ${describeOutcome(outcome)}.`);
      if (outcome.kind === 'answer') {
        const answer = answerOf(outcome.output);
        const answered: StoredTask = { ...task, state: 'answered', ...(answer === undefined ? {} : { answer }) };
        await this.#store.update(name, answered);
        return await this.#deliver(name, answered);
      }
      await this.#note(task, noteOf(outcome));
      await this.#store.finish(name);
    } catch (error) {
      lane.running = undefined;
      // The task stays, and is dealt with at the next start.
      const { message } = toSessionFailure(error);
      this.#shell.error(line`anima: Message ${shortId(task.id)} was not answered. ${message}.`);
    }
  }

  async #outcomeOf(lane: Lane, task: Task): Promise<TaskOutcome> {
    if (lane.running === 'stopped') return { kind: 'stopped' };
    this.#shell.note(line`Message ${shortId(task.id)} of ${task.role} ${shortId(task.sender)}: running the command.`);
    const env = taskEnvironment(this.#shell.env, task, this.#client.device);
    lane.running = new TaskProcess(this.#settings.command, env, task.body, this.#settings);
    return await lane.running.outcome;
  }

  async #deliver(name: string, { answer, ...task }: StoredTask): Promise<void> {
    try {
      if (answer !== undefined) await this.#client.send(task.target, answer);
    } catch (error) {
      if (!isSessionError(error, 'body_too_large')) throw error;
      await this.#note(task, 'The answer is too large to be sent');
    }
    await this.#store.finish(name);
  }

  /** A short message of the agent itself. Without the right to write any more, nobody is told. */
  async #note({ target, id }: Task, text: string): Promise<void> {
    if (!this.#settings.sendsNotes) return;
    try {
      await this.#client.send(target, `[agent] ${text}.`);
    } catch (error) {
      this.#shell.error(line`anima: Message ${shortId(id)}: no note was sent. ${toSessionFailure(error).message}.`);
    }
  }

  async #stop(task: Task): Promise<void> {
    const lane = this.#lanes.get(task.conversation);
    const dropped = lane?.waiting.splice(0) ?? [];
    for (const { name } of dropped) await this.#store.finish(name);
    // The running command sends its own note.
    if (lane?.running === 'starting') lane.running = 'stopped';
    else if (lane?.running instanceof TaskProcess) lane.running.stop();
    if (dropped.length > 0)
      await this.#note(task, `Messages that were not started, and were dropped: ${dropped.length}`);
    else if (lane?.running === undefined) await this.#note(task, 'Nothing runs');
  }

  /** Lets running commands end for a while, then ends them. What was not started waits for the next start. */
  async #end(): Promise<void> {
    this.#isStopping = true;
    if (this.#running.size === 0) return;
    this.#shell.note(
      `Waiting up to ${this.#settings.graceMs / 1000} s for running commands. Ctrl-C ends them at once.`,
    );
    const endAll = (end: (one: TaskProcess) => void): void => {
      for (const lane of this.#lanes.values()) {
        if (lane.running === 'starting') lane.running = 'stopped';
        else if (lane.running instanceof TaskProcess) end(lane.running);
      }
    };
    const timer = setTimeout(() => endAll((one) => one.stop()), this.#settings.graceMs);
    const atOnce = (): void => endAll((one) => one.kill());
    process.on('SIGINT', atOnce);
    try {
      while (this.#running.size > 0) await Promise.all(this.#running);
    } finally {
      clearTimeout(timer);
      process.off('SIGINT', atOnce);
    }
  }
}
