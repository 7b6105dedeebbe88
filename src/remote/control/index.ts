export { type ControlLimits, type ControlMethod, DEFAULT_CONTROL_LIMITS } from './context.ts';
export { type ControlOptions, openControl } from './control.ts';
