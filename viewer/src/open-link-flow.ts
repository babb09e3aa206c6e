/** From a link to its file: look, ask where it matters, open, download, decrypt, show, and burn what is to be read once. */
import { openBlob } from '../../core/blobs/blob-stream.ts';
import { computeLinkProof } from '../../core/blobs/link-proof.ts';
import type { LinkId } from '../../core/blobs/share-link.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { delay, downloadCiphertext } from './ciphertext-download.ts';
import {
  collectIntoBlob,
  findFilePicker,
  largeFileBytes,
  type WritableFile,
  writeToFile,
} from './decrypted-content-sink.ts';
import { type BurnRequest, showDecryptedFile, showSavedFile } from './decrypted-file-view.ts';
import { createLinkApi, type LinkApi, LinkError, type LinkInfo, type OpenedLink } from './link-api.ts';
import { formatByteSize, sanitizeFileName } from './page/file-name-and-size.ts';
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

/** Times that a request which changes nothing more when repeated is sent before anyone is asked. */
const maxAttempts = 3;

/**
 * Opens a link and shows what it leads to. The key is zeroed as soon as nothing more is to be derived from it.
 * @param link the 58 characters of its path
 * @throws Refusal, DecryptionError: the state that the page is to show
 */
export async function openLinkAndShowFile(link: string, id: LinkId, key: Bytes): Promise<void> {
  const api = createLinkApi(link);
  const progress = createProgress();
  progress.show();
  const look = await retryUntilSettled(() => api.getInfo(), progress, maxAttempts);
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
  // One name for all tries: an opening whose answer gets lost is not counted again.
  const openingName = crypto.randomUUID();
  const opened = await retryUntilSettled(() => api.open(openProof ?? '', openingName), progress, maxAttempts);
  const sealed = downloadCiphertext({
    url: opened.url,
    onBytes: (bytes) => progress.update(bytes, opened.size),
    onBroken: async (trouble) => {
      await askToRetry(troubles[trouble]);
      progress.show();
    },
  });
  const { description, content } = await openBlob(key, id, sealed);
  key.fill(0);
  const fileName = sanitizeFileName(description.name);
  const burn = opened.burn ? createBurner(api, burnProof ?? '') : undefined;
  const file = await chooseFileForLargeContent(fileName, opened, progress);
  if (file !== undefined) {
    await writeToFile(content, file);
    return await showSavedFile(fileName, opened.size, burn);
  }
  await showDecryptedFile(
    await collectIntoBlob(content),
    { name: fileName, type: description.type, openingsLeft: opened.openingsLeft },
    burn,
  );
}

const linkFactRows = ({ size, expiresAt }: LinkInfo): [string, string][] => {
  const ends = expiresAt === undefined ? [] : [['Expires', formatTime(expiresAt)] satisfies [string, string]];
  return [['Size', formatByteSize(size)], ...ends];
};

const formatTime = (time: string): string =>
  new Date(time).toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' });

/** Repeats a request until it succeeds or is refused for good: some times by itself, then whenever people ask for it. */
async function retryUntilSettled<T>(action: () => Promise<T>, progress: Progress, times: number): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof LinkError) || !error.isTransient) throw error;
      failures += 1;
      if (failures % times !== 0) await delay(failures * 500);
      else {
        await askToRetry(troubles[error.trouble]);
        progress.show();
      }
    }
  }
}

const askToRetry = (view: PageView): Promise<void> => showViewAndWait(view, buttonLabels.retry);

/** Sends the burning, which may be repeated; whether it is known to be gone. */
const createBurner =
  (api: LinkApi, proof: string): BurnRequest =>
  async () => {
    for (let failures = 0; failures < maxAttempts; failures++) {
      try {
        await api.burn(proof);
        return true;
      } catch (error) {
        // Whatever else the service says of it now, there is no file of that link any more.
        if (!(error instanceof LinkError) || !error.isTransient)
          return error instanceof LinkError && isAlreadyGone(error);
        await delay(500 * (failures + 1));
      }
    }
    return false;
  };

const isAlreadyGone = ({ trouble }: LinkError): boolean => ['deleted', 'gone', 'shredded', 'expired'].includes(trouble);

/** A file on this device for content that is too large for a page; undefined when it is not, or the browser has no such files. */
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
      { ...view, text: ['It is decrypted on the way to your disk.'] },
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
      // The choice was cancelled: it is offered again.
    }
  }
}
