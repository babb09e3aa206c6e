import { decodeBase64Field } from '../../shared/base64-field.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';
import type { PairingService } from '../pairing-service.ts';

export const putApproverMessage = (auth: DeviceAuth, pairings: PairingService) =>
  deviceRoute('putApproverMessage', auth, async ({ params, body }, { roster }) => {
    return await pairings.put(roster.state.scope, params.pairing, 'approver1', decodeBase64Field(body.message));
  });
