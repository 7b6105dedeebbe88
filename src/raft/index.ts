export * from './consensus/index.ts';
export * from './driver/index.ts';
export * from './log/index.ts';
