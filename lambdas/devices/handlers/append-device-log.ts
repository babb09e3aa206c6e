import { decodeBase64Field } from '../../shared/base64-field.ts';
import type { DeviceLogService } from '../device-log-service.ts';
import { type DeviceAuth, deviceRoute } from '../middleware/device-routes.ts';

export const appendDeviceLog = (auth: DeviceAuth, log: DeviceLogService) =>
  deviceRoute('appendDeviceLog', auth, async ({ body }, { roster, device }) => {
    const { entry, wraps, recoveryBox, pairing: sent } = body;
    const attachments = {
      ...(wraps === undefined ? {} : { wraps: decodeBase64Field(wraps) }),
      ...(recoveryBox === undefined ? {} : { recovery: decodeBase64Field(recoveryBox) }),
    };
    const approval = sent && { pairing: sent.pairing, message: decodeBase64Field(sent.message) };
    return await log.append(roster, device, { signed: decodeBase64Field(entry), attachments, approval });
  });
