import type { Rotations } from '../domain/rotation.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getRotation = (gate: Gate, rotations: Rotations) =>
  memberChain('getRotation', gate, { run: async (_, { keys }) => await rotations.latest(await keys()) });
