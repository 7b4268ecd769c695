const kept = [];

export default {
  fetch() {
    for (;;) kept.push(new Array(1000).fill(1.1));
  },
};
