import { auditTrail, log } from '../compose/common.ts';
import { rotatorHost } from '../compose/rotation.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { getRotation } from '../rotation/handlers/get-rotation.ts';
import { startRotation } from '../rotation/handlers/start-rotation.ts';

const { gate, rotations } = rotatorHost();

export const handler = serve(log(), auditTrail(), {
  startRotation: startRotation(gate, rotations),
  getRotation: getRotation(gate, rotations),
});
