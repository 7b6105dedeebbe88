export { ledgerStore } from './ledger.ts';
export { MemoryStore } from './memory.ts';
export * from './port.ts';
export { type PostgresOptions, PostgresStore } from './postgres/store.ts';
