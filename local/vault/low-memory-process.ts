/**
 * Restarts this process with settings that limit its memory. They take effect only at the start of a process, and
 * `npm start` is not the only way to start it.
 */
import { isMainThread } from 'node:worker_threads';

/**
 * Settings of glibc. By default, each thread uses a separate arena, which retains freed memory. With short-lived worker
 * threads, this retained memory is the larger part of the process memory.
 */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** Flags of Node.js. V8 collects garbage early, instead of using a heap size that depends on the machine's memory. */
const flags = ['--max-semi-space-size=4', '--optimize-for-size', '--disable-warning=ExperimentalWarning'];

/**
 * Replaces this process with one that uses these settings and has the same process ID. Returns if the settings are
 * already in effect, or if the platform cannot replace a process (Windows).
 */
export function restartWithLowMemorySettings(): void {
  const { env, execArgv, execPath, argv } = process;
  if (!isMainThread || env.MALLOC_ARENA_MAX !== undefined || typeof process.execve !== 'function') return;
  process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], { ...env, ...allocator });
}
