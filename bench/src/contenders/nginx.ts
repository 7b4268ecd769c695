import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contender, freePort, startProcess } from "./contender.ts";

/** nginx as Debian configures it, with `folder` as its site and without an access log; undefined where it is not installed. */
export async function nginx(folder: string): Promise<Contender | undefined> {
  const binary = Bun.which("nginx") ?? Bun.which("nginx", { PATH: "/usr/sbin:/usr/local/sbin" });
  if (binary === null) return undefined;
  const directory = await mkdtemp(join(tmpdir(), "ow-nginx-"));
  await mkdir(join(directory, "tmp"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/tmp/${name};`,
  );
  const config = join(directory, "nginx.conf");
  await Bun.write(
    config,
    `${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes auto;
daemon off;
pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  types { text/html html; text/plain txt; }
  gzip on;
  access_log off;
  ${temporary.join("\n  ")}
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
  );
  const contender = await startProcess("nginx", { command: [binary, "-c", config], port });
  return {
    ...contender,
    async [Symbol.asyncDispose]() {
      await contender[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
