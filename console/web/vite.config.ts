import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// BIDHAWK is a running node's API listener; "npm run dev" passes calls on to it.
const node = process.env.BIDHAWK ?? 'http://127.0.0.1:8081';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: process.env.CONSOLE_OUT ?? '../dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // the policy takes no data: addresses
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': node, '/openapi.json': node } },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
});
