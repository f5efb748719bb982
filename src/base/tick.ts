// The coarse clock of the house.

/** Time between two ticks, in milliseconds, in the primary and in workers: deadlines, ejections and slow start are as exact as this. */
export const TICK_MS = 100;
