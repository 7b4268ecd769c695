import { testApi } from "@openworkers/api/testing";
import { createClient } from "@openworkers/client";
import { ApiBackend } from "./api-backend.ts";
import { backendContract } from "./contract/mod.ts";

backendContract("a backend through the API", async () => {
  const api = await testApi();
  const client = createClient({
    url: "http://api.test",
    token: api.ada.token,
    fetch: async (request) => await api.app.fetch(request, api.env),
  });
  return {
    backend: new ApiBackend({ client }),
    database: api.database,
    operator: false,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
});
