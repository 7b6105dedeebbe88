import { registerHooks } from 'node:module';
import { type Mutation, patched } from './mutation.ts';

/**
 * Makes the mistake in this process: sources are changed as they are loaded, so nothing of the mutation is in any file. Must be
 * called before anything of `src` is imported.
 *
 * @returns tells which patches were not used, because their file was never loaded
 */
export function install({ patches }: Mutation): () => readonly string[] {
  const left = new Set(patches);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const mine = patches.filter(({ file }) => url.endsWith(`/src/${file}`));
      if (mine.length === 0) return loaded;
      let source = String(loaded.source);
      for (const patch of mine) {
        source = patched(source, patch);
        left.delete(patch);
      }
      return { ...loaded, source };
    },
  });
  return () => [...left].map(({ file }) => file);
}
