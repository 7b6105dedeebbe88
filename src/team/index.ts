export { team } from './create.ts';
export { JobRunner, jobGroup } from './job-runner.ts';
export type { DecideOptions, MapOptions, MapResult, Team, TeamOptions } from './team.ts';
