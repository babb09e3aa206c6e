import { publisherHost } from './compose.ts';
import { log } from './compose-parts.ts';
import { publishPage } from './handlers/publish-page.ts';

const { pages } = publisherHost();

export const handler = publishPage(log(), pages);
