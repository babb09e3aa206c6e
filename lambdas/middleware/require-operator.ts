import type { MiddlewareObj } from '@middy/core';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { RequestState } from './request-state.ts';

/**
 * Accepts only requests that API Gateway has verified as signed by an AWS principal (SigV4). The gateway already
 * rejects others; this check still applies if a deployment loses the route's authorizer.
 */
export function requireOperator(): MiddlewareObj<RequestState> {
  return {
    before: ({ event }) => void requireOperatorArn(event),
  };
}

/** The ARN of the calling operator. @throws VaultError `forbidden` */
export function requireOperatorArn({ event }: Pick<RequestState, 'event'>): string {
  const authorizer = 'authorizer' in event.requestContext ? event.requestContext.authorizer : undefined;
  const arn = authorizer?.iam?.userArn;
  if (!arn) throw new VaultError('forbidden', { detail: 'Sign the request as an AWS principal (SigV4).' });
  return arn;
}
