/** The final state: a complete, authenticated file to view or save, and the deletion of a file that is read once. */

import { formatByteSize } from './page/byte-size.ts';
import { announce, createButton, createElement, createFactList, showView, waitForPress } from './page/page-elements.ts';
import { burnTexts, buttonLabels } from './page/page-texts.ts';
import { createFilePreview } from './preview/file-preview.ts';

/** Asks the service to destroy the file. Resolves to whether the file is known to be destroyed. */
export type BurnRequest = () => Promise<boolean>;

export interface FileFacts {
  /** Sanitized file name. */
  readonly name: string;
  /** Media type stated by the uploader. Used only to detect text. */
  readonly type: string;
  readonly openingsLeft: number | undefined;
}

/** Shows the file, or offers it as a download if its kind is not shown. */
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
      await explainDownload(file),
      'The file is unchanged, but was not checked for malware. Open it only if you trust the sender.',
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

/** Why a file is not shown. */
export async function explainDownload(file: Blob): Promise<string> {
  const head = new TextDecoder('latin1').decode(await file.slice(0, 1024).arrayBuffer());
  return head.includes('%PDF-')
    ? 'PDF documents can contain scripts and forms, which this page does not run. Save the document, and open it in a PDF reader.'
    : 'This browser can’t show files of this kind here, so it can only be saved.';
}

/** Shows that the file was saved. @param size downloaded bytes */
export async function showSavedFile(name: string, size: number, burn?: BurnRequest): Promise<void> {
  const note = burn && createBurnNote();
  const text = ['The file is unchanged and was saved in the place you chose.'];
  showView(
    { icon: 'done', title: 'File saved', text },
    name,
    createFactList([['Size', formatByteSize(size)]]),
    ...(note ? [note.element] : []),
  );
  await note?.burn(burn, burnTexts.saved);
}

export const formatOpeningsLeft = (left: number): string => {
  if (left === 0) return 'not again';
  return left === 1 ? 'once more' : `${left} more times`;
};

/** A download link to the bytes without a media type, so that no browser renders them as a page. */
export function createSaveLink(file: Blob, name: string, label: string): HTMLAnchorElement {
  const bytes = file.slice(0, file.size, 'application/octet-stream');
  return createElement('a', { className: 'button', href: URL.createObjectURL(bytes), download: name }, label);
}

export interface BurnNote {
  readonly element: HTMLElement;
  say(text: string): void;
  /** Destroys the file and shows the result; offers a retry button if it failed. */
  burn(burner: BurnRequest | undefined, done: string): Promise<void>;
}

export function createBurnNote(): BurnNote {
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
