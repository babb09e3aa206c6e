/** Requests about the keys of persons. Nothing that the service answers is verified here. */
import { personKeyRoutes } from '../../../../contract/approvals/person-key-routes.ts';
import type { ApproverKeyResponse } from '../../../../contract/approvals/wire.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { routeRow } from '../../http/route-row.ts';
import type { Transport } from '../../http/transport.ts';
import { addApprovalErrors } from '../../shared/approval-errors.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { decodeObject, decodeText } from '../../shared/json-decoders.ts';
import { bytesOf } from './session-decoders.ts';

const decodeApproverKey = decodeObject<ApproverKeyResponse>({ statement: decodeText });

/** The signed key of a person, for those who set values. @throws AnimaError approver_unavailable */
export async function readApproverKey(transport: Transport, person: string, settings: CallSettings): Promise<Bytes> {
  addApprovalErrors();
  const route = routeRow(personKeyRoutes.getApproverKey, { person });
  return bytesOf((await transport.request({ route }, settings, decodeApproverKey)).statement);
}
