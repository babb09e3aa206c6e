/** `anima chat`: a conversation in a terminal, or in a pipe. */
import type { ReceivedMessage, SessionClient } from '../../../sdk/src/session/index.ts';
import { runUntilInterrupted } from '../../shell/abort-on-signal.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { parseDuration, parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable } from '../../shell/terminal-output.ts';
import { describeNotice, type OrgFlag, withDevice } from '../open-device.ts';
import { isSessionError, toSessionFailure } from '../session-errors.ts';
import { chatCommands, pipedInput, typedInput } from './chat-input.ts';
import {
  chooseConversation,
  conversationHead,
  conversationRows,
  currentConversations,
  type TargetFlags,
} from './chat-target.ts';
import { ChatView, type ShownMessage } from './chat-view.ts';
import { SentMarks } from './sent-marks.ts';

export interface ChatFlags extends OrgFlag, TargetFlags {
  readonly list?: boolean;
  readonly history?: string;
  readonly text?: boolean;
  readonly whole?: boolean;
  readonly accept?: boolean;
  readonly wait?: string;
  readonly follow?: boolean;
}

const usualHistory = 20;
/** Time for the last receipts when the chat ends, milliseconds. */
const lastSyncMs = 5_000;

export async function chat(shell: Shell, target: string | undefined, flags: ChatFlags): Promise<void> {
  const waitMs = flags.wait === undefined ? undefined : parseDuration('--wait', flags.wait) * 1000;
  const shown = flags.history === undefined ? undefined : parseWhole('--history', flags.history);
  if (flags.text === true && shell.json) throw usageError('--text and --json can’t be used together; nothing was sent');
  let view: ChatView | undefined;
  let onChange: ((conversation: string) => void) | undefined;
  const onNotice = (notice: Parameters<typeof describeNotice>[0]) => {
    if (notice.kind === 'participants_changed' && onChange !== undefined) return onChange(notice.detail);
    const text = describeNotice(notice);
    if (view === undefined) shell.note(text);
    else view.note(text);
  };
  await withDevice(shell, flags, { onNotice }, async (client) => {
    await client.sync().catch((error: unknown) => noteOffline(shell, error));
    if (flags.list === true) return await list(shell, client);
    const conversation = await chooseConversation(shell, client, target, flags);
    view = new ChatView(shell, conversation, flags.text === true);
    const room = new ChatRoom(shell, client, conversation, view, flags);
    // A conversation that cannot be shown now is shown before the next message.
    onChange = (changed) => void room.showChanges(changed).catch(() => undefined);
    const isTyped = shell.stdin.isTTY && shell.isTerminal;
    await room.showHistory(shown ?? (isTyped ? usualHistory : 0));
    await room.showChanges(conversation);
    await runUntilInterrupted(async (signal) => await room.run(isTyped, waitMs, signal));
    // Receipts of the last messages.
    await client.sync({ signal: AbortSignal.timeout(lastSyncMs) }).catch(() => undefined);
  });
}

function noteOffline(shell: Shell, error: unknown): void {
  const { message, next } = toSessionFailure(error);
  shell.note(`The vault was not asked for new messages. ${message}.${next === undefined ? '' : ` ${next}`}`);
}

async function list(shell: Shell, client: SessionClient): Promise<void> {
  const conversations = await currentConversations(client);
  if (conversations.length === 0) shell.note('This device is in no conversation. `anima chat AGENT` opens one.');
  const rows = conversationRows(conversations, client.person);
  shell.print(rows.length === 0 ? '' : formatTable([conversationHead, ...rows]), conversations);
}

class ChatRoom {
  readonly #shell: Shell;
  readonly #client: SessionClient;
  readonly #conversation: string;
  readonly #view: ChatView;
  readonly #flags: ChatFlags;
  readonly #marks: SentMarks;
  /** Called with each message of somebody else. */
  #onAnswer: (() => void) | undefined;

  constructor(shell: Shell, client: SessionClient, conversation: string, view: ChatView, flags: ChatFlags) {
    this.#shell = shell;
    this.#client = client;
    this.#conversation = conversation;
    this.#view = view;
    this.#flags = flags;
    this.#marks = new SentMarks(client, view);
  }

  async showHistory(count: number): Promise<void> {
    if (count === 0) return;
    const own = { device: this.#client.device, person: this.#client.person, role: 'owner' as const };
    const sent = (await this.#client.sent(this.#conversation)).map(
      (one): ShownMessage => ({ ...one, sender: own, isLate: false, isFromSelf: true }),
    );
    const received = await Promise.all((await this.#client.history(this.#conversation)).map((one) => this.#shown(one)));
    const all = [...sent, ...received].sort((a, b) => a.time.getTime() - b.time.getTime());
    for (const message of all.slice(-count)) this.#view.message(message);
  }

  /** Shows new participants. Without a person, --accept accepts them. */
  async showChanges(conversation: string): Promise<void> {
    if (conversation !== this.#conversation)
      return this.#view.note(`The conversation ${conversation} is new, or its participants changed.`);
    const changes = await this.#client.conversations.changes(conversation);
    const mustAccept = this.#view.changes(changes);
    if (this.#flags.accept === true) await this.#client.conversations.accept(changes);
    else if (mustAccept)
      this.#view.note('Nothing is sent before you accept them: /accept, or --accept without a terminal.');
  }

  /** Receives and sends until the input and the wait end, or the signal fires. */
  async run(isTyped: boolean, waitMs: number | undefined, signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    // A failure of either one ends the other.
    const receiving = this.#receive(both).finally(() => stop.abort());
    // It is awaited below, whenever it fails.
    receiving.catch(() => undefined);
    try {
      if (isTyped) {
        this.#view.note('Type a message. /help shows the commands, Ctrl-D ends the chat.');
        await this.#type(both);
      } else {
        await this.#pipe(waitMs, both);
      }
    } finally {
      stop.abort();
      this.#marks.stop();
      await receiving;
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    for await (const message of this.#client.messages({ signal })) {
      const shown = await this.#shown(message);
      this.#view.message(shown);
      await this.#client.markRead(message);
      if (!shown.isFromSelf && message.conversation === this.#conversation) this.#onAnswer?.();
    }
  }

  async #type(signal: AbortSignal): Promise<void> {
    for await (const input of typedInput(this.#shell, this.#view, signal)) {
      if (input.kind === 'command' && input.name === 'quit') return;
      try {
        if (input.kind === 'message') await this.#send(input.text);
        else await this.#command(input.name);
      } catch (error) {
        const { message, next } = toSessionFailure(error);
        this.#view.error(`${message}.${next === undefined ? '' : ` ${next}`}`);
      }
    }
  }

  async #command(name: string): Promise<void> {
    if (name === 'multi') return this.#view.note('Several lines. A line with a single . sends them.');
    if (name === 'history') return await this.showHistory(Number.MAX_SAFE_INTEGER);
    if (name === 'who') {
      const info = await this.#client.conversations.get(this.#conversation);
      return this.#view.participants(info?.devices ?? [], this.#client.device);
    }
    if (name === 'accept') {
      const changes = await this.#client.conversations.changes(this.#conversation);
      await this.#client.conversations.accept(changes);
      return this.#view.note(changes.added.length === 0 ? 'There is nobody to accept.' : 'Accepted.');
    }
    const known = Object.entries(chatCommands).map(([command, text]) => `  /${command.padEnd(8)} ${text}`);
    const start = name === 'help' ? '' : 'There is no such command; nothing was sent. ';
    this.#view.note(
      `${start}Commands:\n${known.join('\n')}\nA line that ends with \\ goes on in the next one. // begins a message with a slash.`,
    );
  }

  async #pipe(waitMs: number | undefined, signal: AbortSignal): Promise<void> {
    const answered = Promise.withResolvers<void>();
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for await (const input of pipedInput(this.#shell, this.#flags.whole === true, signal)) {
      if (signal.aborted) return;
      // An answer to an earlier line does not count.
      this.#onAnswer = undefined;
      if (input.kind === 'message') await this.#send(input.text);
      this.#onAnswer = answered.resolve;
    }
    if (this.#flags.follow === true) return await aborted;
    if (waitMs !== undefined) {
      const timer = new AbortController();
      const late = timeout(waitMs, timer.signal);
      const outcome = await Promise.race([answered.promise, aborted, late]);
      timer.abort();
      if (outcome === 'late')
        throw new CommandError('No answer came in time', {
          exit: exitCodes.unavailable,
          next: 'What was sent stays sent. `anima chat` shows a later answer.',
        });
      return;
    }
    await this.#assertSent();
  }

  async #assertSent(): Promise<void> {
    if (await this.#marks.areAllSent()) return;
    throw new CommandError('The vault could not be reached. The messages are stored on this device, and not sent yet', {
      exit: exitCodes.unavailable,
      next: 'The next `anima chat` sends them.',
    });
  }

  async #send(text: string): Promise<void> {
    try {
      const sent = await this.#client.send(this.#conversation, text);
      this.#marks.add(sent);
    } catch (error) {
      if (isSessionError(error, 'participants_changed')) await this.showChanges(this.#conversation);
      throw error;
    }
  }

  async #shown(message: ReceivedMessage): Promise<ShownMessage> {
    const { id, conversation, sender, time, type, isLate, isOwn } = message;
    const text = await message.text().catch(() => '[the attachment could not be read]');
    return { id, conversation, sender, time, type, isLate, text, isFromSelf: isOwn && sender.role === 'owner' };
  }
}

const timeout = (ms: number, signal: AbortSignal): Promise<'late' | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
