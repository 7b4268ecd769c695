/** Ports that `fetch` may not ask by the WHATWG's list of bad ports (fetch.spec.whatwg.org/#port-blocking). */
const badPorts = [
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/**
 * Services that take commands line by line, or files and shares: an HTTP request can be written so that one of its
 * lines is a command (Redis, Memcached), so `fetch` has no business there. `connect()` reaches them.
 */
const serviceControlPorts = [
  445, // SMB
  1433, // SQL Server
  1521, // Oracle
  2375, // Docker, without TLS
  2379, // etcd
  2380,
  3306, // MySQL
  3389, // RDP
  4222, // NATS
  5432, // PostgreSQL
  5672, // AMQP
  6379, // Redis
  9042, // Cassandra
  9092, // Kafka
  10250, // kubelet
  11211, // Memcached
  27017, // MongoDB
];

const notForFetch: ReadonlySet<number> = new Set([...badPorts, ...serviceControlPorts]);

/** Mail between servers is what spam is sent by; Cloudflare's `connect()` refuses it, too. */
const notForConnect: ReadonlySet<number> = new Set([0, 25]);

/** How a worker asks for a connection. */
export type EgressVia = "fetch" | "connect";

/** Whether any host may be asked on `port` in this way. */
export function isPortOpen(port: number, via: EgressVia): boolean {
  return !(via === "fetch" ? notForFetch : notForConnect).has(port);
}
