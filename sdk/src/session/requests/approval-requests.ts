/** Requests of a device that answers questions (docs/approvals.md, section 3). */
import { personKeyRoutes } from '../../../../contract/approvals/person-key-routes.ts';
import { approvalRoutes } from '../../../../contract/approvals/routes.ts';
import type {
  AnswerApprovalRequest,
  AnswerApprovalResponse,
  GetPersonKeyResponse,
  ListApprovalsResponse,
  ListedQuestion,
  PutApprovalKeyRequest,
  PutApprovalKeyResponse,
  PutPersonKeyRequest,
  PutPersonKeyResponse,
} from '../../../../contract/approvals/wire.ts';
import { toBase64 } from '../../../../core/encoding/bytes.ts';
import { routeRow } from '../../http/route-row.ts';
import { addApprovalErrors } from '../../shared/approval-errors.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { decodeCount, decodeListOf, decodeObject, decodeText, optional } from '../../shared/json-decoders.ts';
import type { SendSigned } from './request-rows.ts';
import { bytesOf } from './session-decoders.ts';
import type { ApprovalRequests, IncomingActivity, IncomingTripwires, IncomingUse } from './session-requests.ts';

const decodePut = decodeObject<PutApprovalKeyResponse>({ device: decodeText });
const decodeList = decodeObject<ListApprovalsResponse>({
  approvals: decodeListOf(
    decodeObject<ListedQuestion>({ approval: decodeText, question: decodeText, expiresAt: decodeText }),
  ),
});
const decodeAnswered = decodeObject<AnswerApprovalResponse>({ approval: decodeText });

const decodeActivity = decodeObject<IncomingActivity>({
  uses: decodeListOf(
    decodeObject<IncomingUse>({
      ...{ id: decodeText, time: decodeText, requestId: decodeText },
      ...{ statement: decodeText, signature: decodeText, answer: decodeText },
      ...{ result: optional(decodeText), upstream: optional(decodeText) },
    }),
  ),
  tripwires: decodeListOf(
    decodeObject<IncomingTripwires>({
      ...{ id: decodeText, time: decodeText, requestId: decodeText, names: decodeListOf(decodeText) },
      ...{ principal: decodeText, result: decodeText, sourceIp: decodeText },
      ...{ agent: optional(decodeText), run: optional(decodeText) },
    }),
  ),
  cursor: optional(decodeText),
});

const decodePersonKey = decodeObject<GetPersonKeyResponse>({
  statement: optional(decodeText),
  devices: decodeListOf(
    decodeObject<GetPersonKeyResponse['devices'][number]>({ device: decodeText, statement: decodeText }),
  ),
});
const decodePutPersonKey = decodeObject<PutPersonKeyResponse>({ edition: decodeCount });

type DeviceRoute =
  | (typeof approvalRoutes)[keyof typeof approvalRoutes]
  | (typeof personKeyRoutes)[keyof typeof personKeyRoutes];

const rowOf = (row: DeviceRoute, parts: Record<string, string> = {}) => ({
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
    answer: (approval, signed, shares, settings) =>
      post(approval, { answer: toBase64(signed), shares: shares && toBase64(shares) }, settings),
    personKey: async (settings) => {
      const { statement, devices } = await send(rowOf(personKeyRoutes.getPersonKey), {}, settings, decodePersonKey);
      return {
        signed: statement === undefined ? undefined : bytesOf(statement),
        devices: devices.map(({ device, statement: signed }) => ({ device, signed: bytesOf(signed) })),
      };
    },
    putPersonKey: async (signed, settings) => {
      const body: PutPersonKeyRequest = { statement: toBase64(signed) };
      await send(rowOf(personKeyRoutes.putPersonKey), { body }, settings, decodePutPersonKey);
    },
    activity: (query, settings) =>
      send(rowOf(approvalRoutes.listActivity), { query: { ...query } }, settings, decodeActivity),
    refuse: (approval, refused, settings) => post(approval, { refused }, settings),
  };
}
