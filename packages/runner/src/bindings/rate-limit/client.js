// Runs in the worker's isolate, out of the worker's modules' reach: makes `env.LIMITER`.

class RateLimit {
  #broker;

  constructor(broker) {
    this.#broker = broker;
  }

  async limit(options) {
    if (typeof options !== "object" || options === null) throw new Error("invalid rate limit options");
    const unknown = Object.keys(options).filter((name) => name !== "key");
    if (unknown.length > 0) throw new Error(`bad rate limit options: [${unknown.join(",")}]`);
    const { key } = options;
    if (typeof key !== "string") throw new Error(`invalid key: ${key}`);
    const response = await this.#broker.fetch("http://rate-limit/", { method: "POST", body: key });
    if (!response.ok) throw new Error(`rate limit failed: ${response.status} ${await response.text()}`);
    return await response.json();
  }
}

export default ({ broker }) => new RateLimit(broker);
