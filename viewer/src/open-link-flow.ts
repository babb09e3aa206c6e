/** Opens a link: get info, confirm if needed, open, download, decrypt, show, and destroy a file that is read once. */
import { openBlob } from '../../core/blobs/blob-stream.ts';
import { eachPiece } from '../../core/blobs/byte-source.ts';
import { sanitizeFileName } from '../../core/blobs/file-name.ts';
import { FileSetReader } from '../../core/blobs/file-set.ts';
import { computeLinkProof } from '../../core/blobs/link-proof.ts';
import type { LinkId } from '../../core/blobs/share-link.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { downloadCiphertext } from './ciphertext-download.ts';
import {
  collectIntoBlob,
  findFilePicker,
  largeFileBytes,
  type WritableFile,
  writeToFile,
} from './decrypted-content-sink.ts';
import { type BurnRequest, showDecryptedFile, showSavedFile } from './decrypted-file-view.ts';
import { type SetFile, showFileSet } from './file-set-view.ts';
import { createLinkApi, type LinkApi, LinkError, type LinkInfo, type OpenedLink } from './link-api.ts';
import { formatByteSize } from './page/byte-size.ts';
import {
  createButton,
  createFactList,
  createProgress,
  type Progress,
  showView,
  showViewAndWait,
  waitForPress,
} from './page/page-elements.ts';
import { buttonLabels, confirmOpeningView, openingView, type PageView, troubles } from './page/page-texts.ts';
import { retryUntilSettled } from './page-request.ts';
import { createFilePreview } from './preview/file-preview.ts';

/** Larger preview images are not shown. */
const maxPreviewBytes = 4_194_304;

/**
 * Opens a link and shows its file. The key is zeroed after the last derivation from it.
 * @param link the 58 characters of its path
 * @throws LinkError, DecryptionError: the state that the page then shows
 */
export async function openLinkAndShowFile(link: string, id: LinkId, key: Bytes): Promise<void> {
  const api = createLinkApi(link);
  const progress = createProgress();
  progress.show();
  const look = await requestOrAsk(() => api.getInfo(), progress);
  const limited = look.burn || look.openingsLeft !== undefined;
  if (limited)
    await showViewAndWait(
      confirmOpeningView(look.burn, look.openingsLeft),
      buttonLabels.open,
      createFactList(linkFactRows(look)),
    );
  progress.show();
  const [openProof, burnProof] = [await computeLinkProof(key, id, 'open'), await computeLinkProof(key, id, 'burn')].map(
    toBase64,
  );
  // One opening id for all attempts, so that an opening with a lost response is not counted again.
  const openingName = crypto.randomUUID();
  const opened = await requestOrAsk(() => api.open(openProof ?? '', openingName), progress);
  const sealed = downloadCiphertext({
    url: opened.url,
    onBytes: (bytes) => progress.update(bytes, opened.size),
    onBroken: async (trouble) => {
      await askToRetry(troubles[trouble]);
      progress.show();
    },
  });
  const { description, content: groups } = await openBlob(key, id, sealed);
  const content = eachPiece(groups);
  key.fill(0);
  const { name, indexLength } = description;
  const burn = opened.burn ? createBurner(api, burnProof ?? '') : undefined;
  const { openingsLeft } = opened;
  if (indexLength !== undefined) {
    const contentLength = description.size ?? 0;
    const files = await collectFiles(new FileSetReader(content), { indexLength, contentLength }, progress);
    const [only, ...more] = files;
    if (only !== undefined && more.length === 0)
      return await showDecryptedFile(only.file, { ...only, openingsLeft }, burn);
    return await showFileSet(files, { title: name === '' ? undefined : sanitizeFileName(name), openingsLeft }, burn);
  }
  const fileName = sanitizeFileName(name);
  const file = await chooseFileForLargeContent(fileName, opened, progress);
  if (file !== undefined) {
    await writeToFile(content, file);
    return await showSavedFile(fileName, opened.size, burn);
  }
  await showDecryptedFile(
    await collectIntoBlob(content),
    { name: fileName, type: description.type, openingsLeft },
    burn,
  );
}

/** Collects the files of a set. A preview image is shown while the files behind it load. */
async function collectFiles(
  reader: FileSetReader,
  { indexLength, contentLength }: { indexLength: number; contentLength: number },
  progress: Progress,
): Promise<readonly SetFile[]> {
  const files: SetFile[] = [];
  for (const { type, name, size, previewOf } of await reader.readIndex(indexLength, contentLength)) {
    const file = await collectIntoBlob(reader.read(size));
    if (previewOf === undefined) files.push({ file, type, name: sanitizeFileName(name) });
    else await showWhileLoading(file, progress);
  }
  await reader.end();
  progress.setPicture(undefined);
  return files;
}

async function showWhileLoading(file: Blob, progress: Progress): Promise<void> {
  if (file.size > maxPreviewBytes) return;
  const preview = await createFilePreview(file, '', 'preview');
  if (preview?.element.querySelector('img') != null) progress.setPicture(preview);
  else preview?.release?.();
}

const linkFactRows = ({ size, expiresAt }: LinkInfo): [string, string][] => {
  const ends = expiresAt === undefined ? [] : [['Expires', formatTime(expiresAt)] satisfies [string, string]];
  return [['Size', formatByteSize(size)], ...ends];
};

const formatTime = (time: string): string =>
  new Date(time).toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' });

const requestOrAsk = <T>(action: () => Promise<T>, progress: Progress): Promise<T> =>
  retryUntilSettled(LinkError, action, async ({ trouble }) => {
    await askToRetry(troubles[trouble]);
    progress.show();
  });

const askToRetry = (view: PageView): Promise<void> => showViewAndWait(view, buttonLabels.retry);

/** Sends the burn request, which is idempotent. Resolves to whether the file is known to be destroyed. */
const createBurner =
  (api: LinkApi, proof: string): BurnRequest =>
  async () => {
    try {
      await retryUntilSettled(LinkError, () => api.burn(proof));
      return true;
    } catch (error) {
      // Every permanent error means that the file of this link no longer exists.
      return error instanceof LinkError && isAlreadyGone(error);
    }
  };

const isAlreadyGone = ({ trouble }: LinkError): boolean => ['deleted', 'gone', 'shredded', 'expired'].includes(trouble);

/**
 * Lets the user choose a file for content that is too large for the page; undefined if it is small, or the browser
 * does not support it.
 */
async function chooseFileForLargeContent(
  name: string,
  { size }: OpenedLink,
  progress: Progress,
): Promise<WritableFile | undefined> {
  const pick = findFilePicker();
  if (size < largeFileBytes || pick === undefined) return undefined;
  const view = { ...openingView, icon: 'file', title: 'Large file' } as const;
  for (;;) {
    const choose = createButton(buttonLabels.choose);
    showView(
      { ...view, text: ['It is decrypted while it is written to your disk.'] },
      name,
      createFactList([['Size', formatByteSize(size)]]),
      choose,
    );
    await waitForPress(choose);
    try {
      const file = await pick({ suggestedName: name });
      progress.show();
      return file;
    } catch {
      // The user cancelled the picker, so it is offered again.
    }
  }
}
