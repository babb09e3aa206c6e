import type { MiddlewareObj } from '@middy/core';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { RequestState } from './request-state.ts';

/**
 * Lets only requests pass that API Gateway has found signed by a principal of AWS (SigV4). The gateway refuses others
 * before; this holds even if a deployment lost the route's authorizer.
 */
export function requireOperator(): MiddlewareObj<RequestState> {
  return {
    before: ({ event }) => void requireOperatorArn(event),
  };
}

/** The ARN of the operator who calls. @throws VaultError `forbidden` */
export function requireOperatorArn({ event }: Pick<RequestState, 'event'>): string {
  const authorizer = 'authorizer' in event.requestContext ? event.requestContext.authorizer : undefined;
  const arn = authorizer?.iam?.userArn;
  if (!arn) throw new VaultError('forbidden', { detail: 'Sign the request as an AWS principal (SigV4).' });
  return arn;
}
