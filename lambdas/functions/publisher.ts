import { createFunctionLog } from '../compose/common.ts';
import { createPublisherServices } from '../compose/link-page.ts';
import { provideCustomResource } from '../link-page/handlers/provide-custom-resource.ts';

const { pages } = createPublisherServices();

export const handler = provideCustomResource(createFunctionLog(), pages);
