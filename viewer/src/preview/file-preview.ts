/** What is shown of a file. Nothing here makes a document of it: pictures, sound and moving pictures by their own elements, text as text. */

import { element } from '../page/page-elements.ts';
import { headLength, type Kind, kindOf } from './file-type-detection.ts';
import { type Dimensions, dimensionsOf } from './image-dimensions.ts';
import { textOf } from './plain-text-detection.ts';

/** Milliseconds for a browser to tell whether it can play something. */
const patience = 15_000;

export interface Shown {
  readonly element: HTMLElement;
  /** For people: `PNG image, 640 × 480`. */
  readonly what: string;
}

/** The file as what its bytes are; undefined when it is to be offered as a download. @param declaredType what its uploader says */
export async function contentOf(file: Blob, declaredType: string, name: string): Promise<Shown | undefined> {
  const kind = kindOf(new Uint8Array(await file.slice(0, headLength).arrayBuffer()));
  if (kind === undefined) return textContent(await textOf(file, declaredType));
  const typed = file.slice(0, file.size, kind.type);
  if (kind.kind !== 'image') return await media(typed, kind, name);
  const size = await dimensionsOf(file, kind);
  return size === undefined ? undefined : await picture(typed, kind, size, name);
}

/** `PNG`, `MP4` … */
const formatName = ({ type }: Kind): string =>
  type === 'audio/mpeg' ? 'MP3' : (type.split('/')[1] ?? '').toUpperCase();

async function picture(
  file: Blob,
  kind: Kind,
  { width, height }: Dimensions,
  name: string,
): Promise<Shown | undefined> {
  const shown = element('img', { src: URL.createObjectURL(file), alt: `Picture ${name}`, className: 'shown' });
  try {
    await shown.decode();
    return { element: shown, what: `${formatName(kind)} image, ${width} × ${height}` };
  } catch {
    URL.revokeObjectURL(shown.src);
    return undefined;
  }
}

/** With controls and without a beginning by itself. Not shown where this browser can't play it. */
async function media(file: Blob, kind: Kind, name: string): Promise<Shown | undefined> {
  const properties = { controls: true, autoplay: false, preload: 'metadata', className: 'shown' } as const;
  const player =
    kind.kind === 'video' ? element('video', { ...properties, playsInline: true }) : element('audio', properties);
  player.setAttribute('aria-label', name);
  const playable = new Promise<boolean>((resolve) => {
    player.addEventListener('loadedmetadata', () => resolve(true), { once: true });
    player.addEventListener('error', () => resolve(false), { once: true });
    setTimeout(() => resolve(false), patience);
  });
  player.src = URL.createObjectURL(file);
  if (await playable) return { element: player, what: `${formatName(kind)} ${kind.kind}` };
  player.removeAttribute('src');
  return undefined;
}

function textContent(text: string | undefined): Shown | undefined {
  if (text === undefined) return undefined;
  const box = element('pre', { className: 'shown', tabIndex: 0, dir: 'auto' }, text);
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', 'Text of the file');
  return { element: box, what: 'Text' };
}
