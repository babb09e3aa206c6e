import { burnLink } from '../blobs/handlers/burn-link.ts';
import { lookAtLink } from '../blobs/handlers/get-link.ts';
import { openLink } from '../blobs/handlers/open-link.ts';
import { linksHost } from '../compose/blobs.ts';
import { auditTrail, log } from '../compose/common.ts';
import { serve } from '../middleware/lambda-handler.ts';

const { links } = linksHost();

export const handler = serve(log(), auditTrail(), {
  lookAtLink: lookAtLink(links),
  openLink: openLink(links),
  burnLink: burnLink(links),
});
