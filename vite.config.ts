import { defineConfig } from 'vite'

// The page. `vite build --config vite.config.ts` writes ui/dist, which the server hands out; `vite`
// alone serves the sources for work on the page and passes the API on to a running server.
export default defineConfig({
  root: 'ui',
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Every browser of the last three years: no helper code for older ones.
    target: 'es2023',
    cssTarget: 'chrome120',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': 'http://127.0.0.1:3526' },
  },
})
