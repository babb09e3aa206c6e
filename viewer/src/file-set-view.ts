/** The final state of a link with several files: a list, and one file of it at a time. */
import {
  type BurnRequest,
  createBurnNote,
  createSaveLink,
  explainDownload,
  formatOpeningsLeft,
} from './decrypted-file-view.ts';
import { formatByteSize } from './page/byte-size.ts';
import { announce, createButton, createElement, createFactList, showView, waitForPress } from './page/page-elements.ts';
import { burnTexts, buttonLabels } from './page/page-texts.ts';
import { createFilePreview } from './preview/file-preview.ts';
import type { FilePreview } from './preview/preview.ts';

export interface SetFile {
  readonly file: Blob;
  /** Media type stated by the uploader. */
  readonly type: string;
  /** Sanitized file name. */
  readonly name: string;
}

interface SetFacts {
  /** Sanitized title; undefined without one. */
  readonly title: string | undefined;
  readonly openingsLeft: number | undefined;
}

/** Delay between the downloads of all files: browsers drop downloads that start at the same time. Milliseconds. */
const downloadIntervalMs = 300;

/** Shows a set. Only one file is decoded at a time, so that the memory does not grow with the number of files. */
export async function showFileSet(
  files: readonly SetFile[],
  { title, openingsLeft }: SetFacts,
  burn?: BurnRequest,
): Promise<void> {
  const viewer = createSetViewer(files);
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  const rows: [string, string][] = [['All files', `${files.length}, ${formatByteSize(size)}`]];
  if (openingsLeft !== undefined && burn === undefined) rows.push(['Can be opened', formatOpeningsLeft(openingsLeft)]);
  const saveAll = createButton(buttonLabels.saveAll);
  saveAll.addEventListener('click', () => void saveEach(files));
  const note = burn && createBurnNote();
  const heading = title ?? `${files.length} files`;
  const tail = [createFactList(rows), saveAll, ...(note === undefined ? [] : [note.element])];
  showView({ icon: 'done', title: 'Files opened', text: [] }, heading, viewer.element, ...tail);
  await viewer.show(0);
  // Files of which none is shown are destroyed only after they are saved.
  if (note !== undefined && !viewer.hasShown()) {
    note.say(burnTexts.onSave);
    await waitForPress(saveAll);
    return await note.burn(burn, burnTexts.saved);
  }
  await note?.burn(burn, burnTexts.done);
}

async function saveEach(files: readonly SetFile[]): Promise<void> {
  for (const { file, name } of files) {
    const link = createSaveLink(file, name, name);
    link.click();
    await new Promise((resolve) => setTimeout(resolve, downloadIntervalMs));
    URL.revokeObjectURL(link.href);
  }
}

interface SetViewer {
  readonly element: HTMLElement;
  show(number: number): Promise<void>;
  /** Whether any file was displayed so far. */
  hasShown(): boolean;
}

function createSetViewer(files: readonly SetFile[]): SetViewer {
  const stage = createElement('div', { className: 'stage' });
  const entries = files.map(({ file, name }) =>
    createElement(
      'button',
      { type: 'button', className: 'entry' },
      createElement('bdi', {}, name),
      createElement('span', {}, formatByteSize(file.size)),
    ),
  );
  const list = createElement('ol', { className: 'entries' }, ...entries.map((entry) => createElement('li', {}, entry)));
  list.setAttribute('aria-label', 'Files');
  const [previous, next] = [createButton('← Previous'), createButton('Next →')];
  let current = 0;
  let preview: FilePreview | undefined;
  let hasShown = false;

  const show = async (number: number): Promise<void> => {
    const chosen = files[number];
    if (chosen === undefined) return;
    current = number;
    for (const [at, entry] of entries.entries()) entry.setAttribute('aria-current', String(at === number));
    [previous.disabled, next.disabled] = [number === 0, number === files.length - 1];
    preview?.release?.();
    preview = undefined;
    const save = createSaveLink(chosen.file, chosen.name, buttonLabels.copy);
    const title = createElement('h2', { dir: 'auto' }, chosen.name);
    stage.replaceChildren(title);
    const made = await createFilePreview(chosen.file, chosen.type, chosen.name);
    // Another file was chosen while this one was decoded.
    if (current !== number) return made?.release?.();
    preview = made;
    hasShown ||= made !== undefined;
    const kind = made?.description ?? (await explainDownload(chosen.file));
    stage.replaceChildren(title, ...(made === undefined ? [] : [made.element]), createElement('p', {}, kind), save);
    announce(`File ${number + 1} of ${files.length}: ${chosen.name}`);
  };
  for (const [at, entry] of entries.entries()) entry.addEventListener('click', () => void show(at));
  previous.addEventListener('click', () => void show(current - 1));
  next.addEventListener('click', () => void show(current + 1));
  const tools = createElement('div', { className: 'tools' }, previous, next);
  return { element: createElement('div', { className: 'shown' }, list, tools, stage), show, hasShown: () => hasShown };
}
