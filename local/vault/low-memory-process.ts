/**
 * Starts this process again under settings that keep its memory small. They are read when a process starts, and `npm start` is not the
 * only way to start it.
 */
import { isMainThread } from 'node:worker_threads';

/**
 * Of glibc. By default each thread allocates from an arena of its own, and freed memory stays in it: with worker threads that come and go,
 * that is the larger part of what the process holds.
 */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** Of V8: garbage is collected early, instead of first filling the space that a machine with much memory would grant. */
const flags = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];

/**
 * Replaces this process by one under those settings, with the same id; returns where it runs under them already, or where a process
 * can't be replaced (Windows).
 */
export function becomeLean(): void {
  const { env, execArgv, execPath, argv } = process;
  if (!isMainThread || env.MALLOC_ARENA_MAX !== undefined || typeof process.execve !== 'function') return;
  process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], { ...env, ...allocator });
}
