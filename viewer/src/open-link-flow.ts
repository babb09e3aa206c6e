/** From a link to its file: look, ask where it matters, open, download, decrypt, show, and burn what is to be read once. */
import { openBlob } from '../../core/blobs/blob-stream.ts';
import { proofOf } from '../../core/blobs/link-proof.ts';
import type { LinkId } from '../../core/blobs/share-link.ts';
import { type Bytes, toBase64 } from '../../core/encoding/bytes.ts';
import { download, pause } from './ciphertext-download.ts';
import { type ChosenFile, collected, filePicker, largeFile, written } from './decrypted-content-sink.ts';
import { type Burner, present, presentSaved } from './decrypted-file-view.ts';
import { type LinkApi, type Look, linkApi, type Opened, Refusal } from './link-api.ts';
import { safeName, sizeText } from './page/file-name-and-size.ts';
import { ask, button, facts, type Progress, pressed, progressOf, show } from './page/page-elements.ts';
import { askView, labels, opening, troubles, type View } from './page/page-texts.ts';

/** Times that a request which changes nothing more when repeated is sent before anyone is asked. */
const attempts = 3;

/**
 * Opens a link and shows what it leads to. The key is zeroed as soon as nothing more is to be derived from it.
 * @param link the 58 characters of its path
 * @throws Refusal, DecryptionError: the state that the page is to show
 */
export async function openLink(link: string, id: LinkId, key: Bytes): Promise<void> {
  const api = linkApi(link);
  const progress = progressOf();
  progress.show();
  const look = await insist(() => api.look(), progress, attempts);
  const limited = look.burn || look.openingsLeft !== undefined;
  if (limited) await ask(askView(look.burn, look.openingsLeft), labels.open, facts(factsOf(look)));
  progress.show();
  const [openProof, burnProof] = [await proofOf(key, id, 'open'), await proofOf(key, id, 'burn')].map(toBase64);
  // One name for all tries: an opening whose answer gets lost is not counted again.
  const openingName = crypto.randomUUID();
  const opened = await insist(() => api.open(openProof ?? '', openingName), progress, attempts);
  const sealed = download({
    url: opened.url,
    arrived: (bytes) => progress.update(bytes, opened.size),
    broken: async (trouble) => {
      await retry(troubles[trouble]);
      progress.show();
    },
  });
  const { description, content } = await openBlob(key, id, sealed);
  key.fill(0);
  const fileName = safeName(description.name);
  const burn = opened.burn ? burnerOf(api, burnProof ?? '') : undefined;
  const file = await chosenFile(fileName, opened, progress);
  if (file !== undefined) {
    await written(content, file);
    return await presentSaved(fileName, opened.size, burn);
  }
  await present(
    await collected(content),
    { name: fileName, type: description.type, openingsLeft: opened.openingsLeft },
    burn,
  );
}

const factsOf = ({ size, expiresAt }: Look): [string, string][] => {
  const ends = expiresAt === undefined ? [] : [['Expires', timeText(expiresAt)] satisfies [string, string]];
  return [['Size', sizeText(size)], ...ends];
};

const timeText = (time: string): string =>
  new Date(time).toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' });

/** Repeats a request until it succeeds or is refused for good: some times by itself, then whenever people ask for it. */
async function insist<T>(action: () => Promise<T>, progress: Progress, times: number): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Refusal) || !error.passing) throw error;
      failures += 1;
      if (failures % times !== 0) await pause(failures * 500);
      else {
        await retry(troubles[error.trouble]);
        progress.show();
      }
    }
  }
}

const retry = (view: View): Promise<void> => ask(view, labels.retry);

/** Sends the burning, which may be repeated; whether it is known to be gone. */
const burnerOf =
  (api: LinkApi, proof: string): Burner =>
  async () => {
    for (let failures = 0; failures < attempts; failures++) {
      try {
        await api.burn(proof);
        return true;
      } catch (error) {
        // Whatever else the service says of it now, there is no file of that link any more.
        if (!(error instanceof Refusal) || !error.passing) return error instanceof Refusal && isGone(error);
        await pause(500 * (failures + 1));
      }
    }
    return false;
  };

const isGone = ({ trouble }: Refusal): boolean => ['deleted', 'gone', 'shredded', 'expired'].includes(trouble);

/** A file on this device for content that is too large for a page; undefined when it is not, or the browser has no such files. */
async function chosenFile(name: string, { size }: Opened, progress: Progress): Promise<ChosenFile | undefined> {
  const pick = filePicker();
  if (size < largeFile || pick === undefined) return undefined;
  const view = { ...opening, icon: 'file', title: 'Large file' } as const;
  for (;;) {
    const choose = button(labels.choose);
    show(
      { ...view, text: ['It is decrypted on the way to your disk.'] },
      name,
      facts([['Size', sizeText(size)]]),
      choose,
    );
    await pressed(choose);
    try {
      const file = await pick({ suggestedName: name });
      progress.show();
      return file;
    } catch {
      // The choice was cancelled: it is offered again.
    }
  }
}
