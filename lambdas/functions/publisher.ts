import { log } from '../compose/common.ts';
import { publisherHost } from '../compose/link-page.ts';
import { publishPage } from '../link-page/handlers/publish-page.ts';

const { pages } = publisherHost();

export const handler = publishPage(log(), pages);
