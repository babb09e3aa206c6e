/** How far the clocks of two functions may differ. A stored time further in the future was written by somebody else. */
export const clockToleranceSeconds = 60;
