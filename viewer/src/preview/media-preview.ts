/** Players for audio and video. Whether a file can be played is found out by loading it. */
import { createElement } from '../page/page-elements.ts';
import type { DetectedFileType } from './file-type-detection.ts';
import { indexFragments } from './fragmented-mp4.ts';
import type { FilePreview } from './preview.ts';

/** Time-out for a browser to report whether it can play a file, milliseconds. */
const playbackTimeoutMs = 15_000;

/** A player with controls and without autoplay; undefined if this browser cannot play the file. */
export async function createMediaPreview(
  file: Blob,
  kind: DetectedFileType,
  name: string,
): Promise<FilePreview | undefined> {
  const indexed = kind.mediaType.endsWith('/mp4') ? await indexFragments(file) : undefined;
  const shown = indexed && (await createPlayerFor(indexed, kind, name));
  return shown ?? (await createPlayerFor(file, kind, name));
}

async function createPlayerFor(file: Blob, kind: DetectedFileType, name: string): Promise<FilePreview | undefined> {
  const url = URL.createObjectURL(file);
  const isAudio = kind.mediaType.startsWith('audio/');
  const player = await load(createPlayer(isAudio ? 'audio' : 'video', name), url);
  // MP4, WebM, Matroska and Ogg can contain sound only. A video player would show an empty picture for it.
  const silent = player instanceof HTMLVideoElement && player.videoWidth > 0 ? player : undefined;
  if (player === undefined) {
    URL.revokeObjectURL(url);
    return undefined;
  }
  const duration = formatDuration(player.duration);
  if (silent !== undefined) {
    const { videoWidth, videoHeight } = silent;
    return {
      element: silent,
      description: `${kind.name} video, ${videoWidth} × ${videoHeight}${duration}`,
      release: () => unload(silent, url),
    };
  }
  const sound = isAudio ? player : await load(createPlayer('audio', name), url);
  if (sound === undefined) return undefined;
  return { element: sound, description: `${kind.name} audio${duration}`, release: () => unload(sound, url) };
}

function createPlayer(tag: 'audio' | 'video', name: string): HTMLMediaElement {
  const properties = { controls: true, autoplay: false, preload: 'metadata', className: 'shown' } as const;
  const player =
    tag === 'video' ? createElement('video', { ...properties, playsInline: true }) : createElement('audio', properties);
  player.setAttribute('aria-label', name);
  return player;
}

/** Resolves to the player when it can play the file, or to undefined. */
async function load(player: HTMLMediaElement, url: string): Promise<HTMLMediaElement | undefined> {
  const playable = new Promise<boolean>((resolve) => {
    player.addEventListener('loadedmetadata', () => resolve(true), { once: true });
    player.addEventListener('error', () => resolve(false), { once: true });
    setTimeout(() => resolve(false), playbackTimeoutMs);
  });
  player.src = url;
  if (await playable) return player;
  player.removeAttribute('src');
  return undefined;
}

function unload(player: HTMLMediaElement, url: string): void {
  player.pause();
  player.removeAttribute('src');
  player.load();
  URL.revokeObjectURL(url);
}

/** `, 1:02:03`; empty if the length is unknown. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  const whole = Math.max(Math.round(seconds), 1);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number: number) => String(number).padStart(2, '0');
  return `, ${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(rest)}`;
}
