/** Short random runs. The runs of 5,000 steps are in test/sessions. */
import { expect, test } from 'vitest';
import { SessionModel } from './session-model.ts';

test.each([
  { seed: 'two', devices: 2, steps: 400, loss: 0.3 },
  { seed: 'five', devices: 5, steps: 400, loss: 0.1 },
])(
  'C1, integrity: $devices devices, $steps steps: every delivered message opens exactly once, with its place',
  (options) => {
    const model = new SessionModel(options).run();
    model.assertEachOpenedOnce();
    model.assertNoneMissing();
    model.assertOrderOfSenders();
    expect(model.hasReordered).toBe(true);
    const { sent, delivered, lost, repeated, crashes, handshakes } = model.counts;
    expect(Math.min(sent - 100, delivered - 50, lost, repeated, crashes, handshakes)).toBeGreaterThan(0);
  },
);
