import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Rotations } from '../rotation-service.ts';

export const startRotation = (gate: Gate, rotations: Rotations) =>
  memberChain('startRotation', gate, { run: async (_, { keys }) => await rotations.start(await keys()) });
