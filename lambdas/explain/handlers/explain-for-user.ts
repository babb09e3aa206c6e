import type { UserAuthenticator } from '../../users/middleware/authenticate-user.ts';
import { userRouteHandler } from '../../users/middleware/user-routes.ts';
import { auditSubjectOfRef, recordKeysOfRefText } from '../explain-ref-parser.ts';
import type { ExplainService } from '../explain-service.ts';

export const explainForUser = (authenticator: UserAuthenticator, explainService: ExplainService) =>
  userRouteHandler('explainOwn', authenticator, {
    records: ({ query }) => recordKeysOfRefText(query.ref),
    subject: ({ query }) => ({ name: auditSubjectOfRef(query.ref) }),
    run: async ({ query }, user) => await explainService.explainForUser(user, query.ref),
  });
