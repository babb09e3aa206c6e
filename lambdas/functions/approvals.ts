import type { Context } from 'aws-lambda';
import {
  answerApproval,
  getPersonKey,
  listActivity,
  listApprovals,
  putApprovalKey,
  putPersonKey,
} from '../approvals/handlers/approval-handlers.ts';
import { handleTripwireEvents } from '../approvals/handlers/tripwire-events.ts';
import { isTripwireEvent } from '../approvals/tripwire-waker.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createAnswerServices } from '../compose/sessions.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import type { TripwireEvent } from '../shared/tripwire-event.ts';

const log = createFunctionLog();
const { sessionAuth, answers, personKeys, activity, tripwireWaker } = createAnswerServices();

const handleRequest = createLambdaHandler(log, createAuditLog(), {
  putApprovalKey: putApprovalKey(sessionAuth, answers),
  listApprovals: listApprovals(sessionAuth, answers),
  answerApproval: answerApproval(sessionAuth, answers),
  putPersonKey: putPersonKey(sessionAuth, personKeys),
  getPersonKey: getPersonKey(sessionAuth, personKeys),
  listActivity: listActivity(sessionAuth, activity),
});
const handleTripwires = handleTripwireEvents(log, tripwireWaker);

type Event = Parameters<typeof handleRequest>[0] | TripwireEvent;

/** The HTTP API invokes this function with requests, the sealer with the event that tripwires were hit. */
export const handler = async (event: Event, context: Context) =>
  isTripwireEvent(event) ? await handleTripwires(event, context) : await handleRequest(event, context);
