const main = document.querySelector("main");

const pages = {
  "/": async () => "Every address but /api/* leads to this page.",
  "/clock": async () => {
    const response = await fetch("/api/time");
    const { time } = await response.json();
    return `The worker says that it is ${time}.`;
  },
};

async function show() {
  const page = pages[location.pathname] ?? (async () => `There is no page at ${location.pathname}.`);
  main.textContent = await page();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link === null) return;
  event.preventDefault();
  history.pushState({}, "", link.href);
  show();
});
addEventListener("popstate", show);
show();
