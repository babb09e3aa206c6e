import type { Rotations } from '../domain/rotation.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const startRotation = (gate: Gate, rotations: Rotations) =>
  memberChain('startRotation', gate, { run: async (_, { keys }) => await rotations.start(await keys()) });
