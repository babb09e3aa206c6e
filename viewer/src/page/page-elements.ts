/** The one card of the page: a state replaces the one before it. Text goes in as text nodes only. */

import { sizeText } from './file-name-and-size.ts';
import { iconOf } from './icons.ts';
import { opening, type View } from './page-texts.ts';

/** Milliseconds between two changes of the numbers of a progress. */
const changeEvery = 100;

/** An element with properties and children; texts become text nodes. */
export function element<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  properties: Partial<HTMLElementTagNameMap[T]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[T] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Says something to who listens to the page, without moving the focus. */
export function say(text: string): void {
  const live = document.getElementById('live');
  if (live !== null) live.textContent = text;
}

/**
 * Shows a state: its card, with `body` under the words, its name as title of the page, the focus on its heading. The title never holds a
 * file name, since browsers keep titles in their history.
 */
export function show({ icon, title, text, trouble = false }: View, heading = title, ...body: Node[]): void {
  const words = element('div', {}, ...text.map((line) => element('p', {}, line)));
  if (trouble) words.setAttribute('role', 'alert');
  const head = element('h1', { tabIndex: -1, dir: 'auto' }, heading);
  const card = element('section', { className: trouble ? 'trouble' : '' }, iconOf(icon), head, words, ...body);
  document.getElementById('main')?.replaceChildren(card);
  document.title = `${title} – Encrypted file`;
  say(trouble ? '' : text.join(' '));
  head.focus();
}

export const button = (label: string): HTMLButtonElement => element('button', { type: 'button' }, label);

/** Resolves when the button is pressed. */
export const pressed = (pressable: HTMLElement): Promise<void> =>
  new Promise((resolve) => pressable.addEventListener('click', () => resolve(), { once: true }));

/** Shows a state with one button, and waits for it. */
export async function ask(view: View, label: string, ...body: Node[]): Promise<void> {
  const answer = button(label);
  show(view, view.title, ...body, answer);
  await pressed(answer);
}

/** Rows of facts. */
export const facts = (rows: readonly (readonly [string, string])[]): HTMLElement =>
  element(
    'dl',
    {},
    ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', { dir: 'auto' }, value)]),
  );

/** A download as it goes on. */
export interface Progress {
  /** Shows its state, anew after another one. */
  show(): void;
  /** Bytes that have arrived, of how many. */
  update(bytes: number, total: number): void;
}

/** The state while a file is loaded and decrypted. Who listens hears every quarter. */
export function progressOf(view: View = opening): Progress {
  const bar = element('progress', { max: 1 });
  bar.setAttribute('aria-label', 'Downloaded and decrypted');
  const numbers = element('p', {}, 'Connecting …');
  let latest: readonly [bytes: number, total: number] = [0, 0];
  let drawn = -1;
  let pending: ReturnType<typeof setTimeout> | undefined;
  let quarter = 0;
  const draw = () => {
    const [bytes, total] = latest;
    pending = undefined;
    if (bytes === drawn) return;
    drawn = bytes;
    // What arrives meanwhile is drawn later, so that a download that stops shows how far it is.
    pending = setTimeout(draw, changeEvery);
    const share = total > 0 ? Math.min(bytes / total, 1) : 1;
    const percent = `${Math.floor(share * 100)} %`;
    bar.value = share;
    numbers.textContent = `${sizeText(bytes)} of ${sizeText(total)} · ${percent}`;
    if (Math.floor(share * 4) > quarter) {
      quarter = Math.floor(share * 4);
      say(`${percent} loaded`);
    }
  };
  return {
    show: () => show(view, view.title, bar, numbers),
    update: (bytes, total) => {
      latest = [bytes, total];
      if (pending === undefined) draw();
    },
  };
}
