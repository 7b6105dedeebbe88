export { DEFAULT_LINK_LIMITS, ENVELOPE_COST_BYTES, type LaneLimits, type LinkLimits } from './limits.ts';
export { type LinksOptions, openLinks } from './links.ts';
