/** Stands here until its routes do. */
export default {
  fetch(): Response {
    return Response.json({ ok: true });
  },
};
