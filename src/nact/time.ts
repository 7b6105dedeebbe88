/** A millisecond, ms. */
export const millisecond = 1;
/** Milliseconds, ms. */
export const milliseconds = 1;
/** A second, ms. */
export const second = 1_000;
/** Seconds, ms. */
export const seconds = 1_000;
/** A minute, ms. */
export const minute = 60_000;
/** Minutes, ms. */
export const minutes = 60_000;
/** An hour, ms. */
export const hour = 3_600_000;
/** Hours, ms. */
export const hours = 3_600_000;
/** A message: for `snapshotEvery: 10 * messages`. */
export const message = 1;
/** Messages. */
export const messages = 1;
