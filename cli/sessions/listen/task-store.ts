/**
 * The messages that `anima agent listen` has taken and not finished, encrypted on this machine. A message is stored here
 * before it is confirmed to the SDK, so none is lost, and each is started once.
 */
import { Changes, SessionStore } from '../../../sdk/src/session/storage/session-store.ts';
import type { Shell } from '../../shell/shell.ts';
import { deviceProfile, sessionStorage } from '../session-folder.ts';

/** A message for the command. */
export interface Task {
  readonly id: string;
  readonly conversation: string;
  /** Where the answer goes: the conversation, or an agent with a link. */
  readonly target: string | { readonly agent: string };
  readonly sender: string;
  readonly person: string;
  readonly role: string;
  readonly type: string;
  /** Milliseconds since 1970, by the clock of the sender. */
  readonly time: number;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * `waiting`: not started. `started`: the command ran or runs. `answered`: its answer is here, and was perhaps not queued
 * in the SDK yet.
 */
export type StoredTask = Task & {
  readonly state: 'waiting' | 'started' | 'answered';
  /** Set in the state `answered`. */
  readonly answer?: string | Uint8Array<ArrayBuffer>;
};

interface Taken {
  readonly id: string;
  readonly sender: string;
  readonly next: number;
}

const taskName = (number: number): string => `task/${String(number).padStart(12, '0')}`;

export class TaskStore {
  readonly #store: SessionStore;

  private constructor(store: SessionStore) {
    this.#store = store;
  }

  /** @throws SessionError in_use, storage_damaged, keys_locked */
  static async open(shell: Shell, org: string): Promise<TaskStore> {
    const storage = await sessionStorage(shell.env, deviceProfile(shell));
    return new TaskStore(await SessionStore.open(storage, { org, name: 'tasks' }, 'create'));
  }

  /** Names and tasks in the order in which they arrived. */
  async tasks(): Promise<readonly (readonly [name: string, task: StoredTask])[]> {
    const found: (readonly [string, StoredTask])[] = [];
    for await (const entry of this.#store.items<StoredTask>('task/')) found.push(entry);
    return found;
  }

  /**
   * Stores a message. @returns the name of its task; undefined if it was the last one that was taken: the process ended
   * before it was confirmed
   */
  async take(task: Task): Promise<string | undefined> {
    const last = await this.#store.item<Taken>('taken');
    if (last?.id === task.id && last.sender === task.sender) return undefined;
    const number = last?.next ?? 1;
    const name = taskName(number);
    const taken: Taken = { id: task.id, sender: task.sender, next: number + 1 };
    const stored: StoredTask = { ...task, state: 'waiting' };
    await this.#store.write(new Changes().put('taken', taken).put(name, stored));
    return name;
  }

  async update(name: string, task: StoredTask): Promise<void> {
    await this.#store.write(new Changes().put(name, task));
  }

  async finish(name: string): Promise<void> {
    await this.#store.write(new Changes().delete(name));
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
