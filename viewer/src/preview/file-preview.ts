/**
 * File previews. No file is rendered as a document: images, audio and video use their own elements, and text is shown
 * as text.
 */

import { createElement } from '../page/page-elements.ts';
import { type DetectedFileType, detectFileType, detectionLength } from './file-type-detection.ts';
import { type Dimensions, readImageDimensions } from './image-dimensions.ts';
import { readPlainText } from './plain-text-detection.ts';

/** Time-out for a browser to report whether it can play a file, milliseconds. */
const playbackTimeoutMs = 15_000;

export interface FilePreview {
  readonly element: HTMLElement;
  /** Description for people: `PNG image, 640 × 480`. */
  readonly description: string;
}

/**
 * Creates a preview based on the file's bytes; undefined if the file is only offered as a download. @param
 * declaredType media type stated by the uploader
 */
export async function createFilePreview(
  file: Blob,
  declaredType: string,
  name: string,
): Promise<FilePreview | undefined> {
  const kind = detectFileType(new Uint8Array(await file.slice(0, detectionLength).arrayBuffer()));
  if (kind === undefined) return createTextPreview(await readPlainText(file, declaredType));
  const typed = file.slice(0, file.size, kind.mediaType);
  if (kind.category !== 'image') return await createMediaPreview(typed, kind, name);
  const size = await readImageDimensions(file, kind);
  return size === undefined ? undefined : await createImagePreview(typed, kind, size, name);
}

/** `PNG`, `MP4` … */
const formatName = ({ mediaType }: DetectedFileType): string =>
  mediaType === 'audio/mpeg' ? 'MP3' : (mediaType.split('/')[1] ?? '').toUpperCase();

async function createImagePreview(
  file: Blob,
  kind: DetectedFileType,
  { width, height }: Dimensions,
  name: string,
): Promise<FilePreview | undefined> {
  const shown = createElement('img', { src: URL.createObjectURL(file), alt: `Picture ${name}`, className: 'shown' });
  try {
    await shown.decode();
    return { element: shown, description: `${formatName(kind)} image, ${width} × ${height}` };
  } catch {
    URL.revokeObjectURL(shown.src);
    return undefined;
  }
}

/** A player with controls and without autoplay; undefined if this browser cannot play the file. */
async function createMediaPreview(file: Blob, kind: DetectedFileType, name: string): Promise<FilePreview | undefined> {
  const properties = { controls: true, autoplay: false, preload: 'metadata', className: 'shown' } as const;
  const player =
    kind.category === 'video'
      ? createElement('video', { ...properties, playsInline: true })
      : createElement('audio', properties);
  player.setAttribute('aria-label', name);
  const playable = new Promise<boolean>((resolve) => {
    player.addEventListener('loadedmetadata', () => resolve(true), { once: true });
    player.addEventListener('error', () => resolve(false), { once: true });
    setTimeout(() => resolve(false), playbackTimeoutMs);
  });
  player.src = URL.createObjectURL(file);
  if (await playable) return { element: player, description: `${formatName(kind)} ${kind.category}` };
  player.removeAttribute('src');
  return undefined;
}

function createTextPreview(text: string | undefined): FilePreview | undefined {
  if (text === undefined) return undefined;
  const box = createElement('pre', { className: 'shown', tabIndex: 0, dir: 'auto' }, text);
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', 'Text of the file');
  return { element: box, description: 'Text' };
}
