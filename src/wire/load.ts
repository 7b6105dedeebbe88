import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';

/** Folder of the `.proto` files; two levels above this module, in the source as in the built package. */
export const PROTO_DIR: string = fileURLToPath(new URL('../../proto/', import.meta.url));

/** How messages look in memory. The `generate` script must say the same, or the generated types lie. */
export const PROTO_OPTIONS: Options = {
  longs: Number,
  enums: String,
  oneofs: true,
  includeDirs: [PROTO_DIR],
};

const loaded = new Map<string, PackageDefinition>();

/**
 * The definitions in one file and all it imports, as reflection and `loadPackageDefinition` want them. Read once.
 *
 * @param file path below `proto/`, e.g. `troupe/v1/peer.proto`
 */
export function loadDefinition(file: string): PackageDefinition {
  let definition = loaded.get(file);
  if (definition === undefined) {
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
  const object: GrpcObject = loadPackageDefinition(loadDefinition(file));
  return object as unknown as T;
}
