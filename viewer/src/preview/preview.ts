/** What is shown of a file. */
export interface FilePreview {
  readonly element: HTMLElement;
  /** Description for people: `PNG image, 640 × 480`. */
  readonly description: string;
  /** Frees what the preview holds, after it was removed from the page. */
  release?(): void;
}
