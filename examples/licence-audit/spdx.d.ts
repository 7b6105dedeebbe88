declare module 'spdx-correct' {
  /** The valid SPDX identifier nearest to a near miss such as `Apache 2`, or null. */
  export default function correct(identifier: string, options?: { readonly upgrade: boolean }): string | null;
}

declare module 'spdx-license-ids' {
  /** Identifiers of the SPDX list, deprecated ones left out. */
  const ids: readonly string[];
  export default ids;
}
