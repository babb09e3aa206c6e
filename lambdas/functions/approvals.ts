import {
  answerApproval,
  getPersonKey,
  listActivity,
  listApprovals,
  putApprovalKey,
  putPersonKey,
} from '../approvals/handlers/approval-handlers.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createAnswerServices } from '../compose/sessions.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { sessionAuth, answers, personKeys, activity } = createAnswerServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  putApprovalKey: putApprovalKey(sessionAuth, answers),
  listApprovals: listApprovals(sessionAuth, answers),
  answerApproval: answerApproval(sessionAuth, answers),
  putPersonKey: putPersonKey(sessionAuth, personKeys),
  getPersonKey: getPersonKey(sessionAuth, personKeys),
  listActivity: listActivity(sessionAuth, activity),
});
