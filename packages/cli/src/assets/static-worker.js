// The worker of a project that has files and no code. Requests from outside never reach it: the files answer
// them. Other workers call it through a service binding.
export default {
  fetch: (request, env) => env.ASSETS.fetch(request),
};
