import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Two cores: more workers only make the timing of real sockets worse.
    maxWorkers: 2,
    // What takes this long hangs. A slow machine is no defect.
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
})
