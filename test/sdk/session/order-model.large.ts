/** Random runs of 5,000 steps (order-model.ts). */
import { test } from 'vitest';
import { checkOrder } from './order-model.ts';

test.each([
  { devices: 2, steps: 5_000, seed: 1 },
  { devices: 5, steps: 1_000, seed: 2 },
] as const)(
  'the application gets the messages of each sender once and in their order: $devices devices, $steps steps',
  checkOrder,
  900_000,
);
