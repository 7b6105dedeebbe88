export * from './commands.ts';
export * from './port.ts';
