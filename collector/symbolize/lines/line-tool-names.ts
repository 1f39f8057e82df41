// Apart from how they are used, since options are read where native libraries are not loaded.

/** The preferred one first: addr2line needs minutes for the largest programs. */
export const LINE_TOOLS = ['llvm-symbolizer', 'addr2line'] as const
