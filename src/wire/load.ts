import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as grpc from '@grpc/grpc-js';
import type * as loader from '@grpc/proto-loader';

/** For the two libraries: threads that only encode payloads never load a definition, and start in half the time. */
const require = createRequire(import.meta.url);

/** Folder of the `.proto` files; two levels above this module, in the source as in the built package. */
export const PROTO_DIR: string = fileURLToPath(new URL('../../proto/', import.meta.url));

/** How messages look in memory. The `generate` script must say the same, or the generated types lie. */
export const PROTO_OPTIONS: loader.Options = {
  longs: Number,
  enums: String,
  oneofs: true,
  includeDirs: [PROTO_DIR],
};

const loaded = new Map<string, loader.PackageDefinition>();

/**
 * The definitions in one file and all it imports, as reflection and `loadPackageDefinition` want them. Read once.
 *
 * @param file path below `proto/`, e.g. `troupe/v1/peer.proto`
 */
export function loadDefinition(file: string): loader.PackageDefinition {
  let definition = loaded.get(file);
  if (definition === undefined) {
    const { loadSync } = require('@grpc/proto-loader') as typeof loader;
    definition = loadSync(file, PROTO_OPTIONS);
    loaded.set(file, definition);
  }
  return definition;
}

/**
 * The services and messages of one file.
 *
 * @param file path below `proto/`
 * @typeParam T the file's `ProtoGrpcType`, from `generated/`
 */
export function loadProto<T>(file: string): T {
  const { loadPackageDefinition } = require('@grpc/grpc-js') as typeof grpc;
  const object = loadPackageDefinition(loadDefinition(file));
  return object as unknown as T;
}
