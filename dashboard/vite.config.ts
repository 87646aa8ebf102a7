import react from '@vitejs/plugin-react'
import { notices } from './notices.ts'
import { packed } from './packed.ts'
import { defineConfig } from 'vitest/config'

/** `npm run dev` shows the page with the API of a running engine. */
const engine = 'http://127.0.0.1:4010'

export default defineConfig({
  base: '/dashboard/',
  plugins: [react(), notices(), packed()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  server: { proxy: { '/v1': engine, '/v2': engine } },
  build: {
    outDir: '../src/tripmeter/site',
    emptyOutDir: true,
    target: 'es2022',
    // Inlined files would be data: addresses, which the page's policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ['tests/**/*.test.ts'] },
})
