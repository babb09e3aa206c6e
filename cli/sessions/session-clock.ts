/** The clock of devices: the one of the SDK, unless a test replaces this value. */
import type { SessionClock } from '../../sdk/src/session/index.ts';

export const sessionClock: SessionClock | undefined = undefined;
