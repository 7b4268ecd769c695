/**
 * What `promise` resolves with, or `undefined` when that takes longer than `ms`. Unlike a race with a sleep, it leaves
 * no timer behind that would keep a process alive which has nothing else to do.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
