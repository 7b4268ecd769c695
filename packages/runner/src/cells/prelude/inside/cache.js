// Runs in the worker's own isolate, before its modules. Nothing is kept yet, and a worker must expect any cache to
// miss. Without this the runtime throws "No Cache was configured", at which all of a SvelteKit application ends.

const { defineProperty } = Reflect;
const { Request: OurRequest, TypeError: OurTypeError } = globalThis;

const methods = {
  async match() {
    return undefined;
  },

  // What workerd refuses (api/cache.c++, Cache::put) is refused here, too: a mistake must not wait for a real cache.
  async put(request, response) {
    if (request instanceof OurRequest && request.method !== "GET") {
      throw new OurTypeError("Cannot cache response to non-GET request.");
    }
    if (response.status === 206) throw new OurTypeError("Cannot cache response to a range request.");
    if (response.headers.get("vary")?.includes("*")) {
      throw new OurTypeError("Cannot cache response with 'Vary: *' header.");
    }
    if (response.bodyUsed) throw new OurTypeError("The response's body has been used already.");
    // A clone's other half is read no further than this one, and waits in memory until then.
    // Not by pipeTo: compatibility dates before 2022-11-30 cannot make a stream to pipe into.
    const reader = response.body?.getReader();
    while (reader !== undefined && !(await reader.read()).done);
  },

  async delete() {
    return false;
  },
};

for (const name of Object.keys(methods)) {
  defineProperty(Cache.prototype, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    writable: true,
    value: methods[name],
  });
}
