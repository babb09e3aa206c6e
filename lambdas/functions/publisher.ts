import { createFunctionLog } from '../compose/common.ts';
import { createPublisherServices } from '../compose/link-page.ts';
import { publishPage } from '../link-page/handlers/publish-page.ts';

const { pages } = createPublisherServices();

export const handler = publishPage(createFunctionLog(), pages);
