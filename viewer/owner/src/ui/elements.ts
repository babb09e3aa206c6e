/** Elements of the page. Text is inserted only as text nodes. */
import { announce, createElement } from '../../../src/page/page-elements.ts';

export { announce, createElement };

type Content = Node | string;

/** A paragraph of a class. */
export const paragraph = (className: string, ...content: Content[]): HTMLParagraphElement =>
  createElement('p', { className }, ...content);

/** A block of a class. */
export const block = (className: string, ...content: Content[]): HTMLDivElement =>
  createElement('div', { className }, ...content);

export type ButtonKind = 'main' | 'quiet' | 'danger';

/**
 * A button. It is disabled while its action runs, so that nothing is done twice.
 * @param act failures are its own to show
 */
export function button(label: string, kind: ButtonKind, act: () => void | Promise<void>): HTMLButtonElement {
  const made = createElement('button', { type: 'button', className: kind }, label);
  made.addEventListener('click', async () => {
    if (made.getAttribute('aria-disabled') === 'true') return;
    // Not `disabled`, which would lose the focus.
    made.setAttribute('aria-disabled', 'true');
    try {
      await act();
    } finally {
      made.removeAttribute('aria-disabled');
    }
  });
  return made;
}

/** The first heading of a view. It gets the focus when the view is shown. */
export const heading = (text: string): HTMLHeadingElement => createElement('h1', { tabIndex: -1, dir: 'auto' }, text);

let lastId = 0;

/** A field with its label. */
export function field<T extends HTMLInputElement | HTMLTextAreaElement>(
  label: string,
  input: T,
  hint = '',
): HTMLElement {
  lastId += 1;
  input.id = `field-${lastId}`;
  const parts: Content[] = [createElement('label', { htmlFor: input.id }, label), input];
  if (hint !== '') {
    const note = createElement('p', { className: 'hint', id: `hint-${lastId}` }, hint);
    input.setAttribute('aria-describedby', note.id);
    parts.push(note);
  }
  return block('field', ...parts);
}

/** A list of label-value rows. */
export const facts = (rows: readonly (readonly [string, Content])[]): HTMLElement =>
  createElement(
    'dl',
    { className: 'facts' },
    ...rows.flatMap(([name, value]) => [createElement('dt', {}, name), createElement('dd', { dir: 'auto' }, value)]),
  );

/** What went wrong, announced at once. */
export function trouble(text: string): HTMLElement {
  const made = paragraph('trouble', text);
  made.setAttribute('role', 'alert');
  return made;
}

/**
 * Asks before something that cannot be taken back.
 * @returns whether the person agreed
 */
export function confirmInDialog(title: string, text: string, yes: string): Promise<boolean> {
  return askInDialog(title, text, false, (close) =>
    block(
      'actions',
      button(yes, 'danger', () => close(true)),
      button('Cancel', 'quiet', () => close(false)),
    ),
  );
}

/**
 * Shows a dialog until one of its buttons closes it.
 * @param cancelled the answer of a person who leaves the dialog
 * @param buttons close the dialog with an answer
 */
export function askInDialog<Answer>(
  title: string,
  text: string,
  cancelled: Answer,
  buttons: (close: (answer: Answer) => void) => HTMLElement,
): Promise<Answer> {
  const dialog = createElement('dialog', {}, createElement('h2', {}, title), createElement('p', {}, text));
  dialog.setAttribute('aria-label', title);
  return new Promise((resolve) => {
    const close = (answer: Answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    dialog.append(buttons(close));
    dialog.addEventListener('cancel', () => close(cancelled));
    document.body.append(dialog);
    dialog.showModal();
  });
}
