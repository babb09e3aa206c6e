/** Images in a frame that scrolls: fitted to the frame, in full size, or zoomed. */
import { createButton, createElement } from '../page/page-elements.ts';
import type { DetectedFileType } from './file-type-detection.ts';
import type { Dimensions } from './image-dimensions.ts';
import type { FilePreview } from './preview.ts';

/** Fitted images keep at least this length on their shorter side, CSS pixels; the longer side then scrolls. */
const minFittedSide = 160;
/** Images whose shorter side has fewer pixels are enlarged at first, up to four times. */
const minReadableSide = 48;
const maxFirstScale = 4;
const [minScale, maxScale] = [1 / 64, 16];
/** Maximum displayed length of a side, CSS pixels. Browsers do not lay out much larger elements reliably. */
const maxDisplayedSide = 1_000_000;
/** From this scale on, the pixels of an image are shown as squares. */
const squarePixelsScale = 2;

/** An image that can be zoomed; undefined if this browser cannot decode the file. */
export async function createImagePreview(
  file: Blob,
  kind: DetectedFileType,
  header: Dimensions,
  name: string,
): Promise<FilePreview | undefined> {
  const url = URL.createObjectURL(file);
  const image = createElement('img', { src: url, alt: `Picture ${name}` });
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    return undefined;
  }
  const size = displayedDimensions(image, header, kind.mediaType === 'image/jpeg');
  const { element, release } = createZoomableImage(image, size);
  return {
    element,
    description: `${kind.name} image, ${size.width} × ${size.height}`,
    release: () => {
      release();
      URL.revokeObjectURL(url);
    },
  };
}

/**
 * The dimensions as displayed. Browsers apply the rotation that EXIF and HEIF files state, and choose one picture of an
 * icon. They also apply the resolution that a JPEG states in EXIF; of a JPEG, only the rotation is taken from them.
 */
function displayedDimensions(image: HTMLImageElement, { width, height }: Dimensions, isJpeg: boolean): Dimensions {
  const { naturalWidth, naturalHeight } = image;
  if (!isJpeg && naturalWidth > 0 && naturalHeight > 0) return { width: naturalWidth, height: naturalHeight };
  const isTurned = naturalWidth !== naturalHeight && naturalWidth > naturalHeight !== width > height;
  return isTurned ? { width: height, height: width } : { width, height };
}

/** The scale at which an image is shown at first and by `Fit`. @param box the visible size of the frame */
export function computeFitScale({ width, height }: Dimensions, box: Dimensions): number {
  const whole = Math.min(box.width / width, box.height / height, 1);
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  // The whole image is shown if that leaves it readable.
  if (short * whole >= minFittedSide || whole === 1) return enlarge(whole, short, long, box);
  // Otherwise the shorter side fits, and the longer one scrolls.
  const side = width < height ? box.width / width : box.height / height;
  return enlarge(Math.min(side, Math.max(minFittedSide / short, whole), 1), short, long, box);
}

/** Enlarges an image whose shorter side is tiny, if it is a strip or leaves space in the frame. */
function enlarge(scale: number, short: number, long: number, box: Dimensions): number {
  if (scale < 1 || short >= minReadableSide) return scale;
  const wanted = Math.min(maxFirstScale, Math.ceil(minReadableSide / short));
  const isStrip = long / short > 8;
  return isStrip ? wanted : Math.max(1, Math.min(wanted, Math.floor(Math.min(box.width, box.height) / long)));
}

interface ZoomableImage {
  readonly element: HTMLElement;
  release(): void;
}

function createZoomableImage(image: HTMLImageElement, size: Dimensions): ZoomableImage {
  const frame = createElement('div', { className: 'frame', tabIndex: 0 }, image);
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', 'Picture. Scroll it with the arrow keys, zoom with plus, minus, 0 and 1.');
  const [fit, full] = [createButton('Fit'), createButton('Full size')];
  const [smaller, larger] = [createButton('−'), createButton('+')];
  smaller.setAttribute('aria-label', 'Zoom out');
  larger.setAttribute('aria-label', 'Zoom in');
  const label = createElement('output', { className: 'scale' });
  const tools = createElement('div', { className: 'tools' }, fit, full, smaller, larger, label);
  /** The chosen scale; undefined while the image is fitted to its frame. */
  let chosen: number | undefined;
  let scale = 1;

  const fitScale = () => computeFitScale(size, { width: frame.clientWidth || 1, height: maxFrameHeight() });
  const draw = () => {
    const before = scale;
    scale = clampScale(chosen ?? fitScale(), size);
    // The point in the middle stays there.
    const [x, y] = [frame.scrollLeft + frame.clientWidth / 2, frame.scrollTop + frame.clientHeight / 2];
    // Attributes, because the policy of the page allows no inline styles.
    image.width = Math.max(1, Math.round(size.width * scale));
    image.height = Math.max(1, Math.round(size.height * scale));
    image.className = scale >= squarePixelsScale ? 'squares' : '';
    frame.scrollLeft = (x * scale) / before - frame.clientWidth / 2;
    frame.scrollTop = (y * scale) / before - frame.clientHeight / 2;
    label.textContent = formatScale(scale);
    fit.setAttribute('aria-pressed', String(chosen === undefined));
    full.setAttribute('aria-pressed', String(chosen === 1));
  };
  const choose = (next: number | undefined) => {
    chosen = next === undefined ? undefined : clampScale(next, size);
    draw();
  };
  const zoom = (factor: number) => choose(scale * factor);
  fit.addEventListener('click', () => choose(undefined));
  full.addEventListener('click', () => choose(1));
  smaller.addEventListener('click', () => zoom(1 / 1.5));
  larger.addEventListener('click', () => zoom(1.5));
  const byKey: Readonly<Record<string, () => void>> = {
    '+': () => zoom(1.5),
    '=': () => zoom(1.5),
    '-': () => zoom(1 / 1.5),
    '0': () => choose(undefined),
    '1': () => choose(1),
  };
  frame.addEventListener('keydown', (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : byKey[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  frame.addEventListener(
    'wheel',
    (event) => {
      // Pinching on a touchpad is a wheel event with Ctrl.
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 200));
    },
    { passive: false },
  );
  // A frame changes its height with its image; only a change of the width is one of the page.
  let width = -1;
  const observer = new ResizeObserver(() => {
    if (frame.offsetWidth === width) return;
    width = frame.offsetWidth;
    draw();
  });
  observer.observe(frame);
  draw();
  return { element: createElement('div', { className: 'shown' }, frame, tools), release: () => observer.disconnect() };
}

/** As in style.css, with space for the tools. */
const maxFrameHeight = (): number => innerHeight * 0.75;

function clampScale(scale: number, { width, height }: Dimensions): number {
  const most = Math.min(maxScale, maxDisplayedSide / Math.max(width, height));
  return Math.min(Math.max(scale, Math.min(minScale, most)), most);
}

/** `33 %`, `0.8 %` */
const formatScale = (scale: number): string =>
  `${scale < 0.0995 ? Math.round(scale * 1000) / 10 : Math.round(scale * 100)} %`;
