/** Whether this code runs from its TypeScript sources rather than from the built package. */
const fromSource: boolean = import.meta.url.endsWith('.ts');

/**
 * URL of a module of this folder to start as a thread or process: `.ts` in the sources, `.js` in the built package.
 *
 * @param name path below `src/node` without its ending, e.g. `./main`
 */
export function runtimeUrl(name: string): URL {
  return new URL(`${name}.${fromSource ? 'ts' : 'js'}`, import.meta.url);
}

/** Flags for a Node that runs the same code as this one. `node:sqlite` still warns that it is experimental. */
export function sourceFlags(): string[] {
  return [...(fromSource ? ['-C', 'troupe-source'] : []), '--disable-warning=ExperimentalWarning'];
}
