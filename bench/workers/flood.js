const line = "x".repeat(200);

export default {
  fetch() {
    for (let i = 0; i < 2_000; i++) console.log(i, line);
    return new Response("flooded\n");
  },
};
