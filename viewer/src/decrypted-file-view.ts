/** The last state: a file that is whole and authentic, to be seen or saved; and what becomes of one that is read once. */

import { sizeText } from './page/file-name-and-size.ts';
import { button, element, facts, pressed, say, show } from './page/page-elements.ts';
import { burning, labels } from './page/page-texts.ts';
import { contentOf } from './preview/file-preview.ts';

/** Asks the service to destroy the file; whether it is gone. */
export type Burner = () => Promise<boolean>;

export interface FileFacts {
  /** Made safe. */
  readonly name: string;
  /** What its uploader says; decides about text alone. */
  readonly type: string;
  readonly openingsLeft: number | undefined;
}

/** Shows the file, or offers it as a download when it is of no kind that is shown. */
export async function present(file: Blob, { name, type, openingsLeft }: FileFacts, burn?: Burner): Promise<void> {
  const shown = await contentOf(file, type, name);
  const rows: [string, string][] = [['Size', sizeText(file.size)]];
  if (shown !== undefined) rows.unshift(['Kind', shown.what]);
  if (openingsLeft !== undefined && burn === undefined) rows.push(['Can be opened', timesText(openingsLeft)]);
  const save = saveLink(file, name, shown === undefined ? labels.save : labels.copy);
  const note = burn && burnNote();
  const tail = [facts(rows), save, ...(note === undefined ? [] : [note.element])];
  if (shown === undefined) {
    const text = [
      'Files of this kind are not shown here, only saved.',
      'It was decrypted unchanged, but not checked for harm: open it only if you trust whoever sent you the link.',
    ];
    show({ icon: 'file', title: 'File ready to save', text }, name, ...tail);
    if (note === undefined) return;
    note.say(burning.onSave);
    await pressed(save);
    return await note.burn(burn, burning.saved);
  }
  show({ icon: 'done', title: 'File opened', text: [] }, name, shown.element, ...tail);
  say(`${shown.what} opened`);
  await note?.burn(burn, burning.done);
}

/** Says that the file was written to disk. @param size bytes that were downloaded for it */
export async function presentSaved(name: string, size: number, burn?: Burner): Promise<void> {
  const note = burn && burnNote();
  const text = ['It was decrypted unchanged and is on this device now, in the place you chose.'];
  show(
    { icon: 'done', title: 'File saved', text },
    name,
    facts([['Size', sizeText(size)]]),
    ...(note ? [note.element] : []),
  );
  await note?.burn(burn, burning.saved);
}

const timesText = (left: number): string => {
  if (left === 0) return 'not again';
  return left === 1 ? 'once more' : `${left} more times`;
};

/** A link to the bytes without a type, so that no browser makes a page of them. */
function saveLink(file: Blob, name: string, label: string): HTMLAnchorElement {
  const bytes = file.slice(0, file.size, 'application/octet-stream');
  return element('a', { className: 'button', href: URL.createObjectURL(bytes), download: name }, label);
}

interface BurnNote {
  readonly element: HTMLElement;
  say(text: string): void;
  /** Burns the file and tells how it went; offers a button where it did not. */
  burn(burner: Burner | undefined, done: string): Promise<void>;
}

function burnNote(): BurnNote {
  const words = element('p');
  const box = element('div', { className: 'note' }, words);
  box.setAttribute('role', 'status');
  const tell = (text: string) => words.replaceChildren(text);
  return {
    element: box,
    say: tell,
    burn: async (burner, done) => {
      for (;;) {
        tell(burning.now);
        if (burner === undefined || (await burner())) return tell(done);
        tell(burning.failed);
        const again = button(labels.deleteNow);
        box.append(again);
        await pressed(again);
        again.remove();
      }
    },
  };
}
