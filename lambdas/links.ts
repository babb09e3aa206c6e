import { linksHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { burnLink } from './handlers/burn-link.ts';
import { lookAtLink } from './handlers/look-at-link.ts';
import { openLink } from './handlers/open-link.ts';
import { serve } from './middleware/serve.ts';

const { links } = linksHost();

export const handler = serve(log(), auditTrail(), {
  lookAtLink: lookAtLink(links),
  openLink: openLink(links),
  burnLink: burnLink(links),
});
