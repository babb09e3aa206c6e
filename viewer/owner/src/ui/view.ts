import type { App } from '../app.ts';

/**
 * Shows a view in an empty place.
 * @param parameter the rest of the address, for example the id of a conversation
 * @returns ends it
 */
export type View = (app: App, place: HTMLElement, parameter: string) => () => void;
