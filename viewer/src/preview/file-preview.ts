/**
 * File previews. No file is rendered as a document: images, audio and video use their own elements, and text is shown
 * as text.
 */
import { detectFileType, detectionLength } from './file-type-detection.ts';
import { readImageDimensions } from './image-dimensions.ts';
import { createImagePreview } from './image-preview.ts';
import { createMediaPreview } from './media-preview.ts';
import type { FilePreview } from './preview.ts';
import { createTextPreview } from './text-preview.ts';

/**
 * Creates a preview based on the file's bytes; undefined if the file is only offered as a download.
 * @param declaredType media type stated by the uploader. It and the name only help to read text
 */
export async function createFilePreview(
  file: Blob,
  declaredType: string,
  name: string,
): Promise<FilePreview | undefined> {
  const kind = detectFileType(new Uint8Array(await file.slice(0, detectionLength).arrayBuffer()));
  if (kind === undefined) return await createTextPreview(file, declaredType, name);
  const typed = file.slice(0, file.size, kind.mediaType);
  if (kind.category === 'media') return await createMediaPreview(typed, kind, name);
  const size = await readImageDimensions(file, kind);
  return size === undefined ? undefined : await createImagePreview(typed, kind, size, name);
}
