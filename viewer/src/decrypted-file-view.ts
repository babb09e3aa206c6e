/** The last state: a file that is whole and authentic, to be seen or saved; and what becomes of one that is read once. */

import { formatByteSize } from './page/file-name-and-size.ts';
import { announce, createButton, createElement, createFactList, showView, waitForPress } from './page/page-elements.ts';
import { burnTexts, buttonLabels } from './page/page-texts.ts';
import { createFilePreview } from './preview/file-preview.ts';

/** Asks the service to destroy the file; whether it is gone. */
export type BurnRequest = () => Promise<boolean>;

export interface FileFacts {
  /** Made safe. */
  readonly name: string;
  /** What its uploader says; decides about text alone. */
  readonly type: string;
  readonly openingsLeft: number | undefined;
}

/** Shows the file, or offers it as a download when it is of no kind that is shown. */
export async function showDecryptedFile(
  file: Blob,
  { name, type, openingsLeft }: FileFacts,
  burn?: BurnRequest,
): Promise<void> {
  const shown = await createFilePreview(file, type, name);
  const rows: [string, string][] = [['Size', formatByteSize(file.size)]];
  if (shown !== undefined) rows.unshift(['Kind', shown.description]);
  if (openingsLeft !== undefined && burn === undefined) rows.push(['Can be opened', formatOpeningsLeft(openingsLeft)]);
  const save = createSaveLink(file, name, shown === undefined ? buttonLabels.save : buttonLabels.copy);
  const note = burn && createBurnNote();
  const tail = [createFactList(rows), save, ...(note === undefined ? [] : [note.element])];
  if (shown === undefined) {
    const text = [
      'Files of this kind are not shown here, only saved.',
      'It was decrypted unchanged, but not checked for harm: open it only if you trust whoever sent you the link.',
    ];
    showView({ icon: 'file', title: 'File ready to save', text }, name, ...tail);
    if (note === undefined) return;
    note.say(burnTexts.onSave);
    await waitForPress(save);
    return await note.burn(burn, burnTexts.saved);
  }
  showView({ icon: 'done', title: 'File opened', text: [] }, name, shown.element, ...tail);
  announce(`${shown.description} opened`);
  await note?.burn(burn, burnTexts.done);
}

/** Says that the file was written to disk. @param size bytes that were downloaded for it */
export async function showSavedFile(name: string, size: number, burn?: BurnRequest): Promise<void> {
  const note = burn && createBurnNote();
  const text = ['It was decrypted unchanged and is on this device now, in the place you chose.'];
  showView(
    { icon: 'done', title: 'File saved', text },
    name,
    createFactList([['Size', formatByteSize(size)]]),
    ...(note ? [note.element] : []),
  );
  await note?.burn(burn, burnTexts.saved);
}

const formatOpeningsLeft = (left: number): string => {
  if (left === 0) return 'not again';
  return left === 1 ? 'once more' : `${left} more times`;
};

/** A link to the bytes without a type, so that no browser makes a page of them. */
function createSaveLink(file: Blob, name: string, label: string): HTMLAnchorElement {
  const bytes = file.slice(0, file.size, 'application/octet-stream');
  return createElement('a', { className: 'button', href: URL.createObjectURL(bytes), download: name }, label);
}

interface BurnNote {
  readonly element: HTMLElement;
  say(text: string): void;
  /** Burns the file and tells how it went; offers a button where it did not. */
  burn(burner: BurnRequest | undefined, done: string): Promise<void>;
}

function createBurnNote(): BurnNote {
  const words = createElement('p');
  const box = createElement('div', { className: 'note' }, words);
  box.setAttribute('role', 'status');
  const tell = (text: string) => words.replaceChildren(text);
  return {
    element: box,
    say: tell,
    burn: async (burner, done) => {
      for (;;) {
        tell(burnTexts.now);
        if (burner === undefined || (await burner())) return tell(done);
        tell(burnTexts.failed);
        const again = createButton(buttonLabels.deleteNow);
        box.append(again);
        await waitForPress(again);
        again.remove();
      }
    },
  };
}
