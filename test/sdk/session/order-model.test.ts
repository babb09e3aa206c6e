/** Random runs of two and of five devices (order-model.ts). */
import { test } from 'vitest';
import { checkOrder } from './order-model.ts';

test.each([
  { devices: 2, steps: 2_000, seed: 3 },
  { devices: 5, steps: 400, seed: 4 },
] as const)(
  'the application gets the messages of each sender once and in their order: $devices devices, $steps steps',
  checkOrder,
);
