/** Handlers of the routes of devices that answer questions (docs/approvals.md, section 3). */
import { type SessionAuth, sessionRoute } from '../../directory/middleware/session-routes.ts';
import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { ActivityService } from '../activity-service.ts';
import type { AnswerService } from '../answer-service.ts';
import type { PersonKeyService } from '../person-key-service.ts';

export const putApprovalKey = (auth: SessionAuth, answers: AnswerService) =>
  sessionRoute(
    'putApprovalKey',
    auth,
    async ({ body }, signer) => await answers.putKey(signer, decodeBase64Field(body.statement)),
  );

export const listApprovals = (auth: SessionAuth, answers: AnswerService) =>
  sessionRoute('listApprovals', auth, async (_, signer) => await answers.list(signer));

export const answerApproval = (auth: SessionAuth, answers: AnswerService) =>
  sessionRoute(
    'answerApproval',
    auth,
    async ({ params, body }, signer) => await answers.answer(signer, params.approval, body),
    ({ params }) => ({ name: params.approval }),
  );

export const putPersonKey = (auth: SessionAuth, personKeys: PersonKeyService) =>
  sessionRoute(
    'putPersonKey',
    auth,
    async ({ body }, signer) => await personKeys.put(signer, decodeBase64Field(body.statement)),
  );

export const getPersonKey = (auth: SessionAuth, personKeys: PersonKeyService) =>
  sessionRoute('getPersonKey', auth, async (_, signer) => await personKeys.get(signer));

export const listActivity = (auth: SessionAuth, activity: ActivityService) =>
  sessionRoute('listActivity', auth, async ({ query }, signer) => await activity.list(signer, query));
