/**
 * Random operations of several devices, compared with what they were promised. `ANIMA_DEVICE_MODEL` is the number of
 * seeds of the long form, with 2,000 operations each.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeviceModel } from './device-model.ts';

const longSeeds = Number(process.env.ANIMA_DEVICE_MODEL ?? 0);
const firstSeed = Number(process.env.ANIMA_DEVICE_MODEL_FIRST ?? 1);
const [seeds, operations] = longSeeds > 0 ? [longSeeds, 2_000] : [5, 150];
/** How often devices come and go differs by the seed. */
const churns = [1, 2, 0.3] as const;

/** What happened in all seeds together: a model in which nothing is pruned would prove nothing about it. */
const total = { pruned: 0, resumed: 0 };

beforeEach(() => {
  // No waits between attempts. The model has its own random numbers.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.restoreAllMocks();
});

test.each(Array.from({ length: seeds }, (_, at) => firstSeed + at))('seed %i', { timeout: 1_800_000 }, async (seed) => {
  const model = new DeviceModel(seed, churns[seed % churns.length]);
  await model.begin();
  try {
    for (let at = 0; at < operations; at++) await model.step();
    await model.settle();
    await model.checkPromises();
    total.pruned += model.service.logs.pruned.size;
    total.resumed += await model.countFromCheckpoints();
  } catch (error) {
    expect.fail(`${String(error)}\n${error instanceof Error ? error.stack : ''}\n${model.done.slice(-40).join('\n')}`);
  }
});

test('entries were pruned, and devices went on at checkpoints', () => {
  expect(total.pruned).toBeGreaterThan(50);
  expect(total.resumed).toBeGreaterThan(0);
});
