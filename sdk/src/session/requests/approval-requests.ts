/** Requests of a device that answers questions (docs/approvals.md, section 3). */
import { approvalRoutes } from '../../../../contract/approvals/routes.ts';
import type {
  AnswerApprovalRequest,
  AnswerApprovalResponse,
  ListApprovalsResponse,
  ListedQuestion,
  PutApprovalKeyRequest,
  PutApprovalKeyResponse,
} from '../../../../contract/approvals/wire.ts';
import { toBase64 } from '../../../../core/encoding/bytes.ts';
import { routeRow } from '../../http/route-row.ts';
import { addApprovalErrors } from '../../shared/approval-errors.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { decodeListOf, decodeObject, decodeText } from '../../shared/json-decoders.ts';
import type { SendSigned } from './request-rows.ts';
import { bytesOf } from './session-decoders.ts';
import type { ApprovalRequests } from './session-requests.ts';

const decodePut = decodeObject<PutApprovalKeyResponse>({ device: decodeText });
const decodeList = decodeObject<ListApprovalsResponse>({
  approvals: decodeListOf(
    decodeObject<ListedQuestion>({ approval: decodeText, question: decodeText, expiresAt: decodeText }),
  ),
});
const decodeAnswered = decodeObject<AnswerApprovalResponse>({ approval: decodeText });

const rowOf = (row: (typeof approvalRoutes)[keyof typeof approvalRoutes], parts: Record<string, string> = {}) => ({
  ...routeRow(row, parts),
  auth: 'none' as const,
});

export function approvalRequests(send: SendSigned): ApprovalRequests {
  addApprovalErrors();
  const post = async (approval: string, body: AnswerApprovalRequest, settings: CallSettings) => {
    await send(rowOf(approvalRoutes.answerApproval, { approval }), { body }, settings, decodeAnswered);
  };
  return {
    putKey: async (signed, settings) => {
      const body: PutApprovalKeyRequest = { statement: toBase64(signed) };
      await send(rowOf(approvalRoutes.putApprovalKey), { body }, settings, decodePut);
    },
    list: async (settings) => {
      const { approvals } = await send(rowOf(approvalRoutes.listApprovals), {}, settings, decodeList);
      return approvals.map(({ approval, question }) => ({ approval, question: bytesOf(question) }));
    },
    answer: (approval, signed, settings) => post(approval, { answer: toBase64(signed) }, settings),
    refuse: (approval, refused, settings) => post(approval, { refused }, settings),
  };
}
