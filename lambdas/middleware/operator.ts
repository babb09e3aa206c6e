import type { MiddlewareObj } from '@middy/core';
import { VaultError } from '../../contract/vault-error.ts';
import type { Call } from './call.ts';

/**
 * Lets only requests pass that API Gateway has found signed by a principal of AWS (SigV4). The gateway refuses others
 * before; this holds even if a deployment lost the route's authorizer.
 */
export function requireOperator(): MiddlewareObj<Call> {
  return {
    before: ({ event: { event } }) => {
      const authorizer = 'authorizer' in event.requestContext ? event.requestContext.authorizer : undefined;
      if (!authorizer?.iam?.userArn)
        throw new VaultError('forbidden', { detail: 'Sign the request as an AWS principal (SigV4).' });
    },
  };
}
