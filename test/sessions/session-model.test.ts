/** Long random runs of several devices (test/core/sessions/session-model.ts). */
import { expect, test } from 'vitest';
import { SessionModel } from '../core/sessions/session-model.ts';

const runs = [
  { devices: 2, steps: 5_000, loss: 0.3, seed: 'much loss' },
  { devices: 5, steps: 5_000, loss: 0.3, seed: 'much loss' },
];

test.each(runs)(
  'C1, integrity: $devices devices, $steps steps, loss $loss: every delivered message opens exactly once, with its place',
  (options) => {
    const model = new SessionModel(options).run();
    model.assertEachOpenedOnce();
    model.assertNoneMissing();
    model.assertOrderOfSenders();
    expect(model.hasReordered).toBe(true);
    const { sent, delivered, repeated, crashes, handshakes } = model.counts;
    expect(Math.min(sent - 1_500, delivered - 1_000, repeated - 100, crashes - 50, handshakes - 5)).toBeGreaterThan(0);
  },
);
