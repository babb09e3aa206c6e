import { burnLink } from '../blobs/handlers/burn-link.ts';
import { getLink } from '../blobs/handlers/get-link.ts';
import { openLink } from '../blobs/handlers/open-link.ts';
import { createLinkServices } from '../compose/blobs.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { links, viewerAddress } = createLinkServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  lookAtLink: getLink(links),
  openLink: openLink(links, viewerAddress),
  burnLink: burnLink(links, viewerAddress),
});
