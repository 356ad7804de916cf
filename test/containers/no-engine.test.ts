import { test } from 'vitest'

/** Stands for the tests against NATS in a container where no container engine answers. */
test.skip('NATS in a container: no Docker engine answers, so these tests are left out', () => {})
