/** The routes of the page. */
import type { ViewerAddress } from '../../middleware/viewer-address.ts';
import { secretLinkRoute } from '../middleware/secret-link-route.ts';
import type { SecretLinkService } from '../secret-link-service.ts';

export const lookAtSecretRequest = (links: SecretLinkService, viewerAddress: ViewerAddress) =>
  secretLinkRoute('lookAtSecretRequest', viewerAddress, {
    verifyProof: ({ params, body }) => links.verifyProof(params.link, 'look', body.proof),
    run: (link) => links.look(link),
  });

export const fillSecretRequest = (links: SecretLinkService, viewerAddress: ViewerAddress) =>
  secretLinkRoute('fillSecretRequest', viewerAddress, {
    verifyProof: ({ params, body }) => links.verifyProof(params.link, 'fill', body.proof),
    run: (link, { body }) => links.fill(link, body.sealed),
  });

export const denySecretRequest = (links: SecretLinkService, viewerAddress: ViewerAddress) =>
  secretLinkRoute('denySecretRequest', viewerAddress, {
    verifyProof: ({ params, body }) => links.verifyProof(params.link, 'deny', body.proof),
    run: (link) => links.deny(link),
  });
