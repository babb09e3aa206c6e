import { rotatorHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { getRotation } from './handlers/get-rotation.ts';
import { startRotation } from './handlers/start-rotation.ts';
import { serve } from './middleware/serve.ts';

const { gate, rotations } = rotatorHost();

export const handler = serve(log(), auditTrail(), {
  startRotation: startRotation(gate, rotations),
  getRotation: getRotation(gate, rotations),
});
