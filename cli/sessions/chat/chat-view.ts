/**
 * What a person sees of a conversation. Everything that others sent is printed by the methods of the shell, which make
 * control characters harmless, and its further lines are indented, so that it cannot look like another message.
 */
import type { ConversationChanges, ConversationDevice, DeliveryState } from '../../../sdk/src/session/index.ts';
import type { Shell } from '../../shell/shell.ts';
import { escapeContent, escapeForLine, type StyledText, styled } from '../../shell/terminal-text.ts';
import { shortId } from '../subject-ids.ts';

/** A message to show. */
export interface ShownMessage {
  readonly id: string;
  readonly conversation: string;
  readonly sender: ConversationDevice;
  readonly time: Date;
  readonly type: string;
  readonly text: string;
  readonly isLate: boolean;
  /** Whether this device, or another one of the person, wrote it. */
  readonly isFromSelf: boolean;
}

const isText = (type: string): boolean => type.startsWith('text/') || type === 'application/json';

const two = (number: number): string => String(number).padStart(2, '0');

/** Local time; with the date unless it is of today. */
function shownTime(time: Date): string {
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (time.toDateString() === new Date().toDateString()) return clock;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clock}`;
}

const nameOf = ({ device, person, role }: ConversationDevice): string =>
  role === 'owner' ? `${person} (${shortId(device)})` : `${role} ${shortId(device)}`;

/** Line ends of others are kept, indented. A carriage return alone is an escape. */
const indented = (text: string, indent: string): string =>
  escapeContent(text.replace(/\r\n/g, '\n')).replace(/\n$/, '').replaceAll('\n', `\n${indent}`);

export class ChatView {
  readonly #shell: Shell;
  readonly #conversation: string;
  /** Set while a person types: it clears the line before something is printed, and shows it again. */
  around: (print: () => void) => void = (print) => print();
  readonly #onlyText: boolean;

  constructor(shell: Shell, conversation: string, onlyText: boolean) {
    this.#shell = shell;
    this.#conversation = conversation;
    this.#onlyText = onlyText;
  }

  message(message: ShownMessage): void {
    const { sender, time, type, text, isLate, isFromSelf, ...ids } = message;
    const body = isText(type) ? text : `[${type}, ${text.length} characters]`;
    this.around(() => {
      if (this.#onlyText) return isFromSelf ? undefined : this.#shell.printContent(`${body}\n`);
      const other = message.conversation === this.#conversation ? '' : ` in ${shortId(message.conversation)}`;
      const head = `${shownTime(time)} ${isFromSelf ? 'you' : nameOf(sender)}${other}${isLate ? ' (late)' : ''}: `;
      this.#shell.print([styled(isFromSelf ? 'dim' : 'cyan', escapeForLine(head)), indented(body, '      ')], {
        kind: 'message',
        ...ids,
        sender,
        time,
        type,
        text,
        late: isLate,
        own: isFromSelf,
      });
    });
  }

  sent(number: number, id: string, state: DeliveryState): void {
    if (this.#onlyText) return;
    this.around(() =>
      this.#shell.print([styled('dim', `      #${number} ${state}`)], { kind: 'sent', id, number, state }),
    );
  }

  /** @returns whether there is something that must be accepted */
  changes({ conversation, added, removed }: ConversationChanges): boolean {
    if (added.length + removed.length === 0) return false;
    const lines: (string | StyledText)[] = [
      ...added.map((one) =>
        styled(
          'yellow',
          `New participant: ${nameOf(one)}, device ${one.device}${one.person === '' ? '' : ` of the person ${one.person}`}\n`,
        ),
      ),
      ...removed.map((device) => styled('yellow', `No longer a participant: device ${device}\n`)),
    ];
    // Not hidden by --text, because a person has to see it.
    this.around(() => {
      if (this.#onlyText) this.#shell.error(lines.map((one) => (typeof one === 'string' ? one : one.text)).join(''));
      else this.#shell.print(lines, { kind: 'participants', conversation, added, removed });
    });
    return added.length > 0;
  }

  participants(devices: readonly ConversationDevice[], own: string): void {
    this.around(() =>
      this.#shell.note(
        `Participants:\n${devices.map((one) => `  ${nameOf(one)}${one.device === own ? ', this device' : ''}`).join('\n')}`,
      ),
    );
  }

  note(text: string): void {
    this.around(() => this.#shell.note(text));
  }

  error(text: string): void {
    this.around(() => this.#shell.error(text));
  }
}
