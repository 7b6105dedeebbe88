export type { DecideOptions, MapOptions, MapResult, Team, TeamOptions } from './team.ts';
