/** Time limits of AWS calls. A call that hangs must end well before the function's timeout. */
import type { CallLimits } from './signed-service.ts';

/**
 * Three attempts of at most two seconds each. A write needs one read and one write, so it ends within the function's 15
 * seconds and the caller gets a response.
 */
export const callLimits: CallLimits = { attempts: 3, connectMs: 1000, requestMs: 2000 };

/** Limits for creating a session, which must fit into those 15 seconds together with the read and the write. */
export const sessionLimits: CallLimits = { attempts: 2, connectMs: 1000, requestMs: 1000 };

/** The same as callLimits, for AWS SDK clients. */
export const sdkLimits = {
  maxAttempts: callLimits.attempts,
  requestHandler: {
    connectionTimeout: callLimits.connectMs,
    requestTimeout: callLimits.requestMs,
    throwOnRequestTimeout: true,
  },
};
