interface ServerPlaces {
  readonly dataPath: string;
  readonly socketPath: string;
  readonly port: number;
  /** Whether committed data must survive a power cut. */
  readonly durable: boolean;
}

/**
 * The command line of `postgres`. Settings live here and not in postgresql.conf, so that an upgrade of the
 * platform changes them everywhere.
 */
export function serverArguments({ dataPath, socketPath, port, durable }: ServerPlaces): string[] {
  const settings: Record<string, string> = {
    // Nobody but this machine's owner of the socket: no TCP at all.
    listen_addresses: "",
    unix_socket_directories: socketPath,
    unix_socket_permissions: "0700",
    port: String(port),
    password_encryption: "scram-sha-256",

    max_connections: "100",
    // All databases share what these make room for, and one tenant may try to take it: room for 102,400 locks.
    max_locks_per_transaction: "1024",
    // Locks that a session leaves behind would be nobody's to end.
    max_prepared_transactions: "0",
    shared_buffers: "48MB",
    work_mem: "4MB",
    maintenance_work_mem: "32MB",
    huge_pages: "off",
    jit: "off",
    // Files in the data directory: /dev/shm holds 64 MB in a container, and would keep them after a SIGKILL.
    dynamic_shared_memory_type: "mmap",
    max_parallel_workers: "2",
    // Worker processes for I/O do not pay on a database of this size.
    io_method: "sync",

    // One machine and no replicas: the least log that survives a crash.
    wal_level: "minimal",
    max_wal_senders: "0",
    min_wal_size: "32MB",
    max_wal_size: "256MB",
    ...(durable ? {} : { fsync: "off", full_page_writes: "off" }),

    // A statement, or the row that an error quotes, may hold what its owner does not want in a log.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_statement: "none",
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
    log_checkpoints: "off",
    logging_collector: "off",
    log_timezone: "UTC",
    timezone: "UTC",
    cluster_name: "openworkers",
  };
  return ["-D", dataPath, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}
