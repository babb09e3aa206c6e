/** What a person types, or a pipe contains: one message after another. */
import { clearLine, createInterface, cursorTo } from 'node:readline';
import { textLines } from '../../../core/encoding/text-lines.ts';
import { readAll } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import type { ChatView } from './chat-view.ts';

/** A message, or a command of the chat with its argument. */
export type ChatInput =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string };

/** Commands in a terminal. Everything else that begins with a slash is a mistake; `//` begins a message with a slash. */
export const chatCommands: Readonly<Record<string, string>> = {
  help: 'show this list',
  quit: 'end the chat (also Ctrl-C, Ctrl-D)',
  stop: 'ask the agent to stop what it does; sent as the message /stop',
  multi: 'write several lines, up to a line with a single .',
  who: 'show who takes part',
  accept: 'accept new participants, after a look at them',
  history: 'show earlier messages',
};

/** Lines of a pipe, or all of it as one message. */
export async function* pipedInput(
  shell: Shell,
  isWhole: boolean,
  signal: AbortSignal,
): AsyncGenerator<ChatInput, void, undefined> {
  if (isWhole) {
    const text = (await readAll(shell.stdin)).toString('utf8').replace(/\n$/, '');
    if (text !== '') yield { kind: 'message', text };
    return;
  }
  if (signal.aborted) return;
  const stop = () => void shell.stdin.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const text of textLines(shell.stdin)) if (text.trim() !== '') yield { kind: 'message', text };
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Lines that a person types. Ends with Ctrl-C, Ctrl-D, or when the signal fires. */
export async function* typedInput(
  shell: Shell,
  view: ChatView,
  signal: AbortSignal,
): AsyncGenerator<ChatInput, void, undefined> {
  const output = shell.rawStdout;
  const lines = createInterface({ input: shell.stdin, output, terminal: true, prompt: '> ', historySize: 0 });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  const queue = new LineQueue();
  lines
    .on('line', (text) => queue.push(text))
    .on('SIGINT', close)
    .on('close', () => queue.end());
  view.around = (print) => {
    clearLine(output, 0);
    cursorTo(output, 0);
    print();
    if (!queue.isEnded) lines.prompt(true);
  };
  lines.prompt();
  try {
    const assembler = new MessageAssembler();
    for await (const pasted of queue) {
      for (const input of assembler.feed(pasted)) yield input;
      if (!queue.isEnded) {
        lines.setPrompt(assembler.isOpen ? '. ' : '> ');
        lines.prompt();
      }
    }
  } finally {
    signal.removeEventListener('abort', close);
    view.around = (print) => print();
    lines.close();
  }
}

/** Lines that arrive at the same moment were pasted, and belong together. */
class LineQueue {
  readonly #waiting: string[] = [];
  #wake: (() => void) | undefined;
  isEnded = false;

  push(text: string): void {
    this.#waiting.push(text);
    this.#wake?.();
  }

  end(): void {
    this.isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly string[], void, undefined> {
    for (;;) {
      if (this.#waiting.length === 0) {
        if (this.isEnded) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        // The other lines of the same chunk follow in this turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const lines = this.#waiting.splice(0);
      if (lines.length > 0) yield lines;
    }
  }
}

/** Makes messages and commands of typed lines: `\` at an end, /multi, and pasted lines join lines. */
export class MessageAssembler {
  #lines: string[] = [];
  #isMulti = false;

  /** Whether more lines belong to the message. */
  get isOpen(): boolean {
    return this.#isMulti || this.#lines.length > 0;
  }

  /** @param lines one typed line, or several that were pasted */
  feed(lines: readonly string[]): readonly ChatInput[] {
    const [first = ''] = lines;
    if (!this.isOpen && lines.length > 1 && !first.startsWith('/')) return this.#take(lines.join('\n'));
    return lines.flatMap((text) => this.#feedLine(text));
  }

  #feedLine(text: string): readonly ChatInput[] {
    if (this.#isMulti) {
      if (text.trim() !== '.') return this.#keep(text);
      this.#isMulti = false;
      return this.#take(this.#lines.splice(0).join('\n'));
    }
    if (text.endsWith('\\')) return this.#keep(text.slice(0, -1));
    if (this.#lines.length > 0) return this.#take([...this.#lines.splice(0), text].join('\n'));
    if (text.startsWith('//')) return this.#take(text.slice(1));
    if (!text.startsWith('/')) return this.#take(text);
    const name = text.slice(1).trim().toLowerCase();
    if (name === 'multi') this.#isMulti = true;
    else if (name === 'stop') return this.#take('/stop');
    return [{ kind: 'command', name }];
  }

  #keep(text: string): readonly ChatInput[] {
    this.#lines.push(text);
    return [];
  }

  #take(text: string): readonly ChatInput[] {
    return text.trim() === '' ? [] : [{ kind: 'message', text }];
  }
}
