/**
 * Random runs of two and of five devices (order-model.ts). `ANIMA_TEST_STEPS_FACTOR=5` makes them five times as long, which
 * takes five minutes.
 */
import { test } from 'vitest';
import { checkOrder } from './order-model.ts';

const factor = Number(process.env.ANIMA_TEST_STEPS_FACTOR ?? 1);

test.each([
  { devices: 2, steps: 1_000 * factor, seed: 3 },
  { devices: 5, steps: 250 * factor, seed: 4 },
] as const)(
  'the application gets the messages of each sender once and in their order: $devices devices, $steps steps',
  checkOrder,
  300_000 * factor,
);
