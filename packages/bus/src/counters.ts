/** What a bus counts. */
export class Counters {
  published = 0;
  failed = 0;

  /** Counts how `publishing` ends. */
  async counting<T>(publishing: Promise<T>): Promise<T> {
    try {
      const published = await publishing;
      this.published += 1;
      return published;
    } catch (thrown) {
      this.failed += 1;
      throw thrown;
    }
  }
}
