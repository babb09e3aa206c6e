/** The single card of the page: each state replaces the previous one. Text is inserted only as text nodes. */

import { formatByteSize } from './byte-size.ts';
import { createIcon } from './icons.ts';
import { openingView, type PageView } from './page-texts.ts';

/** Interval between updates of the progress numbers, milliseconds. */
const progressUpdateMs = 100;

/** An element with properties and children; texts become text nodes. */
export function createElement<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  properties: Partial<HTMLElementTagNameMap[T]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[T] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** What the page is for, in the titles of its states. */
let purpose = 'Encrypted file';

/** Sets what the page is for: in the title, the header and the footer. */
export function setPurpose(name: string, footer: string): void {
  purpose = name;
  const parts = { header: name, footer };
  for (const [tag, text] of Object.entries(parts)) {
    const element = document.querySelector(tag);
    if (element !== null) element.textContent = text;
  }
}

/** Announces text to screen readers without moving the focus. */
export function announce(text: string): void {
  const live = document.getElementById('live');
  if (live !== null) live.textContent = text;
}

/**
 * Shows a state: its card with `body` below the text, its title as the page title, and the focus on its heading. The
 * page title never contains a file name, because browsers keep titles in the history.
 */
export function showView({ icon, title, text, trouble = false }: PageView, heading = title, ...body: Node[]): void {
  const words = createElement('div', {}, ...text.map((line) => createElement('p', {}, line)));
  if (trouble) words.setAttribute('role', 'alert');
  const head = createElement('h1', { tabIndex: -1, dir: 'auto' }, heading);
  const card = createElement(
    'section',
    { className: trouble ? 'trouble' : '' },
    createIcon(icon),
    head,
    words,
    ...body,
  );
  document.getElementById('main')?.replaceChildren(card);
  document.title = `${title} – ${purpose}`;
  announce(trouble ? '' : text.join(' '));
  head.focus();
}

export const createButton = (label: string): HTMLButtonElement => createElement('button', { type: 'button' }, label);

/** Resolves when the button is pressed. */
export const waitForPress = (pressable: HTMLElement): Promise<void> =>
  new Promise((resolve) => pressable.addEventListener('click', () => resolve(), { once: true }));

/** Shows a state with one button and waits until it is pressed. */
export async function showViewAndWait(view: PageView, label: string, ...body: Node[]): Promise<void> {
  const answer = createButton(label);
  showView(view, view.title, ...body, answer);
  await waitForPress(answer);
}

/** A list of label-value rows. */
export const createFactList = (rows: readonly (readonly [string, string])[]): HTMLElement =>
  createElement(
    'dl',
    {},
    ...rows.flatMap(([name, value]) => [createElement('dt', {}, name), createElement('dd', { dir: 'auto' }, value)]),
  );

/** Progress display of a download. */
export interface Progress {
  /** Shows the progress state, also again after another state. */
  show(): void;
  /** Updates received and total bytes. */
  update(bytes: number, total: number): void;
  /** Shows a preview image of what is loading, or removes it. */
  setPicture(picture: Picture | undefined): void;
}

/** An element that can be removed from the page. */
export interface Picture {
  readonly element: HTMLElement;
  release?(): void;
}

/** The state while a file is downloaded and decrypted. Screen readers are notified at every quarter. */
export function createProgress(view: PageView = openingView): Progress {
  const bar = createElement('progress', { max: 1 });
  bar.setAttribute('aria-label', 'Downloaded and decrypted');
  const numbers = createElement('p', {}, 'Connecting …');
  const place = createElement('div');
  let shown: Picture | undefined;
  let latest: readonly [bytes: number, total: number] = [0, 0];
  let drawn = -1;
  let pending: ReturnType<typeof setTimeout> | undefined;
  let quarter = 0;
  const draw = () => {
    const [bytes, total] = latest;
    pending = undefined;
    if (bytes === drawn) return;
    drawn = bytes;
    // Updates in between are drawn later, so that a stalled download still shows its latest progress.
    pending = setTimeout(draw, progressUpdateMs);
    const share = total > 0 ? Math.min(bytes / total, 1) : 1;
    const percent = `${Math.floor(share * 100)} %`;
    bar.value = share;
    numbers.textContent = `${formatByteSize(bytes)} of ${formatByteSize(total)} · ${percent}`;
    if (Math.floor(share * 4) > quarter) {
      quarter = Math.floor(share * 4);
      announce(`${percent} loaded`);
    }
  };
  return {
    show: () => showView(view, view.title, bar, numbers, place),
    setPicture: (picture) => {
      shown?.release?.();
      shown = picture;
      place.replaceChildren(...(picture === undefined ? [] : [picture.element]));
    },
    update: (bytes, total) => {
      latest = [bytes, total];
      if (pending === undefined) draw();
    },
  };
}
