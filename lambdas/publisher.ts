import { log, publisherHost } from './compose.ts';
import { publishPage } from './handlers/publish-page.ts';

const { pages } = publisherHost();

export const handler = publishPage(log(), pages);
