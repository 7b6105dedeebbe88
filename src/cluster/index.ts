export * from './failure-detector.ts';
export * from './peers.ts';
export * from './placement.ts';
export * from './preemption/file.ts';
export * from './preemption/signal.ts';
export * from './preemption/source.ts';
export * from './router.ts';
export * from './view.ts';
