import * as $ from "capnp-es";
export declare const _capnpFileId = 16622736087357922305n;
/**
* Top-level configuration for a workerd instance.
*
*/
export declare class Config extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultStructuredLogging: DataView<ArrayBufferLike>;
  };
  static _Services: $.ListCtor<Service>;
  static _Sockets: $.ListCtor<Socket>;
  static _Extensions: $.ListCtor<Extension>;
  _adoptServices(value: $.Orphan<$.List<Service>>): void;
  _disownServices(): $.Orphan<$.List<Service>>;
  /**
* List of named services defined by this server. These names are private; they are only used
* to refer to the services from elsewhere in this config file, as well as for logging and the
* like. Services are not reachable until you configure some way to make them reachable, such
* as via a Socket.
*
* If you do not define any service called "internet", one is defined implicitly, representing
* the ability to access public internet servers. An explicit definition would look like:
*
*     ( name = "internet",
*       network = (
*         allow = ["public"],   # Allows connections to publicly-routable addresses only.
*         tlsOptions = (trustBrowserCas = true)
*       )
*     )
*
* The "internet" service backs the global `fetch()` function in a Worker, unless that Worker's
* configuration specifies some other service using the `globalOutbound` setting.
*
*/
  get services(): $.List<Service>;
  _hasServices(): boolean;
  _initServices(length: number): $.List<Service>;
  set services(value: $.List<Service>);
  _adoptSockets(value: $.Orphan<$.List<Socket>>): void;
  _disownSockets(): $.Orphan<$.List<Socket>>;
  /**
* List of sockets on which this server will listen, and the services that will be exposed
* through them.
*
*/
  get sockets(): $.List<Socket>;
  _hasSockets(): boolean;
  _initSockets(length: number): $.List<Socket>;
  set sockets(value: $.List<Socket>);
  _adoptV8Flags(value: $.Orphan<$.List<string>>): void;
  _disownV8Flags(): $.Orphan<$.List<string>>;
  /**
* List of "command-line" flags to pass to V8, like "--expose-gc". We put these in the config
* rather than on the actual command line because for most use cases, managing these via the
* config file is probably cleaner and easier than passing on the actual CLI.
*
* WARNING: Use at your own risk. V8 flags can have all sorts of wild effects including completely
*   breaking everything. V8 flags also generally do not come with any guarantee of stability
*   between V8 versions. Most users should not set any V8 flags.
*
*/
  get v8Flags(): $.List<string>;
  _hasV8Flags(): boolean;
  _initV8Flags(length: number): $.List<string>;
  set v8Flags(value: $.List<string>);
  _adoptExtensions(value: $.Orphan<$.List<Extension>>): void;
  _disownExtensions(): $.Orphan<$.List<Extension>>;
  /**
* Extensions provide capabilities to all workers. Extensions are usually prepared separately
* and are late-linked with the app using this config field.
*
*/
  get extensions(): $.List<Extension>;
  _hasExtensions(): boolean;
  _initExtensions(length: number): $.List<Extension>;
  set extensions(value: $.List<Extension>);
  _adoptAutogates(value: $.Orphan<$.List<string>>): void;
  _disownAutogates(): $.Orphan<$.List<string>>;
  /**
* A list of gates which are enabled.
* These are used to gate features/changes in workerd and in our internal repo. See the equivalent
* config definition in our internal repo for more details.
*
*/
  get autogates(): $.List<string>;
  _hasAutogates(): boolean;
  _initAutogates(length: number): $.List<string>;
  set autogates(value: $.List<string>);
  /**
* If true, logs will be emitted as JSON for structured logging.
* When false, logs use the traditional human-readable format.
* This affects the format of logs from KJ_LOG and exception reporting as well as js logs.
* This won't work for logs coming from service worker syntax workers with the old module registry.
* Note: This field is obsolete and deprecated. Use the logging struct instead.
*
*/
  get structuredLogging(): boolean;
  set structuredLogging(value: boolean);
  _adoptLogging(value: $.Orphan<LoggingOptions>): void;
  _disownLogging(): $.Orphan<LoggingOptions>;
  /**
* Console and Stdio logging configuration options.
*
*/
  get logging(): LoggingOptions;
  _hasLogging(): boolean;
  _initLogging(): LoggingOptions;
  set logging(value: LoggingOptions);
  _adoptCluster(value: $.Orphan<ClusterConfig>): void;
  _disownCluster(): $.Orphan<ClusterConfig>;
  /**
* Set when this instance should join a cluster. Requires `--experimental`.
*
*/
  get cluster(): ClusterConfig;
  _hasCluster(): boolean;
  _initCluster(): ClusterConfig;
  set cluster(value: ClusterConfig);
  toString(): string;
}
/**
* workerd instances can work together in a cluster, to distribute Durable Objects among them.
* Each Durable Object runs on one instance at a time, its owner; any instance routes requests
* for it there.
*
* The cluster's shared state lives in a bucket, S3-compatible or Google Cloud Storage (`bucket`):
* each instance renews a lease record naming its address, and each Durable Object's owner is a
* record claimed by a conditional write. Taking an object over from an owner whose lease expired
* bumps its ownership epoch. Instances need no shared filesystem: `durableObjectStorage.localDisk`
* is each instance's own disk. Durable Objects stored in memory stay local to each instance. The
* bucket's copy of an object replaces the instance's, so a `localDisk` already holding Durable
* Objects from before cluster mode is refused at startup; they are not imported.
*
* All instances in the cluster MUST have identical configuration: any instance may forward any
* request to any other and it must produce the same result. During a rolling upgrade, instances
* may differ in backwards-compatible ways.
*
* The bucket can also hold named deployments. Each deployment is an encoded `Config` that contains
* only services. A catalog record in the bucket selects the current version of every deployment.
*
* Each workerd process is one cluster instance. Each instance reads the catalog at startup and
* serves accepted deployments beside the services in its own config. It considers deployments
* in catalog order and skips a deployment as a whole when it breaks any of these rules, alone
* or against the instance's config or a deployment accepted before it. Instances with the same
* config and catalog skip the same deployments:
*
* - Service names must be unique across the instance's config and every deployment.
* - Actor namespace keys must also be unique. These keys are Durable Object `uniqueKey` values
*   and Workflow namespace keys. Each Durable Object `uniqueKey` must be one path component.
* - Every `Text` value must be valid UTF-8.
* - A deployment cannot define a `disk` service or a service named `internet`. It can refer to a
*   disk service in the instance's config by name.
* - A deployment cannot have `fromEnvironment` bindings, so it cannot read the instance's
*   environment variables.
*
* An instance also skips a deployment whose objects are missing, invalid, or larger than its
* bucket client can read. A catalog entry whose name is not a valid deployment name is unreadable
* and skipped in the same way.
*
* An error in a deployment's service, such as a worker that throws while loading, is logged with
* the deployment's name and does not stop the instance. The broken service fails requests and
* actor construction. Warnings from deployment services are also attributed to their
* deployments.
*
* A reference in the instance's own config to a service that neither that config nor a
* deployment that was read defines is treated as a deployment reference. It is logged,
* naming any unreadable deployments, and fails its requests without stopping the instance.
* A reference to a skipped deployment's service fails in the same way. When a deployment's
* service cannot satisfy a reference, the deployment's error names the referring service or
* socket.
*
* A tail whose service is missing or cannot handle requests is not started; the request it would
* tail proceeds. A broken deployment service's Durable Object namespace fails requests before
* the instance claims an object in the bucket and does not adopt dead peers' alarms.
*
* `--external-addr` and `--directory-path` overrides apply only to services in the instance's
* own config. An override that names only a deployment's service is unmatched and is an error in
* the instance's config.
*
* Only a failure to open the bucket or to reach or read its catalog ends the process. Run each
* instance under a supervisor that restarts it.
*
* `src/workerd/server/cluster/deploy.rs` documents the bucket layout for tools that write
* deployments.
*
* `workerd deploy` publishes a wrangler project or a Cap'n Proto config:
*
*     workerd deploy --experimental [<project>] --bucket s3://bucket/prefix
*
* See `workerd deploy --help` for details. A wrangler project's worker becomes a service named
* after the deployment. Its Durable Objects use the disk service named `do-storage`. Every
* instance that serves the project with Durable Objects must define this service in its own
* config.
*
* For a wrangler project, each Durable Object class gets the `uniqueKey` `<name>-<key>`. Here,
* `<name>` is the deployment name. `<key>` is the class's storage key from the project's
* migrations. The storage key defaults to the class name and stays the same after a rename.
* Deploying the project under another name creates separate Durable Objects. They start empty.
* A Cap'n Proto deployment's Durable Object `uniqueKey`s and every Workflow namespace key are
* used as written.
*
* An instance reads the catalog only at startup. Restart it to serve a published catalog
* revision. `workerd deploy` checks a deployment against the catalog's other deployments. It
* does not read any instance config.
*
* A deployment has the authority granted by each instance's config. Its services can reach the
* instance's network, container engine, and named services. Anyone who can publish deployments
* can run code with that authority on every instance. Restricting a writer to the deployment area
* of the bucket does not reduce that authority.
*
*/
export declare class ClusterConfig extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultUnsafePublicAddress: DataView<ArrayBufferLike>;
    defaultStopTimeoutMs: DataView<ArrayBufferLike>;
    defaultUnsafeTimeDivisor: DataView<ArrayBufferLike>;
  };
  /**
* The bucket that holds the cluster's shared state: `s3://bucket/prefix` for S3 or an
* S3-compatible store (R2, MinIO), or `gs://bucket/prefix` for Google Cloud Storage.
*
* A `gs://` bucket is reached through Cloud Storage's XML API, whose writes are conditional on
* object generations. Its access tokens come from the service account key that
* `GOOGLE_APPLICATION_CREDENTIALS` names (a credentials file of another type is an error); else
* from the metadata server of the Compute Engine VM or GKE pod the instance runs on, which under
* GKE Workload Identity answers the token of the pod's Kubernetes service account.
* `GCE_METADATA_HOST` names another metadata server; an IPv6-only VM, which cannot reach
* 169.254.169.254, needs it set to `[fd20:ce::254]`.
* A first token, from any source, is retried, as a new GKE pod's metadata server may refuse
* requests at first: attempts start for up to 30 s and each has 10 s, so the wait can reach
* about 40 s. But when nothing suggests the instance runs on Google Cloud (none of
* `GCE_METADATA_HOST`, `KUBERNETES_SERVICE_HOST`, Cloud Run's `K_SERVICE` and `CLOUD_RUN_JOB`,
* Cloud Run functions' `FUNCTION_TARGET` and `FUNCTION_NAME`, or App Engine's `GAE_ENV` and
* `GAE_SERVICE` is set, and the machine's DMI product name is not Google's), a metadata server
* that refuses the connection, or does not connect within a second, fails it at once, with an
* error that says how to provide credentials. On a Kubernetes cluster outside Google Cloud
* whose network drops packets to 169.254.169.254, that error comes only after the 40 s. At the
* default address, an answer without the `Metadata-Flavor: Google` header of Google's metadata
* server, on Google Cloud or off it, fails it at once too, unless its status is 429 or 5xx; a
* metadata server `GCE_METADATA_HOST` names, such as a proxy or an emulator, need not send the
* header. The identity needs to read, write, list and delete the bucket's objects, as
* `roles/storage.objectUser` grants: replacing an object requires permission to delete it.
* Without Workload Identity, a GCE VM or GKE node's default access scopes are often read-only
* for storage, which shows up as a 403 when the instance starts.
* For tests, `STORAGE_EMULATOR_HOST` (`host:port` or a URL) sends the requests to an emulator
* instead, without a token unless `GOOGLE_APPLICATION_CREDENTIALS` or `GCE_METADATA_HOST` is
* set.
*
*/
  get bucket(): string;
  set bucket(value: string);
  _adoptBucketOptions(value: $.Orphan<$.List<string>>): void;
  _disownBucketOptions(): $.Orphan<$.List<string>>;
  /**
* `key=value` settings for an `s3://` bucket: `aws_endpoint=https://...`, `aws_region=auto`,
* `aws_access_key_id=...`, `aws_secret_access_key=...`, and `aws_token=...`. In place of the
* last three, `aws_credentials_file=<path>` names a file of `AWS_ACCESS_KEY_ID=`,
* `AWS_SECRET_ACCESS_KEY=` and `AWS_SESSION_TOKEN=` lines, reread whenever it changes, so
* short-lived credentials rotate without a restart. Replace it by rename, not in place. Each
* setting not given falls back to an environment variable: `AWS_ENDPOINT_URL`, `AWS_REGION`,
* `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_CREDENTIALS_FILE`.
*
* A `gs://` bucket takes no settings: any setting is an error that stops the instance, as
* `workerd deploy --endpoint` or `--region` is for the command. The `AWS_*` environment
* variables do not apply to it.
*
* For either scheme, an entry without `=` is ignored.
*
*/
  get bucketOptions(): $.List<string>;
  _hasBucketOptions(): boolean;
  _initBucketOptions(length: number): $.List<string>;
  set bucketOptions(value: $.List<string>);
  /**
* Where this instance listens for other instances: `host:port`, a port of 0 for an ephemeral
* one. Overridden by `--cluster-addr`. Holders of `key` get full access to every service in the
* process through it, and its traffic is not encrypted: only the cluster's instances should
* reach it, on a private network (a VPC, WireGuard, Tailscale). A public IP is refused unless
* `unsafePublicAddress` is set; a wildcard (`0.0.0.0`) listens on every interface, so firewall
* the port.
*
*/
  get address(): string;
  set address(value: string);
  /**
* The address other instances reach this one at, which goes in its lease record in the bucket.
* Optional: by default, the address bound, with the port it got. Required when that is a
* wildcard (`0.0.0.0:7000`) or not what peers can reach (NAT, a container). A port of 0 is the
* port bound. Overridden by `--cluster-advertise`. A public IP is refused unless
* `unsafePublicAddress` is set.
*
*/
  get advertise(): string;
  set advertise(value: string);
  /**
* A secret known only to members of the cluster, at least 32 bytes: random, such as the output
* of `openssl rand -hex 32`. Each connection between instances opens with
* a MAC keyed by it, over the target, a timestamp and a nonce, so a header seen on the wire
* cannot be replayed; the instances' clocks must agree within 30 seconds. It also keys channel
* tokens, which pass service and Durable Object stubs over RPC. Traffic is not encrypted: run
* the cluster on a private network (a VPC, WireGuard, Tailscale).
*
* TODO(someday): Support some way to gradually roll out a rotated key.
*
*/
  get key(): string;
  set key(value: string);
  /**
* Allow a public IP as `address` or `advertise`. Refused by default, since traffic between
* instances is not encrypted. Private, loopback, link-local and shared (100.64.0.0/10, as
* Tailscale uses) addresses, wildcards and hostnames are allowed.
*
*/
  get unsafePublicAddress(): boolean;
  set unsafePublicAddress(value: boolean);
  /**
* How long an instance takes to stop, from SIGTERM to exit. Rather than leave its Durable Objects
* to wait for its lease to expire, a stopping instance hands them to its peers, busiest first,
* while it keeps serving the rest: each object takes no new requests but those that the work of
* an object being handed off makes, here or on a peer, directly or through other Durable Objects,
* its requests in flight finish, and it is released for the next request anywhere to claim.
* Requests that arrive meanwhile, other Durable Objects' calls included, wait for the object and
* then go where it runs next. While a Durable Object serves a call of a handoff's work, all the
* calls it makes count as that work. Then the instance leaves the cluster, keeps accepting
* requests until at least five seconds after SIGTERM (or until the handoff deadline, if that comes
* sooner), as load balancers take a while to stop sending them, lets its connections finish, and
* stops its containers' Docker containers.
*
* The time is spent in order: until half of it, requests in flight on an object being handed off
* may finish, and are then cancelled, failing as requests that may have run, which are not sent
* again; at three quarters, the handoff ends, and an object not yet released is stopped if it
* still runs, and taken over by a peer once the instance has left; at nine tenths, the instance
* stops waiting for its connections, whose requests end as it exits; the rest is for the
* containers. A call that reaches an object being handed off through a stateless worker, rather
* than from a Durable Object, waits like any other request, so a call from the object back to
* itself that way ends only with the requests in flight. Stopping an object's Docker container
* takes one of the few handoffs that run at once.
*
* The default fits within the 10 seconds that `docker stop` and Docker Compose give a container,
* and the 30 seconds that Kubernetes gives a pod (`terminationGracePeriodSeconds`). Raising this,
* raise the supervisor's grace period too (`docker stop -t`, `stop_grace_period`,
* `terminationGracePeriodSeconds`); below about 6700 the five seconds of accepting are cut
* short. An instance with very many objects may not stop them all by 33/40 of the timeout: it
* then stays a member, and its peers take over every object it did not hand off once its lease
* expires, after it exited, as they do when the supervisor kills it first.
*
* A `fetch()` to an object that moves is sent on transparently. A JS RPC call that a peer sent
* through a stub to the stopping instance may fail once, as retryable; the stub's next call finds
* the object. WebSockets an object here accepted close as it is handed off. An alarm that comes
* due on a stopping instance runs where its object goes: when a request claims the object there,
* or else once a peer adopts the alarms of the instance that left, within five seconds of its
* leaving, so up to one stop and five seconds late; for an instance that stays a member with
* objects still running, once its lease expires, up to 20 seconds later still.
*
* `GET /ready` on the cluster port answers 200 while the instance serves, holds its lease and is
* not stopping, and 503 otherwise: a readiness probe for a rolling restart.
*
*/
  get stopTimeoutMs(): number;
  set stopTimeoutMs(value: number);
  /**
* For tests: divides by this the times that a takeover and a stop wait out, which tests would
* otherwise spend most of their time on. These are the 20-second lease, with the rounds that
* renew it and the bounds on them, the five seconds between rounds that adopt dead instances'
* alarms, and the five seconds a stopping instance accepts requests for at least.
* `stopTimeoutMs` is not divided. A divisor of 0, or one that rounds a time down to 0 (above
* 1000), fails the config. Bucket requests that stall past the shortened bounds fence the
* instance, so leave this at 1 outside tests.
*
*/
  get unsafeTimeDivisor(): number;
  set unsafeTimeDivisor(value: number);
  toString(): string;
}
export declare class LoggingOptions extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultStructuredLogging: DataView<ArrayBufferLike>;
  };
  /**
* Override of top-level structured logging (only when true).
* If true, logs will be emitted as JSON for structured logging.
* When false, logs use the traditional human-readable format.
* This affects the format of logs from KJ_LOG and exception reporting as well as js logs.
* This won't work for logs coming from service worker syntax workers with the old module registry.
*
*/
  get structuredLogging(): boolean;
  set structuredLogging(value: boolean);
  /**
* Set a custom prefix for process.stdout. Defaults to "stdout: ".
*
*/
  get stdoutPrefix(): string;
  set stdoutPrefix(value: string);
  /**
* Set a custom prefix for process.stderr. Defaults to "stderr: ".
*
*/
  get stderrPrefix(): string;
  set stderrPrefix(value: string);
  toString(): string;
}
export declare const Socket_TcpTlsMode: {
  /**
* Perform the TLS handshake as soon as a connection is accepted. The `connect()` handler sees
* only the decrypted stream, and its socket does not support `startTls()`.
*
*/
  readonly IMPLICIT: 0;
  /**
* Accept connections in plaintext. The `connect()` handler's socket has secureTransport set to
* "starttls" and the handler performs the TLS handshake as the server by calling `startTls()` at
* the point in its protocol where the upgrade belongs.
*
*/
  readonly START_TLS: 1;
};
export type Socket_TcpTlsMode = (typeof Socket_TcpTlsMode)[keyof typeof Socket_TcpTlsMode];
export declare class Socket_Https extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  _adoptOptions(value: $.Orphan<HttpOptions>): void;
  _disownOptions(): $.Orphan<HttpOptions>;
  get options(): HttpOptions;
  _hasOptions(): boolean;
  _initOptions(): HttpOptions;
  set options(value: HttpOptions);
  _adoptTlsOptions(value: $.Orphan<TlsOptions>): void;
  _disownTlsOptions(): $.Orphan<TlsOptions>;
  get tlsOptions(): TlsOptions;
  _hasTlsOptions(): boolean;
  _initTlsOptions(): TlsOptions;
  set tlsOptions(value: TlsOptions);
  toString(): string;
}
export declare class Socket_Tcp extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultTlsMode: DataView<ArrayBufferLike>;
  };
  _adoptTlsOptions(value: $.Orphan<TlsOptions>): void;
  _disownTlsOptions(): $.Orphan<TlsOptions>;
  get tlsOptions(): TlsOptions;
  _hasTlsOptions(): boolean;
  _initTlsOptions(): TlsOptions;
  set tlsOptions(value: TlsOptions);
  /**
* How `tlsOptions` is applied to accepted connections. Ignored if `tlsOptions` is not set.
*
*/
  get tlsMode(): Socket_TcpTlsMode;
  set tlsMode(value: Socket_TcpTlsMode);
  toString(): string;
}
/**
* Listen for UDP datagrams. Bindings to this service will only support the `connect()`
* method, same as `tcp`; `fetch()` will throw an exception. Unlike `tcp`, the delivered
* Socket's `readable`/`writable` are value-mode: each chunk read or written is exactly one
* datagram (see Socket.protocol).
*
* Datagrams from a given peer address/port are grouped into one flow, dispatched to one
* `connect()` call, until no datagram has been seen from that peer for `idleTimeoutMs`.
*
*/
export declare class Socket_Udp extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultIdleTimeoutMs: DataView<ArrayBufferLike>;
    defaultMaxPendingBytes: DataView<ArrayBufferLike>;
  };
  get idleTimeoutMs(): number;
  set idleTimeoutMs(value: number);
  get maxPendingBytes(): number;
  set maxPendingBytes(value: number);
  toString(): string;
}
export declare const Socket_Which: {
  readonly HTTP: 0;
  readonly HTTPS: 1;
  readonly TCP: 2;
  /**
* Listen for UDP datagrams. Bindings to this service will only support the `connect()`
* method, same as `tcp`; `fetch()` will throw an exception. Unlike `tcp`, the delivered
* Socket's `readable`/`writable` are value-mode: each chunk read or written is exactly one
* datagram (see Socket.protocol).
*
* Datagrams from a given peer address/port are grouped into one flow, dispatched to one
* `connect()` call, until no datagram has been seen from that peer for `idleTimeoutMs`.
*
*/
  readonly UDP: 3;
};
export type Socket_Which = (typeof Socket_Which)[keyof typeof Socket_Which];
export declare class Socket extends $.Struct {
  static readonly HTTP: 0;
  static readonly HTTPS: 1;
  static readonly TCP: 2;
  static readonly UDP: 3;
  static readonly TcpTlsMode: {
    /**
  * Perform the TLS handshake as soon as a connection is accepted. The `connect()` handler sees
  * only the decrypted stream, and its socket does not support `startTls()`.
  *
  */
    readonly IMPLICIT: 0;
    /**
  * Accept connections in plaintext. The `connect()` handler's socket has secureTransport set to
  * "starttls" and the handler performs the TLS handshake as the server by calling `startTls()` at
  * the point in its protocol where the upgrade belongs.
  *
  */
    readonly START_TLS: 1;
  };
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Each socket has a unique name which can be used on the command line to override the socket's
* address with `--socket-addr <name>=<addr>` or `--socket-fd <name>=<fd>`.
*
*/
  get name(): string;
  set name(value: string);
  /**
* Address/port on which this socket will listen. Optional; if not specified, then you will be
* required to specify the socket on the command line with with `--socket-addr <name>=<addr>` or
* `--socket-fd <name>=<fd>`.
*
* Examples:
* - "*:80": Listen on port 80 on all local IPv4 and IPv6 interfaces.
* - "1.2.3.4": Listen on the specific IPv4 address on the default port for the protocol.
* - "1.2.3.4:80": Listen on the specific IPv4 address and port.
* - "1234:5678::abcd": Listen on the specific IPv6 address on the default port for the protocol.
* - "[1234:5678::abcd]:80": Listen on the specific IPv6 address and port.
* - "unix:/path/to/socket": Listen on a Unix socket.
* - "unix-abstract:name": On Linux, listen on the given "abstract" Unix socket name.
* - "example.com:80": Perform a DNS lookup to determine the address, and then listen on it. If
*     this resolves to multiple addresses, listen on all of them.
*
* UDP sockets currently bind only the first address when a hostname resolves to multiple
* addresses. Specify a numeric address when selecting the address family matters.
*
* (These are the formats supported by KJ's parseAddress().)
*
*/
  get address(): string;
  set address(value: string);
  _adoptHttp(value: $.Orphan<HttpOptions>): void;
  _disownHttp(): $.Orphan<HttpOptions>;
  get http(): HttpOptions;
  _hasHttp(): boolean;
  _initHttp(): HttpOptions;
  get _isHttp(): boolean;
  set http(value: HttpOptions);
  get https(): Socket_Https;
  _initHttps(): Socket_Https;
  get _isHttps(): boolean;
  set https(_: true);
  get tcp(): Socket_Tcp;
  _initTcp(): Socket_Tcp;
  get _isTcp(): boolean;
  set tcp(_: true);
  /**
* Listen for UDP datagrams. Bindings to this service will only support the `connect()`
* method, same as `tcp`; `fetch()` will throw an exception. Unlike `tcp`, the delivered
* Socket's `readable`/`writable` are value-mode: each chunk read or written is exactly one
* datagram (see Socket.protocol).
*
* Datagrams from a given peer address/port are grouped into one flow, dispatched to one
* `connect()` call, until no datagram has been seen from that peer for `idleTimeoutMs`.
*
*/
  get udp(): Socket_Udp;
  _initUdp(): Socket_Udp;
  get _isUdp(): boolean;
  set udp(_: true);
  _adoptService(value: $.Orphan<ServiceDesignator>): void;
  _disownService(): $.Orphan<ServiceDesignator>;
  /**
* Service name which should handle requests on this socket.
*
*/
  get service(): ServiceDesignator;
  _hasService(): boolean;
  _initService(): ServiceDesignator;
  set service(value: ServiceDesignator);
  toString(): string;
  which(): Socket_Which;
}
/**
* Defines a named service. Each server has a list of named services. The names are private,
* used to refer to the services within this same config file.
*
*/
export declare const Service_Which: {
  /**
* (This catches when someone forgets to specify one of the union members. Do not set this.)
*
*/
  readonly UNSPECIFIED: 0;
  /**
* A Worker!
*
*/
  readonly WORKER: 1;
  /**
* A service that implements access to a network. fetch() requests are routed according to
* the URL hostname.
*
*/
  readonly NETWORK: 2;
  /**
* A service that forwards all requests to a specific remote server. Typically used to
* connect to a back-end server on your internal network.
*
*/
  readonly EXTERNAL: 3;
  /**
* An HTTP service backed by a directory on disk, supporting a basic HTTP GET/PUT. Generally
* not intended to be exposed directly to the internet; typically you want to bind this into
* a Worker that adds logic for setting Content-Type and the like.
*
*/
  readonly DISK: 4;
  /**
* A directory in the cluster's bucket, served over HTTP. Requires `Config.cluster`.
*
*/
  readonly BUCKET: 5;
  /**
* A directory of static assets, served as Cloudflare serves a Worker's `assets`.
*
*/
  readonly ASSETS: 6;
};
export type Service_Which = (typeof Service_Which)[keyof typeof Service_Which];
/**
* Defines a named service. Each server has a list of named services. The names are private,
* used to refer to the services within this same config file.
*
*/
export declare class Service extends $.Struct {
  static readonly UNSPECIFIED: 0;
  static readonly WORKER: 1;
  static readonly NETWORK: 2;
  static readonly EXTERNAL: 3;
  static readonly DISK: 4;
  static readonly BUCKET: 5;
  static readonly ASSETS: 6;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Name of the service. Used only to refer to the service from elsewhere in the config file.
* Services are not accessible unless you explicitly configure them to be, such as through a
* `Socket` or through a binding from another Worker.
*
*/
  get name(): string;
  set name(value: string);
  get _isUnspecified(): boolean;
  set unspecified(_: true);
  _adoptWorker(value: $.Orphan<Worker>): void;
  _disownWorker(): $.Orphan<Worker>;
  /**
* A Worker!
*
*/
  get worker(): Worker;
  _hasWorker(): boolean;
  _initWorker(): Worker;
  get _isWorker(): boolean;
  set worker(value: Worker);
  _adoptNetwork(value: $.Orphan<Network>): void;
  _disownNetwork(): $.Orphan<Network>;
  /**
* A service that implements access to a network. fetch() requests are routed according to
* the URL hostname.
*
*/
  get network(): Network;
  _hasNetwork(): boolean;
  _initNetwork(): Network;
  get _isNetwork(): boolean;
  set network(value: Network);
  _adoptExternal(value: $.Orphan<ExternalServer>): void;
  _disownExternal(): $.Orphan<ExternalServer>;
  /**
* A service that forwards all requests to a specific remote server. Typically used to
* connect to a back-end server on your internal network.
*
*/
  get external(): ExternalServer;
  _hasExternal(): boolean;
  _initExternal(): ExternalServer;
  get _isExternal(): boolean;
  set external(value: ExternalServer);
  _adoptDisk(value: $.Orphan<DiskDirectory>): void;
  _disownDisk(): $.Orphan<DiskDirectory>;
  /**
* An HTTP service backed by a directory on disk, supporting a basic HTTP GET/PUT. Generally
* not intended to be exposed directly to the internet; typically you want to bind this into
* a Worker that adds logic for setting Content-Type and the like.
*
*/
  get disk(): DiskDirectory;
  _hasDisk(): boolean;
  _initDisk(): DiskDirectory;
  get _isDisk(): boolean;
  set disk(value: DiskDirectory);
  _adoptBucket(value: $.Orphan<ClusterBucket>): void;
  _disownBucket(): $.Orphan<ClusterBucket>;
  /**
* A directory in the cluster's bucket, served over HTTP. Requires `Config.cluster`.
*
*/
  get bucket(): ClusterBucket;
  _hasBucket(): boolean;
  _initBucket(): ClusterBucket;
  get _isBucket(): boolean;
  set bucket(value: ClusterBucket);
  _adoptAssets(value: $.Orphan<AssetsService>): void;
  _disownAssets(): $.Orphan<AssetsService>;
  /**
* A directory of static assets, served as Cloudflare serves a Worker's `assets`.
*
*/
  get assets(): AssetsService;
  _hasAssets(): boolean;
  _initAssets(): AssetsService;
  get _isAssets(): boolean;
  set assets(value: AssetsService);
  toString(): string;
  which(): Service_Which;
}
/**
* GET, PUT and DELETE on `/<file>` read, write and remove the object
* `<cluster prefix>services/<path>/<file>` in the cluster's bucket (`Config.cluster`), so
* that every instance sees the same files. The cluster keeps its own state outside
* `services/`, where this service cannot reach it. A binding to this service grants only its
* directory, as a writable `disk` does. Experimental: requires `--experimental`.
*
*/
export declare class ClusterBucket extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* The directory below `services/`: one or more `/`-separated names, none `.` or `..`.
*
*/
  get path(): string;
  set path(value: string);
  toString(): string;
}
/**
* Static assets, as Cloudflare serves a Worker's `assets` (wrangler's `assets` config): each
* request goes to the user Worker or to a file of the directory, as `run_worker_first` and the
* files ask. Files are looked up as each request arrives, so a change to the directory is seen
* at once. A directory is never an asset, nor is a file `.assetsignore` ignores, which by
* default are `_headers`, `_redirects` and `.assetsignore` themselves. Experimental: requires
* `--experimental`.
*
* A designator with no entrypoint names the router; one with the entrypoint `AssetWorker`
* serves files only, and is what a Worker's assets binding names.
*
*/
export declare class AssetsService extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* The directory. Relative paths are interpreted relative to the current directory, as a
* `disk` service's are.
*
*/
  get path(): string;
  set path(value: string);
  /**
* JSON, every field optional: `html_handling`, `not_found_handling`, `base_path` and
* `run_worker_first`, as in wrangler's `assets`; `headers`, `redirects` and `ignore`, the text
* of the directory's `_headers`, `_redirects` and `.assetsignore`; `debug`, for Miniflare, which
* logs and removes the header it adds to a navigation that `not_found_handling` answered.
*
*/
  get config(): string;
  set config(value: string);
  _adoptUserWorker(value: $.Orphan<ServiceDesignator>): void;
  _disownUserWorker(): $.Orphan<ServiceDesignator>;
  /**
* The user Worker, if any. Events other than HTTP requests go to it, and its compatibility flags
* select assets behavior, as they do on Cloudflare.
*
*/
  get userWorker(): ServiceDesignator;
  _hasUserWorker(): boolean;
  _initUserWorker(): ServiceDesignator;
  set userWorker(value: ServiceDesignator);
  get compatibilityDate(): string;
  set compatibilityDate(value: string);
  _adoptCompatibilityFlags(value: $.Orphan<$.List<string>>): void;
  _disownCompatibilityFlags(): $.Orphan<$.List<string>>;
  /**
* Without a user Worker, the compatibility date and flags that select assets behavior, compiled
* as a Worker's are.
*
*/
  get compatibilityFlags(): $.List<string>;
  _hasCompatibilityFlags(): boolean;
  _initCompatibilityFlags(length: number): $.List<string>;
  set compatibilityFlags(value: $.List<string>);
  toString(): string;
}
/**
* Value to provide in `ctx.props` in the target worker.
*
*/
export declare const ServiceDesignator_Props_Which: {
  /**
* Empty object. (This is the default.)
*
*/
  readonly EMPTY: 0;
  /**
* A JSON-encoded value.
*
*/
  readonly JSON: 1;
};
export type ServiceDesignator_Props_Which = (typeof ServiceDesignator_Props_Which)[keyof typeof ServiceDesignator_Props_Which];
/**
* Value to provide in `ctx.props` in the target worker.
*
*/
export declare class ServiceDesignator_Props extends $.Struct {
  static readonly EMPTY: 0;
  static readonly JSON: 1;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get _isEmpty(): boolean;
  set empty(_: true);
  /**
* A JSON-encoded value.
*
*/
  get json(): string;
  get _isJson(): boolean;
  set json(value: string);
  toString(): string;
  which(): ServiceDesignator_Props_Which;
}
/**
* A reference to a service from elsewhere in the config file, e.g. from a service binding in a
* Worker.
*
* In the case that only `name` needs to be specified, then you can provide a raw string wherever
* `ServiceDesignator` is needed. Cap'n proto automatically assumes the string is intended to be
* the value for `name`, since that is the first field. In other words, if you would otherwise
* write something like:
*
*     bindings = [(service = (name = "foo"))]
*
* You can write this instead, which is equivalent:
*
*     bindings = [(service = "foo")]
*
*/
export declare class ServiceDesignator extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Name of the service in the Config.services list.
*
*/
  get name(): string;
  set name(value: string);
  /**
* A modules-syntax Worker can export multiple named entrypoints. `export default {` specifies
* the default entrypoint, whereas `export let foo = {` defines an entrypoint named `foo`. If
* `entrypoint` is specified here, it names an alternate entrypoint to use on the target worker,
* otherwise the default is used.
*
*/
  get entrypoint(): string;
  set entrypoint(value: string);
  /**
* Value to provide in `ctx.props` in the target worker.
*
*/
  get props(): ServiceDesignator_Props;
  _initProps(): ServiceDesignator_Props;
  toString(): string;
}
/**
* Minimal definition of a Workflow in the context of building a binding for it in `ctx.exports.*`
*
*/
export declare class WorkflowsEngine_Workflow extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* The name of the class extending `WorkflowEntrypoint`
*
*/
  get className(): string;
  set className(value: string);
  /**
* The name of the workflow
*
*/
  get name(): string;
  set name(value: string);
  _adoptBindingService(value: $.Orphan<ServiceDesignator>): void;
  _disownBindingService(): $.Orphan<ServiceDesignator>;
  /**
* Reference to the service implementing the Workflows public API.
* This is used as the inner fetcher when building the Workflows binding
*
*/
  get bindingService(): ServiceDesignator;
  _hasBindingService(): boolean;
  _initBindingService(): ServiceDesignator;
  set bindingService(value: ServiceDesignator);
  toString(): string;
}
/**
* Defines an engine that allows running Workflows defined on this worker.
* These workflows are exposed through the `ctx.exports.*` mechanism
*
* Each Workflow gets assigned its own ActorNamespace, but all of them use the same underlying ActorClass
* to run the Workflows code.
*
* Additionally, a list of workflows can be given to specify which workflows can run or not,
* i.e., which workflows get a binding built for them.
*
*/
export declare class WorkflowsEngine extends $.Struct {
  static readonly Workflow: typeof WorkflowsEngine_Workflow;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  static _Workflows: $.ListCtor<WorkflowsEngine_Workflow>;
  _adoptActorClass(value: $.Orphan<ServiceDesignator>): void;
  _disownActorClass(): $.Orphan<ServiceDesignator>;
  /**
* The actor class implementing the Workflows engine which all local Workflow-related ActorNamespaces
* use to instantiate actors
*
*/
  get actorClass(): ServiceDesignator;
  _hasActorClass(): boolean;
  _initActorClass(): ServiceDesignator;
  set actorClass(value: ServiceDesignator);
  _adoptWorkflows(value: $.Orphan<$.List<WorkflowsEngine_Workflow>>): void;
  _disownWorkflows(): $.Orphan<$.List<WorkflowsEngine_Workflow>>;
  /**
* List of local workflows that can run for this worker. This controls which workflows get a binding built
* and placed on the `ctx.exports` object
*
*/
  get workflows(): $.List<WorkflowsEngine_Workflow>;
  _hasWorkflows(): boolean;
  _initWorkflows(length: number): $.List<WorkflowsEngine_Workflow>;
  set workflows(value: $.List<WorkflowsEngine_Workflow>);
  toString(): string;
}
export declare const Worker_Module_Which: {
  /**
* An ES module file with imports and exports.
*
* As with `serviceWorkerScript`, above, the value is the raw source code.
*
*/
  readonly ES_MODULE: 0;
  /**
* A common JS module, using require().
*
*/
  readonly COMMON_JS_MODULE: 1;
  /**
* A raw text blob. Importing this will produce a string with the value.
*
*/
  readonly TEXT: 2;
  /**
* A raw data blob. Importing this will produce an ArrayBuffer with the value.
*
*/
  readonly DATA: 3;
  /**
* A Wasm module. The value is a compiled binary Wasm module file. Importing this will produce
* a `WebAssembly.Module` object, which you can then instantiate.
*
*/
  readonly WASM: 4;
  /**
* Importing this will produce the result of parsing the given text as JSON.
*
*/
  readonly JSON: 5;
  /**
* This position used to be the nodeJsCompatModule type that has now been
* obsoleted.
*
*/
  readonly OBSOLETE: 6;
  /**
* A Python module. All bundles containing this value type are converted into a JS/WASM Worker
* Bundle prior to execution.
*
*/
  readonly PYTHON_MODULE: 7;
  /**
* This position used to be the pythonRequirement type that has now been deprecated.
*
*/
  readonly OBSOLETE_PYTHON_REQUIREMENT: 8;
  /**
* An ES module whose source is bundled with workerd, by name: `/workerd/kv.js`, the KV
* Worker, `/workerd/cron.js`, cron triggers, `/workerd/queues.js`, the Queues Worker,
* `/workerd/workflows.js`, a Workflows engine, or `/workerd/d1.js`, D1 databases (see each
* one's header for the config it takes). Unlike built-in modules such as `node:` ones, user
* code cannot import it; it is a Worker's source. Experimental.
*
*/
  readonly BUNDLED: 9;
};
export type Worker_Module_Which = (typeof Worker_Module_Which)[keyof typeof Worker_Module_Which];
export declare class Worker_Module extends $.Struct {
  static readonly ES_MODULE: 0;
  static readonly COMMON_JS_MODULE: 1;
  static readonly TEXT: 2;
  static readonly DATA: 3;
  static readonly WASM: 4;
  static readonly JSON: 5;
  static readonly OBSOLETE: 6;
  static readonly PYTHON_MODULE: 7;
  static readonly OBSOLETE_PYTHON_REQUIREMENT: 8;
  static readonly BUNDLED: 9;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Name (or path) used to import the module.
*
*/
  get name(): string;
  set name(value: string);
  /**
* An ES module file with imports and exports.
*
* As with `serviceWorkerScript`, above, the value is the raw source code.
*
*/
  get esModule(): string;
  get _isEsModule(): boolean;
  set esModule(value: string);
  /**
* A common JS module, using require().
*
*/
  get commonJsModule(): string;
  get _isCommonJsModule(): boolean;
  set commonJsModule(value: string);
  /**
* A raw text blob. Importing this will produce a string with the value.
*
*/
  get text(): string;
  get _isText(): boolean;
  set text(value: string);
  _adoptData(value: $.Orphan<$.Data>): void;
  _disownData(): $.Orphan<$.Data>;
  /**
* A raw data blob. Importing this will produce an ArrayBuffer with the value.
*
*/
  get data(): $.Data;
  _hasData(): boolean;
  _initData(length: number): $.Data;
  get _isData(): boolean;
  set data(value: $.Data);
  _adoptWasm(value: $.Orphan<$.Data>): void;
  _disownWasm(): $.Orphan<$.Data>;
  /**
* A Wasm module. The value is a compiled binary Wasm module file. Importing this will produce
* a `WebAssembly.Module` object, which you can then instantiate.
*
*/
  get wasm(): $.Data;
  _hasWasm(): boolean;
  _initWasm(length: number): $.Data;
  get _isWasm(): boolean;
  set wasm(value: $.Data);
  /**
* Importing this will produce the result of parsing the given text as JSON.
*
*/
  get json(): string;
  get _isJson(): boolean;
  set json(value: string);
  /**
* This position used to be the nodeJsCompatModule type that has now been
* obsoleted.
*
*/
  get obsolete(): string;
  get _isObsolete(): boolean;
  set obsolete(value: string);
  /**
* A Python module. All bundles containing this value type are converted into a JS/WASM Worker
* Bundle prior to execution.
*
*/
  get pythonModule(): string;
  get _isPythonModule(): boolean;
  set pythonModule(value: string);
  /**
* This position used to be the pythonRequirement type that has now been deprecated.
*
*/
  get obsoletePythonRequirement(): string;
  get _isObsoletePythonRequirement(): boolean;
  set obsoletePythonRequirement(value: string);
  /**
* An ES module whose source is bundled with workerd, by name: `/workerd/kv.js`, the KV
* Worker, `/workerd/cron.js`, cron triggers, `/workerd/queues.js`, the Queues Worker,
* `/workerd/workflows.js`, a Workflows engine, or `/workerd/d1.js`, D1 databases (see each
* one's header for the config it takes). Unlike built-in modules such as `node:` ones, user
* code cannot import it; it is a Worker's source. Experimental.
*
*/
  get bundled(): string;
  get _isBundled(): boolean;
  set bundled(value: string);
  _adoptNamedExports(value: $.Orphan<$.List<string>>): void;
  _disownNamedExports(): $.Orphan<$.List<string>>;
  /**
* For commonJsModule modules, this is a list of named exports that the
* module expects to be exported once the evaluation is complete.
*
* (`commonJsModule` should have been a group containing the body and `namedExports`, but it's
* too late to change now.)
*
*/
  get namedExports(): $.List<string>;
  _hasNamedExports(): boolean;
  _initNamedExports(length: number): $.List<string>;
  set namedExports(value: $.List<string>);
  toString(): string;
  which(): Worker_Module_Which;
}
/**
* Specifies the type of a parameter binding.
*
*/
export declare const Worker_Binding_Type_Which: {
  /**
* (This catches when someone forgets to specify one of the union members. Do not set this.)
*
*/
  readonly UNSPECIFIED: 0;
  readonly TEXT: 1;
  readonly DATA: 2;
  readonly JSON: 3;
  readonly WASM: 4;
  readonly CRYPTO_KEY: 5;
  readonly SERVICE: 6;
  readonly DURABLE_OBJECT_NAMESPACE: 7;
  readonly KV_NAMESPACE: 8;
  readonly R2BUCKET: 9;
  readonly OBSOLETE0: 10;
  readonly QUEUE: 11;
  readonly ANALYTICS_ENGINE: 12;
  readonly HYPERDRIVE: 13;
  readonly DURABLE_OBJECT_CLASS: 14;
  readonly WORKERD_DEBUG_PORT: 15;
};
export type Worker_Binding_Type_Which = (typeof Worker_Binding_Type_Which)[keyof typeof Worker_Binding_Type_Which];
/**
* Specifies the type of a parameter binding.
*
*/
export declare class Worker_Binding_Type extends $.Struct {
  static readonly UNSPECIFIED: 0;
  static readonly TEXT: 1;
  static readonly DATA: 2;
  static readonly JSON: 3;
  static readonly WASM: 4;
  static readonly CRYPTO_KEY: 5;
  static readonly SERVICE: 6;
  static readonly DURABLE_OBJECT_NAMESPACE: 7;
  static readonly KV_NAMESPACE: 8;
  static readonly R2BUCKET: 9;
  static readonly OBSOLETE0: 10;
  static readonly QUEUE: 11;
  static readonly ANALYTICS_ENGINE: 12;
  static readonly HYPERDRIVE: 13;
  static readonly DURABLE_OBJECT_CLASS: 14;
  static readonly WORKERD_DEBUG_PORT: 15;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get _isUnspecified(): boolean;
  set unspecified(_: true);
  get _isText(): boolean;
  set text(_: true);
  get _isData(): boolean;
  set data(_: true);
  get _isJson(): boolean;
  set json(_: true);
  get _isWasm(): boolean;
  set wasm(_: true);
  _adoptCryptoKey(value: $.Orphan<$.List<Worker_Binding_CryptoKey_Usage>>): void;
  _disownCryptoKey(): $.Orphan<$.List<Worker_Binding_CryptoKey_Usage>>;
  get cryptoKey(): $.List<Worker_Binding_CryptoKey_Usage>;
  _hasCryptoKey(): boolean;
  _initCryptoKey(length: number): $.List<Worker_Binding_CryptoKey_Usage>;
  get _isCryptoKey(): boolean;
  set cryptoKey(value: $.List<Worker_Binding_CryptoKey_Usage>);
  get _isService(): boolean;
  set service(_: true);
  get _isDurableObjectNamespace(): boolean;
  set durableObjectNamespace(_: true);
  get _isKvNamespace(): boolean;
  set kvNamespace(_: true);
  get _isR2Bucket(): boolean;
  set r2Bucket(_: true);
  get _isObsolete0(): boolean;
  set obsolete0(_: true);
  get _isQueue(): boolean;
  set queue(_: true);
  get _isAnalyticsEngine(): boolean;
  set analyticsEngine(_: true);
  get _isHyperdrive(): boolean;
  set hyperdrive(_: true);
  get _isDurableObjectClass(): boolean;
  set durableObjectClass(_: true);
  get _isWorkerdDebugPort(): boolean;
  set workerdDebugPort(_: true);
  toString(): string;
  which(): Worker_Binding_Type_Which;
}
/**
* The type of a Durable Object namespace binding.
*
*/
export declare class Worker_Binding_DurableObjectNamespaceDesignator extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Exported class name that implements the Durable Object.
*
*/
  get className(): string;
  set className(value: string);
  /**
* The service name of the worker that defines this class. If omitted, the current worker
* is assumed.
*
* Use of this field is discouraged. Instead, when accessing a different Worker's Durable
* Objects, specify a `service` binding to that worker, and have the worker implement an
* appropriate API.
*
* (This is intentionally not a ServiceDesignator because you cannot choose an alternate
* entrypoint here; the class name IS the entrypoint.)
*
*/
  get serviceName(): string;
  set serviceName(value: string);
  _adoptObsolete2(value: $.Orphan<$.Pointer>): void;
  _disownObsolete2(): $.Orphan<$.Pointer>;
  get obsolete2(): $.Pointer;
  _hasObsolete2(): boolean;
  set obsolete2(value: $.Pointer);
  toString(): string;
}
export declare const Worker_Binding_CryptoKey_Usage: {
  readonly ENCRYPT: 0;
  readonly DECRYPT: 1;
  readonly SIGN: 2;
  readonly VERIFY: 3;
  readonly DERIVE_KEY: 4;
  readonly DERIVE_BITS: 5;
  readonly WRAP_KEY: 6;
  readonly UNWRAP_KEY: 7;
};
export type Worker_Binding_CryptoKey_Usage = (typeof Worker_Binding_CryptoKey_Usage)[keyof typeof Worker_Binding_CryptoKey_Usage];
/**
* Value for the `algorithm` parameter.
*
*/
export declare const Worker_Binding_CryptoKey_Algorithm_Which: {
  /**
* Just a name, like `AES-GCM`.
*
*/
  readonly NAME: 0;
  /**
* An object, encoded here as JSON.
*
*/
  readonly JSON: 1;
};
export type Worker_Binding_CryptoKey_Algorithm_Which = (typeof Worker_Binding_CryptoKey_Algorithm_Which)[keyof typeof Worker_Binding_CryptoKey_Algorithm_Which];
/**
* Value for the `algorithm` parameter.
*
*/
export declare class Worker_Binding_CryptoKey_Algorithm extends $.Struct {
  static readonly NAME: 0;
  static readonly JSON: 1;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Just a name, like `AES-GCM`.
*
*/
  get name(): string;
  get _isName(): boolean;
  set name(value: string);
  /**
* An object, encoded here as JSON.
*
*/
  get json(): string;
  get _isJson(): boolean;
  set json(value: string);
  toString(): string;
  which(): Worker_Binding_CryptoKey_Algorithm_Which;
}
/**
* Parameters to crypto.subtle.importKey().
*
*/
export declare const Worker_Binding_CryptoKey_Which: {
  readonly RAW: 0;
  readonly HEX: 1;
  /**
* Raw key material, possibly hex or base64-encoded. Use this for symmetric keys.
*
* Hint: `raw` would typically be used with Cap'n Proto's `embed` syntax to embed an
* external binary key file. `hex` or `base64` could do that too but can also be specified
* inline.
*
*/
  readonly BASE64: 2;
  /**
* Private key in PEM-encoded PKCS#8 format.
*
*/
  readonly PKCS8: 3;
  /**
* Public key in PEM-encoded SPKI format.
*
*/
  readonly SPKI: 4;
  /**
* Key in JSON format.
*
*/
  readonly JWK: 5;
};
export type Worker_Binding_CryptoKey_Which = (typeof Worker_Binding_CryptoKey_Which)[keyof typeof Worker_Binding_CryptoKey_Which];
/**
* Parameters to crypto.subtle.importKey().
*
*/
export declare class Worker_Binding_CryptoKey extends $.Struct {
  static readonly RAW: 0;
  static readonly HEX: 1;
  static readonly BASE64: 2;
  static readonly PKCS8: 3;
  static readonly SPKI: 4;
  static readonly JWK: 5;
  static readonly Usage: {
    readonly ENCRYPT: 0;
    readonly DECRYPT: 1;
    readonly SIGN: 2;
    readonly VERIFY: 3;
    readonly DERIVE_KEY: 4;
    readonly DERIVE_BITS: 5;
    readonly WRAP_KEY: 6;
    readonly UNWRAP_KEY: 7;
  };
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultExtractable: DataView<ArrayBufferLike>;
  };
  _adoptRaw(value: $.Orphan<$.Data>): void;
  _disownRaw(): $.Orphan<$.Data>;
  get raw(): $.Data;
  _hasRaw(): boolean;
  _initRaw(length: number): $.Data;
  get _isRaw(): boolean;
  set raw(value: $.Data);
  get hex(): string;
  get _isHex(): boolean;
  set hex(value: string);
  /**
* Raw key material, possibly hex or base64-encoded. Use this for symmetric keys.
*
* Hint: `raw` would typically be used with Cap'n Proto's `embed` syntax to embed an
* external binary key file. `hex` or `base64` could do that too but can also be specified
* inline.
*
*/
  get base64(): string;
  get _isBase64(): boolean;
  set base64(value: string);
  /**
* Private key in PEM-encoded PKCS#8 format.
*
*/
  get pkcs8(): string;
  get _isPkcs8(): boolean;
  set pkcs8(value: string);
  /**
* Public key in PEM-encoded SPKI format.
*
*/
  get spki(): string;
  get _isSpki(): boolean;
  set spki(value: string);
  /**
* Key in JSON format.
*
*/
  get jwk(): string;
  get _isJwk(): boolean;
  set jwk(value: string);
  /**
* Value for the `algorithm` parameter.
*
*/
  get algorithm(): Worker_Binding_CryptoKey_Algorithm;
  _initAlgorithm(): Worker_Binding_CryptoKey_Algorithm;
  /**
* Is the Worker allowed to export this key to obtain the underlying key material? Setting
* this false ensures that the key cannot be leaked by errant JavaScript code; the key can
* only be used in WebCrypto operations.
*
*/
  get extractable(): boolean;
  set extractable(value: boolean);
  _adoptUsages(value: $.Orphan<$.List<Worker_Binding_CryptoKey_Usage>>): void;
  _disownUsages(): $.Orphan<$.List<Worker_Binding_CryptoKey_Usage>>;
  /**
* What operations is this key permitted to be used for?
*
*/
  get usages(): $.List<Worker_Binding_CryptoKey_Usage>;
  _hasUsages(): boolean;
  _initUsages(length: number): $.List<Worker_Binding_CryptoKey_Usage>;
  set usages(value: $.List<Worker_Binding_CryptoKey_Usage>);
  toString(): string;
  which(): Worker_Binding_CryptoKey_Which;
}
export declare class Worker_Binding_MemoryCacheLimits extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get maxKeys(): number;
  set maxKeys(value: number);
  get maxValueSize(): number;
  set maxValueSize(value: number);
  get maxTotalValueSize(): bigint;
  set maxTotalValueSize(value: bigint);
  toString(): string;
}
/**
* A binding that wraps a group of (lower-level) bindings in a common API.
*
*/
export declare class Worker_Binding_WrappedBinding extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultEntrypoint: string;
  };
  static _InnerBindings: $.ListCtor<Worker_Binding>;
  /**
* Wrapper module name.
* The module must be an internal one (provided by extension or registered in the c++ code).
* Module will be instantitated during binding initialization phase.
*
*/
  get moduleName(): string;
  set moduleName(value: string);
  /**
* Module needs to export a function with a given name (default export gets "default" name).
* The function needs to accept a single `env` argument - a dictionary with inner bindings.
* Function will be invoked during initialization phase and its return value will be used as
* resulting binding value.
*
*/
  get entrypoint(): string;
  set entrypoint(value: string);
  _adoptInnerBindings(value: $.Orphan<$.List<Worker_Binding>>): void;
  _disownInnerBindings(): $.Orphan<$.List<Worker_Binding>>;
  /**
* Inner bindings that will be created and passed in the env dictionary.
* These bindings shall be used to implement end-user api, and are not available to the
* binding consumers unless "re-exported" in wrapBindings function.
*
*/
  get innerBindings(): $.List<Worker_Binding>;
  _hasInnerBindings(): boolean;
  _initInnerBindings(length: number): $.List<Worker_Binding>;
  set innerBindings(value: $.List<Worker_Binding>);
  toString(): string;
}
/**
* Indicates that the Worker requires a binding of the given type, but it won't be specified
* here. Another Worker can inherit this Worker and fill in this binding.
*
*/
export declare class Worker_Binding_Parameter extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  _adoptType(value: $.Orphan<Worker_Binding_Type>): void;
  _disownType(): $.Orphan<Worker_Binding_Type>;
  /**
* Expected type of this parameter.
*
*/
  get type(): Worker_Binding_Type;
  _hasType(): boolean;
  _initType(): Worker_Binding_Type;
  set type(value: Worker_Binding_Type);
  /**
* If true, this binding is optional. Derived workers need not specify it, in which case
* the binding won't be present in the environment object passed to the worker.
*
* When a Worker has any non-optional parameters that haven't been filled in, then it can
* only be used for inheritance; it cannot be invoked directly.
*
*/
  get optional(): boolean;
  set optional(value: boolean);
  toString(): string;
}
/**
* A binding for Hyperdrive. Allows workers to use Hyperdrive caching & pooling for Postgres
* databases.
*
*/
export declare class Worker_Binding_Hyperdrive extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  _adoptDesignator(value: $.Orphan<ServiceDesignator>): void;
  _disownDesignator(): $.Orphan<ServiceDesignator>;
  get designator(): ServiceDesignator;
  _hasDesignator(): boolean;
  _initDesignator(): ServiceDesignator;
  set designator(value: ServiceDesignator);
  get database(): string;
  set database(value: string);
  get user(): string;
  set user(value: string);
  get password(): string;
  set password(value: string);
  get scheme(): string;
  set scheme(value: string);
  toString(): string;
}
/**
* A binding representing access to an in-memory cache.
*
*/
export declare class Worker_Binding_MemoryCache extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* The identifier associated with this cache. Any number of isolates
* can access the same in-memory cache (within the same process), and
* each worker may use any number of in-memory caches.
*
*/
  get id(): string;
  set id(value: string);
  _adoptLimits(value: $.Orphan<Worker_Binding_MemoryCacheLimits>): void;
  _disownLimits(): $.Orphan<Worker_Binding_MemoryCacheLimits>;
  get limits(): Worker_Binding_MemoryCacheLimits;
  _hasLimits(): boolean;
  _initLimits(): Worker_Binding_MemoryCacheLimits;
  set limits(value: Worker_Binding_MemoryCacheLimits);
  toString(): string;
}
/**
* A binding representing the ability to dynamically load Workers from code presented at
* runtime.
*
* A Worker loader is not just a function that loads a Worker, but also serves as a
* cache of Workers, automatically unloading Workers that are not in use. To that end, each
* Worker must have a name, and if a Worker with that name already exists, it'll be reused.
*
*/
export declare class Worker_Binding_WorkerLoader extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Optional: The identifier associated with this Worker loader. Multiple Workers can bind to
* the same ID in order to access the same loader, so that if they request the same name
* from it, they'll end up sharing the same loaded Worker.
*
* (If omitted, the binding will not share a cache with any other binding.)
*
*/
  get id(): string;
  set id(value: string);
  toString(): string;
}
export declare const Worker_Binding_Which: {
  /**
* (This catches when someone forgets to specify one of the union members. Do not set this.)
*
*/
  readonly UNSPECIFIED: 0;
  /**
* Indicates that the Worker requires a binding of the given type, but it won't be specified
* here. Another Worker can inherit this Worker and fill in this binding.
*
*/
  readonly PARAMETER: 1;
  /**
* A string.
*
*/
  readonly TEXT: 2;
  /**
* An ArrayBuffer.
*
*/
  readonly DATA: 3;
  /**
* A value parsed from JSON.
*
*/
  readonly JSON: 4;
  /**
* A WebAssembly module. The binding will be an instance of `WebAssembly.Module`. Only
* supported when using Service Workers syntax.
*
* DEPRECATED: Please switch to ES modules syntax instead, and embed Wasm modules as modules.
*
*/
  readonly WASM_MODULE: 5;
  /**
* A CryptoKey instance, for use with the WebCrypto API.
*
* Note that by setting `extractable = false`, you can prevent the Worker code from accessing
* or leaking the raw key material; it will only be able to use the key to perform WebCrypto
* operations.
*
*/
  readonly CRYPTO_KEY: 6;
  /**
* Binding to a named service (possibly, a worker).
*
*/
  readonly SERVICE: 7;
  /**
* A Durable Object class binding, without an actual storage namespace. This can be used to
* implement a facet.
*
*/
  readonly DURABLE_OBJECT_CLASS: 19;
  /**
* Binding to the durable object namespace implemented by the given class.
*
* In the common case that this refers to a class in the same Worker, you can specify just
* a string, like:
*
*     durableObjectNamespace = "MyClass"
*
*/
  readonly DURABLE_OBJECT_NAMESPACE: 8;
  /**
* A KV namespace, implemented by the named service. The Worker sees a KvNamespace-typed
* binding. Requests to the namespace will be converted into HTTP requests targeting the
* given service name.
*
*/
  readonly KV_NAMESPACE: 9;
  /**
* R2 bucket binding. Similar to KV namespaces, this turns operations into HTTP requests aimed
* at the named service.
*
*/
  readonly R2BUCKET: 10;
  readonly OBSOLETE0: 11;
  /**
* Wraps a collection of inner bindings in a common api functionality.
*
*/
  readonly WRAPPED: 12;
  /**
* A Queue binding, implemented by the named service. Requests to the
* namespace will be converted into HTTP requests targeting the given
* service name.
*
*/
  readonly QUEUE: 13;
  /**
* Takes the value of an environment variable from the system. The value specified here is
* the name of a system environment variable. The value of the binding is obtained by invoking
* `getenv()` with that name. If the environment variable isn't set, the binding value is
* `null`. A deployment in a cluster's bucket cannot have this binding. See `ClusterConfig`.
*
*/
  readonly FROM_ENVIRONMENT: 14;
  /**
* A binding for Analytics Engine. Allows workers to store information through Analytics Engine Events.
* workerd will forward AnalyticsEngineEvents to designated service in the body of HTTP requests
* This binding is subject to change and requires the `--experimental` flag
*
*/
  readonly ANALYTICS_ENGINE: 15;
  /**
* A binding for Hyperdrive. Allows workers to use Hyperdrive caching & pooling for Postgres
* databases.
*
*/
  readonly HYPERDRIVE: 16;
  /**
* A simple binding that enables access to the UnsafeEval API.
*
*/
  readonly UNSAFE_EVAL: 17;
  /**
* A binding representing access to an in-memory cache.
*
*/
  readonly MEMORY_CACHE: 18;
  /**
* A binding representing the ability to dynamically load Workers from code presented at
* runtime.
*
* A Worker loader is not just a function that loads a Worker, but also serves as a
* cache of Workers, automatically unloading Workers that are not in use. To that end, each
* Worker must have a name, and if a Worker with that name already exists, it'll be reused.
*
*/
  readonly WORKER_LOADER: 20;
  /**
* A binding that provides a connect() method to dynamically connect to any workerd
* instance's debug port. This allows dynamic access to worker entrypoints via the
* WorkerdDebugPort RPC interface.
*
* Usage: const client = await env.DEBUG_PORT.connect("localhost:1234");
*        const fetcher = await client.getEntrypoint("service", "entrypoint");
*
* This is a workerd-only API intended for local development and testing.
*
*/
  readonly WORKERD_DEBUG_PORT: 21;
};
export type Worker_Binding_Which = (typeof Worker_Binding_Which)[keyof typeof Worker_Binding_Which];
export declare class Worker_Binding extends $.Struct {
  static readonly UNSPECIFIED: 0;
  static readonly PARAMETER: 1;
  static readonly TEXT: 2;
  static readonly DATA: 3;
  static readonly JSON: 4;
  static readonly WASM_MODULE: 5;
  static readonly CRYPTO_KEY: 6;
  static readonly SERVICE: 7;
  static readonly DURABLE_OBJECT_CLASS: 19;
  static readonly DURABLE_OBJECT_NAMESPACE: 8;
  static readonly KV_NAMESPACE: 9;
  static readonly R2BUCKET: 10;
  static readonly OBSOLETE0: 11;
  static readonly WRAPPED: 12;
  static readonly QUEUE: 13;
  static readonly FROM_ENVIRONMENT: 14;
  static readonly ANALYTICS_ENGINE: 15;
  static readonly HYPERDRIVE: 16;
  static readonly UNSAFE_EVAL: 17;
  static readonly MEMORY_CACHE: 18;
  static readonly WORKER_LOADER: 20;
  static readonly WORKERD_DEBUG_PORT: 21;
  static readonly Type: typeof Worker_Binding_Type;
  static readonly DurableObjectNamespaceDesignator: typeof Worker_Binding_DurableObjectNamespaceDesignator;
  static readonly CryptoKey: typeof Worker_Binding_CryptoKey;
  static readonly MemoryCacheLimits: typeof Worker_Binding_MemoryCacheLimits;
  static readonly WrappedBinding: typeof Worker_Binding_WrappedBinding;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get name(): string;
  set name(value: string);
  get _isUnspecified(): boolean;
  set unspecified(_: true);
  /**
* Indicates that the Worker requires a binding of the given type, but it won't be specified
* here. Another Worker can inherit this Worker and fill in this binding.
*
*/
  get parameter(): Worker_Binding_Parameter;
  _initParameter(): Worker_Binding_Parameter;
  get _isParameter(): boolean;
  set parameter(_: true);
  /**
* A string.
*
*/
  get text(): string;
  get _isText(): boolean;
  set text(value: string);
  _adoptData(value: $.Orphan<$.Data>): void;
  _disownData(): $.Orphan<$.Data>;
  /**
* An ArrayBuffer.
*
*/
  get data(): $.Data;
  _hasData(): boolean;
  _initData(length: number): $.Data;
  get _isData(): boolean;
  set data(value: $.Data);
  /**
* A value parsed from JSON.
*
*/
  get json(): string;
  get _isJson(): boolean;
  set json(value: string);
  _adoptWasmModule(value: $.Orphan<$.Data>): void;
  _disownWasmModule(): $.Orphan<$.Data>;
  /**
* A WebAssembly module. The binding will be an instance of `WebAssembly.Module`. Only
* supported when using Service Workers syntax.
*
* DEPRECATED: Please switch to ES modules syntax instead, and embed Wasm modules as modules.
*
*/
  get wasmModule(): $.Data;
  _hasWasmModule(): boolean;
  _initWasmModule(length: number): $.Data;
  get _isWasmModule(): boolean;
  set wasmModule(value: $.Data);
  _adoptCryptoKey(value: $.Orphan<Worker_Binding_CryptoKey>): void;
  _disownCryptoKey(): $.Orphan<Worker_Binding_CryptoKey>;
  /**
* A CryptoKey instance, for use with the WebCrypto API.
*
* Note that by setting `extractable = false`, you can prevent the Worker code from accessing
* or leaking the raw key material; it will only be able to use the key to perform WebCrypto
* operations.
*
*/
  get cryptoKey(): Worker_Binding_CryptoKey;
  _hasCryptoKey(): boolean;
  _initCryptoKey(): Worker_Binding_CryptoKey;
  get _isCryptoKey(): boolean;
  set cryptoKey(value: Worker_Binding_CryptoKey);
  _adoptService(value: $.Orphan<ServiceDesignator>): void;
  _disownService(): $.Orphan<ServiceDesignator>;
  /**
* Binding to a named service (possibly, a worker).
*
*/
  get service(): ServiceDesignator;
  _hasService(): boolean;
  _initService(): ServiceDesignator;
  get _isService(): boolean;
  set service(value: ServiceDesignator);
  _adoptDurableObjectClass(value: $.Orphan<ServiceDesignator>): void;
  _disownDurableObjectClass(): $.Orphan<ServiceDesignator>;
  /**
* A Durable Object class binding, without an actual storage namespace. This can be used to
* implement a facet.
*
*/
  get durableObjectClass(): ServiceDesignator;
  _hasDurableObjectClass(): boolean;
  _initDurableObjectClass(): ServiceDesignator;
  get _isDurableObjectClass(): boolean;
  set durableObjectClass(value: ServiceDesignator);
  _adoptDurableObjectNamespace(value: $.Orphan<Worker_Binding_DurableObjectNamespaceDesignator>): void;
  _disownDurableObjectNamespace(): $.Orphan<Worker_Binding_DurableObjectNamespaceDesignator>;
  /**
* Binding to the durable object namespace implemented by the given class.
*
* In the common case that this refers to a class in the same Worker, you can specify just
* a string, like:
*
*     durableObjectNamespace = "MyClass"
*
*/
  get durableObjectNamespace(): Worker_Binding_DurableObjectNamespaceDesignator;
  _hasDurableObjectNamespace(): boolean;
  _initDurableObjectNamespace(): Worker_Binding_DurableObjectNamespaceDesignator;
  get _isDurableObjectNamespace(): boolean;
  set durableObjectNamespace(value: Worker_Binding_DurableObjectNamespaceDesignator);
  _adoptKvNamespace(value: $.Orphan<ServiceDesignator>): void;
  _disownKvNamespace(): $.Orphan<ServiceDesignator>;
  /**
* A KV namespace, implemented by the named service. The Worker sees a KvNamespace-typed
* binding. Requests to the namespace will be converted into HTTP requests targeting the
* given service name.
*
*/
  get kvNamespace(): ServiceDesignator;
  _hasKvNamespace(): boolean;
  _initKvNamespace(): ServiceDesignator;
  get _isKvNamespace(): boolean;
  set kvNamespace(value: ServiceDesignator);
  _adoptR2Bucket(value: $.Orphan<ServiceDesignator>): void;
  _disownR2Bucket(): $.Orphan<ServiceDesignator>;
  /**
* R2 bucket binding. Similar to KV namespaces, this turns operations into HTTP requests aimed
* at the named service.
*
*/
  get r2Bucket(): ServiceDesignator;
  _hasR2Bucket(): boolean;
  _initR2Bucket(): ServiceDesignator;
  get _isR2Bucket(): boolean;
  set r2Bucket(value: ServiceDesignator);
  _adoptObsolete0(value: $.Orphan<ServiceDesignator>): void;
  _disownObsolete0(): $.Orphan<ServiceDesignator>;
  get obsolete0(): ServiceDesignator;
  _hasObsolete0(): boolean;
  _initObsolete0(): ServiceDesignator;
  get _isObsolete0(): boolean;
  set obsolete0(value: ServiceDesignator);
  _adoptWrapped(value: $.Orphan<Worker_Binding_WrappedBinding>): void;
  _disownWrapped(): $.Orphan<Worker_Binding_WrappedBinding>;
  /**
* Wraps a collection of inner bindings in a common api functionality.
*
*/
  get wrapped(): Worker_Binding_WrappedBinding;
  _hasWrapped(): boolean;
  _initWrapped(): Worker_Binding_WrappedBinding;
  get _isWrapped(): boolean;
  set wrapped(value: Worker_Binding_WrappedBinding);
  _adoptQueue(value: $.Orphan<ServiceDesignator>): void;
  _disownQueue(): $.Orphan<ServiceDesignator>;
  /**
* A Queue binding, implemented by the named service. Requests to the
* namespace will be converted into HTTP requests targeting the given
* service name.
*
*/
  get queue(): ServiceDesignator;
  _hasQueue(): boolean;
  _initQueue(): ServiceDesignator;
  get _isQueue(): boolean;
  set queue(value: ServiceDesignator);
  /**
* Takes the value of an environment variable from the system. The value specified here is
* the name of a system environment variable. The value of the binding is obtained by invoking
* `getenv()` with that name. If the environment variable isn't set, the binding value is
* `null`. A deployment in a cluster's bucket cannot have this binding. See `ClusterConfig`.
*
*/
  get fromEnvironment(): string;
  get _isFromEnvironment(): boolean;
  set fromEnvironment(value: string);
  _adoptAnalyticsEngine(value: $.Orphan<ServiceDesignator>): void;
  _disownAnalyticsEngine(): $.Orphan<ServiceDesignator>;
  /**
* A binding for Analytics Engine. Allows workers to store information through Analytics Engine Events.
* workerd will forward AnalyticsEngineEvents to designated service in the body of HTTP requests
* This binding is subject to change and requires the `--experimental` flag
*
*/
  get analyticsEngine(): ServiceDesignator;
  _hasAnalyticsEngine(): boolean;
  _initAnalyticsEngine(): ServiceDesignator;
  get _isAnalyticsEngine(): boolean;
  set analyticsEngine(value: ServiceDesignator);
  /**
* A binding for Hyperdrive. Allows workers to use Hyperdrive caching & pooling for Postgres
* databases.
*
*/
  get hyperdrive(): Worker_Binding_Hyperdrive;
  _initHyperdrive(): Worker_Binding_Hyperdrive;
  get _isHyperdrive(): boolean;
  set hyperdrive(_: true);
  get _isUnsafeEval(): boolean;
  set unsafeEval(_: true);
  /**
* A binding representing access to an in-memory cache.
*
*/
  get memoryCache(): Worker_Binding_MemoryCache;
  _initMemoryCache(): Worker_Binding_MemoryCache;
  get _isMemoryCache(): boolean;
  set memoryCache(_: true);
  /**
* A binding representing the ability to dynamically load Workers from code presented at
* runtime.
*
* A Worker loader is not just a function that loads a Worker, but also serves as a
* cache of Workers, automatically unloading Workers that are not in use. To that end, each
* Worker must have a name, and if a Worker with that name already exists, it'll be reused.
*
*/
  get workerLoader(): Worker_Binding_WorkerLoader;
  _initWorkerLoader(): Worker_Binding_WorkerLoader;
  get _isWorkerLoader(): boolean;
  set workerLoader(_: true);
  get _isWorkerdDebugPort(): boolean;
  set workerdDebugPort(_: true);
  toString(): string;
  which(): Worker_Binding_Which;
}
export declare class Worker_DurableObjectNamespace_ContainerOptions_NamedImage extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get name(): string;
  set name(value: string);
  get image(): string;
  set image(value: string);
  toString(): string;
}
export declare class Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get pathOnHost(): string;
  set pathOnHost(value: string);
  get pathInContainer(): string;
  set pathInContainer(value: string);
  get cgroupPermissions(): string;
  set cgroupPermissions(value: string);
  toString(): string;
}
export declare class Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges extends $.Struct {
  static readonly Device: typeof Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  static _Devices: $.ListCtor<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>;
  _adoptCapabilities(value: $.Orphan<$.List<string>>): void;
  _disownCapabilities(): $.Orphan<$.List<string>>;
  /**
* Docker HostConfig.CapAdd values.
*
*/
  get capabilities(): $.List<string>;
  _hasCapabilities(): boolean;
  _initCapabilities(length: number): $.List<string>;
  set capabilities(value: $.List<string>);
  _adoptDevices(value: $.Orphan<$.List<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>>): void;
  _disownDevices(): $.Orphan<$.List<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>>;
  /**
* Docker HostConfig.Devices values.
*
*/
  get devices(): $.List<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>;
  _hasDevices(): boolean;
  _initDevices(length: number): $.List<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>;
  set devices(value: $.List<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges_Device>);
  _adoptSecurityOpt(value: $.Orphan<$.List<string>>): void;
  _disownSecurityOpt(): $.Orphan<$.List<string>>;
  /**
* Docker HostConfig.SecurityOpt values.
*
*/
  get securityOpt(): $.List<string>;
  _hasSecurityOpt(): boolean;
  _initSecurityOpt(length: number): $.List<string>;
  set securityOpt(value: $.List<string>);
  toString(): string;
}
export declare class Worker_DurableObjectNamespace_ContainerOptions extends $.Struct {
  static readonly NamedImage: typeof Worker_DurableObjectNamespace_ContainerOptions_NamedImage;
  static readonly ContainerPrivileges: typeof Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  static _Images: $.ListCtor<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>;
  /**
* Optional default image used when start() does not specify an image or full container
* snapshot. An empty value means that no default image is configured.
* When imageName omits a tag, Docker uses the "latest" tag.
*
*/
  get imageName(): string;
  set imageName(value: string);
  _adoptPrivileges(value: $.Orphan<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges>): void;
  _disownPrivileges(): $.Orphan<Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges>;
  /**
* Extra Docker HostConfig privileges applied when creating the container.
* These fields are passed through to Docker as-is and are empty by default.
* They are not validated or allow-listed. Depending on the values and Docker daemon mode,
* they can expose arbitrary host devices, disable security profiles, or grant capabilities
* such as CAP_SYS_ADMIN that may provide host-level access. Only use trusted configuration.
*
*/
  get privileges(): Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges;
  _hasPrivileges(): boolean;
  _initPrivileges(): Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges;
  set privileges(value: Worker_DurableObjectNamespace_ContainerOptions_ContainerPrivileges);
  _adoptImages(value: $.Orphan<$.List<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>>): void;
  _disownImages(): $.Orphan<$.List<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>>;
  /**
* Named image references exposed to the Durable Object through ctx.container.images.
* These are optional; Worker code can instead supply an image reference from another source.
* When imageName is empty, the local container backend requires start() to specify an image or
* full container snapshot.
*
*/
  get images(): $.List<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>;
  _hasImages(): boolean;
  _initImages(length: number): $.List<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>;
  set images(value: $.List<Worker_DurableObjectNamespace_ContainerOptions_NamedImage>);
  toString(): string;
}
export declare const Worker_DurableObjectNamespace_Which: {
  /**
* A unique, stable ID associated with this namespace. This could be a  GUID, or any other
* string which does not appear anywhere else in the world.
*
* This string is used to ensure that objects of this class have unique identifiers distinct
* from objects of any other class. Object IDs are cryptographically derived from `uniqueKey`
* and validated against it. It is impossible to guess or forge a valid object ID without
* knowing the `uniqueKey`. Hence, if you keep the key secret, you can prevent anyone from
* forging IDs. However, if you don't care if users can forge valid IDs, then it's not a big
* deal if the key leaks.
*
* DO NOT LOSE this key, otherwise it may be difficult or impossible to recover stored data.
*
*/
  readonly UNIQUE_KEY: 0;
  /**
* Instances of this class are ephemeral -- they have no durable storage at all. The
* `state.storage` API will not be present. Additionally, this namespace will allow arbitrary
* strings as IDs. There are no `idFromName()` nor `newUniqueId()` methods; `get()` takes any
* string as a parameter.
*
* Ephemeral objects are NOT globally unique, only "locally" unique, for some definition of
* "local". For example, on Cloudflare's network, these objects are unique per-colo.
*
* WARNING: Cloudflare Workers currently limits this feature to Cloudflare-internal users
*   only, because using them correctly requires deep understanding of Cloudflare network
*   topology. We're working on something better for public consuption. Until then for
*   "ephemeral" use cases we recommend using regular durable objects and just not storing
*   anything. An object that hasn't stored anything will not consume any storage space on
*   disk.
*
*/
  readonly EPHEMERAL_LOCAL: 1;
};
export type Worker_DurableObjectNamespace_Which = (typeof Worker_DurableObjectNamespace_Which)[keyof typeof Worker_DurableObjectNamespace_Which];
export declare class Worker_DurableObjectNamespace extends $.Struct {
  static readonly UNIQUE_KEY: 0;
  static readonly EPHEMERAL_LOCAL: 1;
  static readonly ContainerOptions: typeof Worker_DurableObjectNamespace_ContainerOptions;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Exported class name that implements the Durable Object.
*
* Changing the class name will not break compatibility with existing storage, so long as
* `uniqueKey` stays the same.
*
*/
  get className(): string;
  set className(value: string);
  /**
* A unique, stable ID associated with this namespace. This could be a  GUID, or any other
* string which does not appear anywhere else in the world.
*
* This string is used to ensure that objects of this class have unique identifiers distinct
* from objects of any other class. Object IDs are cryptographically derived from `uniqueKey`
* and validated against it. It is impossible to guess or forge a valid object ID without
* knowing the `uniqueKey`. Hence, if you keep the key secret, you can prevent anyone from
* forging IDs. However, if you don't care if users can forge valid IDs, then it's not a big
* deal if the key leaks.
*
* DO NOT LOSE this key, otherwise it may be difficult or impossible to recover stored data.
*
*/
  get uniqueKey(): string;
  get _isUniqueKey(): boolean;
  set uniqueKey(value: string);
  get _isEphemeralLocal(): boolean;
  set ephemeralLocal(_: true);
  /**
* By default, Durable Objects are evicted after 10 seconds of inactivity, and expire 70 seconds
* after all clients have disconnected. Some applications may want to keep their Durable Objects
* pinned to memory forever, so we provide this flag to change the default behavior.
*
* Note that this is only supported in Workerd; production Durable Objects cannot toggle eviction.
*
*/
  get preventEviction(): boolean;
  set preventEviction(value: boolean);
  /**
* Whether or not Durable Objects in this namespace can use the `storage.sql` API to execute SQL
* queries.
*
* workerd uses SQLite to back all Durable Objects, but the SQL API is hidden by default to
* emulate behavior of traditional DO namespaces on Cloudflare that aren't SQLite-backed. This
* flag should be enabled when testing code that will run on a SQLite-backed namespace.
*
*/
  get enableSql(): boolean;
  set enableSql(value: boolean);
  _adoptContainer(value: $.Orphan<Worker_DurableObjectNamespace_ContainerOptions>): void;
  _disownContainer(): $.Orphan<Worker_DurableObjectNamespace_ContainerOptions>;
  /**
* If present, Durable Objects in this namespace have attached containers.
* workerd will talk to the configured container engine to start containers for each Durable
* Object from a configured default, a runtime-selected image, or a full container snapshot. The
* Durable Object can access the container via the ctx.container API.
* TODO(CloudChamber): add link to docs.
*
*/
  get container(): Worker_DurableObjectNamespace_ContainerOptions;
  _hasContainer(): boolean;
  _initContainer(): Worker_DurableObjectNamespace_ContainerOptions;
  set container(value: Worker_DurableObjectNamespace_ContainerOptions);
  toString(): string;
  which(): Worker_DurableObjectNamespace_Which;
}
export declare class Worker_DockerConfiguration extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Path to the Docker socket.
*
*/
  get socketPath(): string;
  set socketPath(value: string);
  /**
* Docker image name for the container egress interceptor sidecar.
* This sidecar intercepts outbound traffic from containers and routes it
* through workerd for egress mappings (setEgressHttp bindings).
* You can find this image in repositories like DockerHub: https://hub.docker.com/r/cloudflare/proxy-everything
*
*/
  get containerEgressInterceptorImage(): string;
  set containerEgressInterceptorImage(value: string);
  /**
* Scopes the Docker resources workerd creates to a session chosen by the program that
* supervises workerd, such as Miniflare. May contain only the characters Docker allows in
* container names: letters, digits, `_`, `.` and `-`.
*
* When set, container and sidecar names include the session ID, so different sessions never
* share or adopt each other's containers, while a workerd process started with the same
* session adopts the containers an earlier one left running. Resources that do not outlive
* the session carry the label `dev.workerd.session=<sessionId>`: application containers,
* sidecars, snapshot helper containers, and snapshot clone volumes. The supervisor can remove
* them by that label once the session ends. Snapshot volumes and container snapshot images
* outlive sessions and are not labelled.
*
*/
  get sessionId(): string;
  set sessionId(value: string);
  toString(): string;
}
/**
* Specifies where this worker's Durable Objects are stored.
*
*/
export declare const Worker_DurableObjectStorage_Which: {
  /**
* Default. The worker has no Durable Objects. `durableObjectNamespaces` must be empty, or
* define all namespaces as `ephemeralLocal`, or this must be an abstract worker (meant to be
* inherited by other workers, who will specify `durableObjectStorage`).
*
*/
  readonly NONE: 0;
  /**
* The `state.storage` API stores in-memory only. All stored data will persist for the
* lifetime of the process, but will be lost upon process exit.
*
* Individual objects will still shut down when idle as normal -- only data stored with the
* `state.storage` interface is persistent for the lifetime of the process.
*
* This mode is intended for local testing purposes.
*
*/
  readonly IN_MEMORY: 1;
  /**
* ** EXPERIMENTAL; SUBJECT TO BACKWARDS-INCOMPATIBLE CHANGE **
*
* Durable Object data will be stored in a directory on local disk. This field is the name of
* a service, which must be a DiskDirectory service. For each Durable Object class, a
* subdirectory will be created using `uniqueKey` as the name. Within the directory, one or
* more files are created for each object, with names `<id>.<ext>`, where `.<ext>` may be any of
* a number of different extensions depending on the storage mode. (Currently, the main storage
* is a file with the extension `.sqlite`, and in certain situations extra files with the
* extensions `.sqlite-wal`, and `.sqlite-shm` may also be present.)
*
*/
  readonly LOCAL_DISK: 2;
};
export type Worker_DurableObjectStorage_Which = (typeof Worker_DurableObjectStorage_Which)[keyof typeof Worker_DurableObjectStorage_Which];
/**
* Specifies where this worker's Durable Objects are stored.
*
*/
export declare class Worker_DurableObjectStorage extends $.Struct {
  static readonly NONE: 0;
  static readonly IN_MEMORY: 1;
  static readonly LOCAL_DISK: 2;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get _isNone(): boolean;
  set none(_: true);
  get _isInMemory(): boolean;
  set inMemory(_: true);
  /**
* ** EXPERIMENTAL; SUBJECT TO BACKWARDS-INCOMPATIBLE CHANGE **
*
* Durable Object data will be stored in a directory on local disk. This field is the name of
* a service, which must be a DiskDirectory service. For each Durable Object class, a
* subdirectory will be created using `uniqueKey` as the name. Within the directory, one or
* more files are created for each object, with names `<id>.<ext>`, where `.<ext>` may be any of
* a number of different extensions depending on the storage mode. (Currently, the main storage
* is a file with the extension `.sqlite`, and in certain situations extra files with the
* extensions `.sqlite-wal`, and `.sqlite-shm` may also be present.)
*
*/
  get localDisk(): string;
  get _isLocalDisk(): boolean;
  set localDisk(value: string);
  toString(): string;
  which(): Worker_DurableObjectStorage_Which;
}
export declare const Worker_ContainerEngine_Which: {
  /**
* No container engine configured. Container operations will not be available.
*
*/
  readonly NONE: 0;
  /**
* Use local Docker daemon for container operations.
* Only used for local development and testing purposes.
*
*/
  readonly LOCAL_DOCKER: 1;
};
export type Worker_ContainerEngine_Which = (typeof Worker_ContainerEngine_Which)[keyof typeof Worker_ContainerEngine_Which];
export declare class Worker_ContainerEngine extends $.Struct {
  static readonly NONE: 0;
  static readonly LOCAL_DOCKER: 1;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get _isNone(): boolean;
  set none(_: true);
  _adoptLocalDocker(value: $.Orphan<Worker_DockerConfiguration>): void;
  _disownLocalDocker(): $.Orphan<Worker_DockerConfiguration>;
  /**
* Use local Docker daemon for container operations.
* Only used for local development and testing purposes.
*
*/
  get localDocker(): Worker_DockerConfiguration;
  _hasLocalDocker(): boolean;
  _initLocalDocker(): Worker_DockerConfiguration;
  get _isLocalDocker(): boolean;
  set localDocker(value: Worker_DockerConfiguration);
  toString(): string;
  which(): Worker_ContainerEngine_Which;
}
export declare const Worker_Which: {
  /**
* The Worker is composed of ES modules that may import each other. The first module in the list
* is the main module, which exports event handlers.
*
*/
  readonly MODULES: 0;
  /**
* The Worker is composed of one big script that uses global `addEventListener()` to register
* event handlers.
*
* The value of this field is the raw source code. When using Cap'n Proto text format, use the
* `embed` directive to read the code from an external file:
*
*     serviceWorkerScript = embed "worker.js"
*
*/
  readonly SERVICE_WORKER_SCRIPT: 1;
  /**
* Inherit the configuration of some other Worker by its service name. This Worker is a clone
* of the other worker, but various settings can be modified:
* * `bindings`, if specified, overrides specific named bindings. (Each binding listed in the
*   derived worker must match the name and type of some binding in the inherited worker.)
* * `globalOutbound`, if non-null, overrides the one specified in the inherited worker.
* * `compatibilityDate` and `compatibilityFlags` CANNOT be modified; they must be null.
* * If the inherited worker defines durable object namespaces, then the derived worker must
*   specify `durableObjectStorage` to specify where its instances should be stored. Each
*   devived worker receives its own namespace of objects. `durableObjectUniqueKeyModifier`
*   must also be specified by derived workers.
*
* This can be useful when you want to run the same Worker in multiple configurations or hooked
* up to different back-ends. Note that all derived workers run in the same isolate as the
* base worker; they differ in the content of the `env` object passed to them, which contains
* the bindings. (When using service workers syntax, the global scope contains the bindings;
* in this case each derived worker runs in its own global scope, though still in the same
* isolate.)
*
*/
  readonly INHERIT: 2;
};
export type Worker_Which = (typeof Worker_Which)[keyof typeof Worker_Which];
export declare class Worker extends $.Struct {
  static readonly MODULES: 0;
  static readonly SERVICE_WORKER_SCRIPT: 1;
  static readonly INHERIT: 2;
  static readonly Module: typeof Worker_Module;
  static readonly Binding: typeof Worker_Binding;
  static readonly DurableObjectNamespace: typeof Worker_DurableObjectNamespace;
  static readonly DockerConfiguration: typeof Worker_DockerConfiguration;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultGlobalOutbound: $.Pointer<$._Pointer>;
  };
  static _Modules: $.ListCtor<Worker_Module>;
  static _Bindings: $.ListCtor<Worker_Binding>;
  static _DurableObjectNamespaces: $.ListCtor<Worker_DurableObjectNamespace>;
  static _Tails: $.ListCtor<ServiceDesignator>;
  static _StreamingTails: $.ListCtor<ServiceDesignator>;
  _adoptModules(value: $.Orphan<$.List<Worker_Module>>): void;
  _disownModules(): $.Orphan<$.List<Worker_Module>>;
  /**
* The Worker is composed of ES modules that may import each other. The first module in the list
* is the main module, which exports event handlers.
*
*/
  get modules(): $.List<Worker_Module>;
  _hasModules(): boolean;
  _initModules(length: number): $.List<Worker_Module>;
  get _isModules(): boolean;
  set modules(value: $.List<Worker_Module>);
  /**
* The Worker is composed of one big script that uses global `addEventListener()` to register
* event handlers.
*
* The value of this field is the raw source code. When using Cap'n Proto text format, use the
* `embed` directive to read the code from an external file:
*
*     serviceWorkerScript = embed "worker.js"
*
*/
  get serviceWorkerScript(): string;
  get _isServiceWorkerScript(): boolean;
  set serviceWorkerScript(value: string);
  /**
* Inherit the configuration of some other Worker by its service name. This Worker is a clone
* of the other worker, but various settings can be modified:
* * `bindings`, if specified, overrides specific named bindings. (Each binding listed in the
*   derived worker must match the name and type of some binding in the inherited worker.)
* * `globalOutbound`, if non-null, overrides the one specified in the inherited worker.
* * `compatibilityDate` and `compatibilityFlags` CANNOT be modified; they must be null.
* * If the inherited worker defines durable object namespaces, then the derived worker must
*   specify `durableObjectStorage` to specify where its instances should be stored. Each
*   devived worker receives its own namespace of objects. `durableObjectUniqueKeyModifier`
*   must also be specified by derived workers.
*
* This can be useful when you want to run the same Worker in multiple configurations or hooked
* up to different back-ends. Note that all derived workers run in the same isolate as the
* base worker; they differ in the content of the `env` object passed to them, which contains
* the bindings. (When using service workers syntax, the global scope contains the bindings;
* in this case each derived worker runs in its own global scope, though still in the same
* isolate.)
*
*/
  get inherit(): string;
  get _isInherit(): boolean;
  set inherit(value: string);
  get compatibilityDate(): string;
  set compatibilityDate(value: string);
  _adoptCompatibilityFlags(value: $.Orphan<$.List<string>>): void;
  _disownCompatibilityFlags(): $.Orphan<$.List<string>>;
  /**
* See: https://developers.cloudflare.com/workers/platform/compatibility-dates/
*
* `compatibilityDate` must be specified, unless the Worker inhits from another worker, in which
* case it must not be specified. `compatibilityFlags` can optionally be specified when
* `compatibilityDate` is specified.
*
*/
  get compatibilityFlags(): $.List<string>;
  _hasCompatibilityFlags(): boolean;
  _initCompatibilityFlags(length: number): $.List<string>;
  set compatibilityFlags(value: $.List<string>);
  _adoptBindings(value: $.Orphan<$.List<Worker_Binding>>): void;
  _disownBindings(): $.Orphan<$.List<Worker_Binding>>;
  /**
* List of bindings, which give the Worker access to external resources and configuration
* settings.
*
* For Workers using ES modules syntax, the bindings are delivered via the `env` object. For
* service workers syntax, each binding shows up as a global variable.
*
*/
  get bindings(): $.List<Worker_Binding>;
  _hasBindings(): boolean;
  _initBindings(length: number): $.List<Worker_Binding>;
  set bindings(value: $.List<Worker_Binding>);
  _adoptGlobalOutbound(value: $.Orphan<ServiceDesignator>): void;
  _disownGlobalOutbound(): $.Orphan<ServiceDesignator>;
  /**
* Where should the global "fetch" go to? The default is the service called "internet", which
* should usually be configured to talk to the public internet.
*
*/
  get globalOutbound(): ServiceDesignator;
  _hasGlobalOutbound(): boolean;
  _initGlobalOutbound(): ServiceDesignator;
  set globalOutbound(value: ServiceDesignator);
  _adoptCacheApiOutbound(value: $.Orphan<ServiceDesignator>): void;
  _disownCacheApiOutbound(): $.Orphan<ServiceDesignator>;
  /**
* Where should cache API (i.e. caches.default and caches.open(...)) requests go?
*
*/
  get cacheApiOutbound(): ServiceDesignator;
  _hasCacheApiOutbound(): boolean;
  _initCacheApiOutbound(): ServiceDesignator;
  set cacheApiOutbound(value: ServiceDesignator);
  _adoptDurableObjectNamespaces(value: $.Orphan<$.List<Worker_DurableObjectNamespace>>): void;
  _disownDurableObjectNamespaces(): $.Orphan<$.List<Worker_DurableObjectNamespace>>;
  /**
* List of durable object namespaces in this Worker.
*
*/
  get durableObjectNamespaces(): $.List<Worker_DurableObjectNamespace>;
  _hasDurableObjectNamespaces(): boolean;
  _initDurableObjectNamespaces(length: number): $.List<Worker_DurableObjectNamespace>;
  set durableObjectNamespaces(value: $.List<Worker_DurableObjectNamespace>);
  /**
* Additional text which is hashed together with `DurableObjectNamespace.uniqueKey`. When using
* worker inheritance, each derived worker must specify a unique modifier to ensure that its
* Durable Object instances have unique IDs from all other workers inheriting the same parent.
*
* DO NOT LOSE this value, otherwise it may be difficult or impossible to recover stored data.
*
*/
  get durableObjectUniqueKeyModifier(): string;
  set durableObjectUniqueKeyModifier(value: string);
  /**
* Specifies where this worker's Durable Objects are stored.
*
*/
  get durableObjectStorage(): Worker_DurableObjectStorage;
  _initDurableObjectStorage(): Worker_DurableObjectStorage;
  get moduleFallback(): string;
  set moduleFallback(value: string);
  _adoptTails(value: $.Orphan<$.List<ServiceDesignator>>): void;
  _disownTails(): $.Orphan<$.List<ServiceDesignator>>;
  /**
* List of tail worker services that should receive tail events for this worker.
* See: https://developers.cloudflare.com/workers/observability/logs/tail-workers/
*
*/
  get tails(): $.List<ServiceDesignator>;
  _hasTails(): boolean;
  _initTails(length: number): $.List<ServiceDesignator>;
  set tails(value: $.List<ServiceDesignator>);
  _adoptStreamingTails(value: $.Orphan<$.List<ServiceDesignator>>): void;
  _disownStreamingTails(): $.Orphan<$.List<ServiceDesignator>>;
  /**
* List of streaming tail worker services that should receive tail events for this worker.
* NOTE: This will be deleted in a future refactor, do not depend on this.
*
*/
  get streamingTails(): $.List<ServiceDesignator>;
  _hasStreamingTails(): boolean;
  _initStreamingTails(length: number): $.List<ServiceDesignator>;
  set streamingTails(value: $.List<ServiceDesignator>);
  get containerEngine(): Worker_ContainerEngine;
  _initContainerEngine(): Worker_ContainerEngine;
  /**
* Name of the HTTP header carrying per-request Cloudflare Access metadata for local dev.
* When set, the worker reads this header from every incoming request to populate `ctx.access`.
* The header value is a JSON object matching the production Access struct:
*   { "app_aud": "<audience>", "jwt_claims": { ... } }
* `app_aud` (string, required) populates `ctx.access.aud`.
* `jwt_claims` (object, optional) is passed as `ctx.props.jwtClaims` to the access binding
* worker (if configured via `accessBindingService`) when `ctx.access.getIdentity()` is called.
* Requests that carry the header get `ctx.access` populated; requests without it get
* `ctx.access === undefined`.
*
*/
  get accessBlobHeader(): string;
  set accessBlobHeader(value: string);
  _adoptAccessBindingService(value: $.Orphan<ServiceDesignator>): void;
  _disownAccessBindingService(): $.Orphan<ServiceDesignator>;
  /**
* Names a service that acts as the Cloudflare Access identity binding worker for local dev.
* When `ctx.access.getIdentity()` is called, workerd dispatches a `getIdentity` JS-RPC method
* on this service with per-request `props` set to `{ aud }` or `{ aud, jwtClaims }` (extracted
* from the `accessBlobHeader` HTTP header; `jwtClaims` is included only when the optional
* `jwt_claims` field is present in the header). This mimics the production path where an
* Access binding worker resolves the identity from JWT claims.
*
* If not set, `ctx.access.getIdentity()` resolves to `undefined` (even when `accessBlobHeader`
* is configured and `ctx.access.aud` is available).
*
*/
  get accessBindingService(): ServiceDesignator;
  _hasAccessBindingService(): boolean;
  _initAccessBindingService(): ServiceDesignator;
  set accessBindingService(value: ServiceDesignator);
  _adoptWorkflowsEngine(value: $.Orphan<WorkflowsEngine>): void;
  _disownWorkflowsEngine(): $.Orphan<WorkflowsEngine>;
  /**
* the externally-supplied service responsible for running Workflows defined in this worker
*
*/
  get workflowsEngine(): WorkflowsEngine;
  _hasWorkflowsEngine(): boolean;
  _initWorkflowsEngine(): WorkflowsEngine;
  set workflowsEngine(value: WorkflowsEngine);
  toString(): string;
  which(): Worker_Which;
}
/**
* Talk to the server over encrypted HTTPS.
*
*/
export declare class ExternalServer_Https extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  _adoptOptions(value: $.Orphan<HttpOptions>): void;
  _disownOptions(): $.Orphan<HttpOptions>;
  get options(): HttpOptions;
  _hasOptions(): boolean;
  _initOptions(): HttpOptions;
  set options(value: HttpOptions);
  _adoptTlsOptions(value: $.Orphan<TlsOptions>): void;
  _disownTlsOptions(): $.Orphan<TlsOptions>;
  get tlsOptions(): TlsOptions;
  _hasTlsOptions(): boolean;
  _initTlsOptions(): TlsOptions;
  set tlsOptions(value: TlsOptions);
  /**
* If present, expect the host to present a certificate authenticating it as this hostname.
* If `certificateHost` is not provided, then the certificate is checked against `address`.
*
*/
  get certificateHost(): string;
  set certificateHost(value: string);
  toString(): string;
}
/**
* Connect to the server over raw TCP. Bindings to this service will only support the
* `connect()` method; `fetch()` will throw an exception.
*
*/
export declare class ExternalServer_Tcp extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  _adoptTlsOptions(value: $.Orphan<TlsOptions>): void;
  _disownTlsOptions(): $.Orphan<TlsOptions>;
  get tlsOptions(): TlsOptions;
  _hasTlsOptions(): boolean;
  _initTlsOptions(): TlsOptions;
  set tlsOptions(value: TlsOptions);
  get certificateHost(): string;
  set certificateHost(value: string);
  toString(): string;
}
/**
* Describes the ability to talk to a specific server, typically a back-end server available
* on the internal network.
*
* When a Worker contains a service binding that points to an ExternalServer, *all* fetch()
* calls on that binding will be delivered to that server, regardless of whether the hostname
* or protocol specified in the URL actually match the hostname or protocol used by the actual
* server. Typically, a Worker implementing a reverse proxy would use this to forward a request
* to a back-end application server. Such a back-end typically does not have a real public
* hostname, since it is only reachable through the proxy, but the requests forwarded to it will
* keep the hostname that was on the original request.
*
* Note that this also implies that regardless of whether the original URL was http: or https:,
* the request will be delivered to the target server using the protocol specified below. A
* header like `X-Forwarded-Proto` can be used to pass along the original protocol; see
* `HttpOptions`.
*
*/
export declare const ExternalServer_Which: {
  /**
* Talk to the server over unencrypted HTTP.
*
*/
  readonly HTTP: 0;
  /**
* Talk to the server over encrypted HTTPS.
*
*/
  readonly HTTPS: 1;
  /**
* Connect to the server over raw TCP. Bindings to this service will only support the
* `connect()` method; `fetch()` will throw an exception.
*
*/
  readonly TCP: 2;
};
export type ExternalServer_Which = (typeof ExternalServer_Which)[keyof typeof ExternalServer_Which];
/**
* Describes the ability to talk to a specific server, typically a back-end server available
* on the internal network.
*
* When a Worker contains a service binding that points to an ExternalServer, *all* fetch()
* calls on that binding will be delivered to that server, regardless of whether the hostname
* or protocol specified in the URL actually match the hostname or protocol used by the actual
* server. Typically, a Worker implementing a reverse proxy would use this to forward a request
* to a back-end application server. Such a back-end typically does not have a real public
* hostname, since it is only reachable through the proxy, but the requests forwarded to it will
* keep the hostname that was on the original request.
*
* Note that this also implies that regardless of whether the original URL was http: or https:,
* the request will be delivered to the target server using the protocol specified below. A
* header like `X-Forwarded-Proto` can be used to pass along the original protocol; see
* `HttpOptions`.
*
*/
export declare class ExternalServer extends $.Struct {
  static readonly HTTP: 0;
  static readonly HTTPS: 1;
  static readonly TCP: 2;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Address/port of the server. Optional; if not specified, then you will be required to specify
* the address on the command line with with `--external-addr <name>=<addr>`.
*
* Examples:
* - "1.2.3.4": Connect to the given IPv4 address on the protocol's default port.
* - "1.2.3.4:80": Connect to the given IPv4 address and port.
* - "1234:5678::abcd": Connect to the given IPv6 address on the protocol's default port.
* - "[1234:5678::abcd]:80": Connect to the given IPv6 address and port.
* - "unix:/path/to/socket": Connect to the given Unix Domain socket by path.
* - "unix-abstract:name": On Linux, connect to the given "abstract" Unix socket name.
* - "example.com:80": Perform a DNS lookup to determine the address, and then connect to it.
*
* (These are the formats supported by KJ's parseAddress().)
*
*/
  get address(): string;
  set address(value: string);
  _adoptHttp(value: $.Orphan<HttpOptions>): void;
  _disownHttp(): $.Orphan<HttpOptions>;
  /**
* Talk to the server over unencrypted HTTP.
*
*/
  get http(): HttpOptions;
  _hasHttp(): boolean;
  _initHttp(): HttpOptions;
  get _isHttp(): boolean;
  set http(value: HttpOptions);
  /**
* Talk to the server over encrypted HTTPS.
*
*/
  get https(): ExternalServer_Https;
  _initHttps(): ExternalServer_Https;
  get _isHttps(): boolean;
  set https(_: true);
  /**
* Connect to the server over raw TCP. Bindings to this service will only support the
* `connect()` method; `fetch()` will throw an exception.
*
*/
  get tcp(): ExternalServer_Tcp;
  _initTcp(): ExternalServer_Tcp;
  get _isTcp(): boolean;
  set tcp(_: true);
  toString(): string;
  which(): ExternalServer_Which;
}
/**
* Describes the ability to talk to a network.
*
* This is commonly used to define the "internet" service which is the default `globalOutbound`
* for all Workers. To prevent SSRF, by default Workers will not be permitted to reach internal
* network addresses using global fetch(). It's recommended that you create ExternalServer
* bindings instead to grant access to specific servers. However, if you really want to, you
* can configure a service that grants arbitrary internal network access, like:
*
*     ( name = "internalNetwork",
*       network = (
*         allow = ["public", "private"],
*       )
*     )
*
*/
export declare class Network extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultAllow: $.Pointer<$._Pointer>;
  };
  _adoptAllow(value: $.Orphan<$.List<string>>): void;
  _disownAllow(): $.Orphan<$.List<string>>;
  get allow(): $.List<string>;
  _hasAllow(): boolean;
  _initAllow(length: number): $.List<string>;
  set allow(value: $.List<string>);
  _adoptDeny(value: $.Orphan<$.List<string>>): void;
  _disownDeny(): $.Orphan<$.List<string>>;
  /**
* Specifies which network addresses the Worker will be allowed to connect to, e.g. using fetch().
* The default allows publicly-routable IP addresses only, in order to prevent SSRF attacks.
*
* The allow and deny lists specify network blocks in CIDR notation (IPv4 and IPv6), such as
* "192.0.2.0/24" or "2001:db8::/32". Traffic will be permitted as long as the address
* matches at least one entry in the allow list and none in the deny list.
*
* In addition to IPv4 and IPv6 CIDR notation, several special strings may be specified:
* - "private": Matches network addresses that are reserved by standards for private networks,
*   such as "10.0.0.0/8" or "192.168.0.0/16". This is a superset of "local".
* - "public": Opposite of "private".
* - "local": Matches network addresses that are defined by standards to only be accessible from
*   the local machine, such as "127.0.0.0/8" or Unix domain addresses.
* - "network": Opposite of "local".
* - "unix": Matches all Unix domain socket addresses. (In the future, we may support specifying a
*   glob to narrow this to specific paths.)
* - "unix-abstract": Matches Linux's "abstract unix domain" addresses. (In the future, we may
*   support specifying a glob.)
*
* In the case that the Worker specifies a DNS hostname rather than a raw address, these rules are
* used to filter the addresses returned by the lookup. If none of the returned addresses turn
* out to be permitted, then the system will behave as if the DNS entry did not exist.
*
* (The above is exactly the format supported by kj::Network::restrictPeers().)
*
*/
  get deny(): $.List<string>;
  _hasDeny(): boolean;
  _initDeny(length: number): $.List<string>;
  set deny(value: $.List<string>);
  _adoptTlsOptions(value: $.Orphan<TlsOptions>): void;
  _disownTlsOptions(): $.Orphan<TlsOptions>;
  get tlsOptions(): TlsOptions;
  _hasTlsOptions(): boolean;
  _initTlsOptions(): TlsOptions;
  set tlsOptions(value: TlsOptions);
  toString(): string;
}
/**
* Configures access to a directory on disk. This is a type of service which will expose an HTTP
* interface to the directory content.
*
* This is very bare-bones, generally not suitable for serving a web site on its own. In
* particular, no attempt is made to guess the `Content-Type` header. You normally would wrap
* this in a Worker that fills in the metadata in the way you want.
*
* A GET request targeting a directory (rather than a file) will return a basic JSAN directory
* listing like:
*
*     [{"name":"foo","type":"file"},{"name":"bar","type":"directory"}]
*
* Possible "type" values are "file", "directory", "symlink", "blockDevice", "characterDevice",
* "namedPipe", "socket", "other".
*
* `Content-Type` will be `application/octet-stream` for files or `application/json` for a
* directory listing. Files will have a `Content-Length` header, directories will not. Symlinks
* will be followed (but there is intentionally no way to create one, even if `writable` is
* `true`), and treated according to the type of file they point to. The other inode types cannot
* be opened; trying to do so will produce a "406 Not Acceptable" error (on the theory that there
* is no acceptable format for these, regardless of what the client says it accepts).
*
* `HEAD` requests are properly optimized to perform a stat() without actually opening the file.
*
*/
export declare class DiskDirectory extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultWritable: DataView<ArrayBufferLike>;
    defaultAllowDotfiles: DataView<ArrayBufferLike>;
  };
  /**
* The filesystem path of the directory. If not specified, then it must be specified on the
* command line with `--directory-path <service-name>=<path>`.
*
* Relative paths are interpreted relative to the current directory where the server is executed,
* NOT relative to the config file. So, you should usually use absolute paths in the config file.
*
*/
  get path(): string;
  set path(value: string);
  /**
* Whether to support PUT requests for writing. A PUT will write to a temporary file which
* is atomically moved into place upon successful completion of the upload. Parent directories are
* created as needed.
*
*/
  get writable(): boolean;
  set writable(value: boolean);
  /**
* Whether to allow access to files and directories whose name starts with '.'. These are made
* inaccessible by default since they very often store metadata that is not meant to be served,
* e.g. a git repository or an `.htaccess` file.
*
* Note that the special links "." and ".." will never be accessible regardless of this setting.
*
*/
  get allowDotfiles(): boolean;
  set allowDotfiles(value: boolean);
  toString(): string;
}
export declare const HttpOptions_Style: {
  /**
* Normal HTTP. The request line contains only the path, and the separate `Host` header
* specifies the hostname.
*
*/
  readonly HOST: 0;
  /**
* HTTP proxy protocol. The request line contains a full URL instead of a path. No `Host`
* header is required. This is the protocol used by HTTP forward proxies. This allows you to
* implement such a proxy as a Worker.
*
*/
  readonly PROXY: 1;
};
export type HttpOptions_Style = (typeof HttpOptions_Style)[keyof typeof HttpOptions_Style];
export declare class HttpOptions_Header extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Case-insensitive.
*
*/
  get name(): string;
  set name(value: string);
  /**
* If null, the header will be removed.
*
*/
  get value(): string;
  set value(value: string);
  toString(): string;
}
/**
* Options for using HTTP (as a client or server). In particular, this specifies behavior that is
* important in the presence of proxy servers, whether forward or reverse.
*
*/
export declare class HttpOptions extends $.Struct {
  static readonly Style: {
    /**
  * Normal HTTP. The request line contains only the path, and the separate `Host` header
  * specifies the hostname.
  *
  */
    readonly HOST: 0;
    /**
  * HTTP proxy protocol. The request line contains a full URL instead of a path. No `Host`
  * header is required. This is the protocol used by HTTP forward proxies. This allows you to
  * implement such a proxy as a Worker.
  *
  */
    readonly PROXY: 1;
  };
  static readonly Header: typeof HttpOptions_Header;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultStyle: DataView<ArrayBufferLike>;
  };
  static _InjectRequestHeaders: $.ListCtor<HttpOptions_Header>;
  static _InjectResponseHeaders: $.ListCtor<HttpOptions_Header>;
  get style(): HttpOptions_Style;
  set style(value: HttpOptions_Style);
  /**
* If specified, then when the given header is present on a request, it specifies the protocol
* ("http" or "https") that was used by the original client. The request URL reported to the
* Worker will reflect this protocol. Otherwise, the URL will reflect the actual physical protocol
* used by the server in receiving the request.
*
* This option is useful when this server sits behind a reverse proxy that performs TLS
* termination. Typically such proxies forward the original protocol in a header named something
* like "X-Forwarded-Proto".
*
* This setting is ignored when `style` is `proxy`.
*
*/
  get forwardedProtoHeader(): string;
  set forwardedProtoHeader(value: string);
  /**
* If set, then the `request.cf` object will be encoded (as JSON) into / parsed from the header
* with this name. Otherwise, it will be discarded on send / `undefined` on receipt.
*
*/
  get cfBlobHeader(): string;
  set cfBlobHeader(value: string);
  _adoptInjectRequestHeaders(value: $.Orphan<$.List<HttpOptions_Header>>): void;
  _disownInjectRequestHeaders(): $.Orphan<$.List<HttpOptions_Header>>;
  /**
* List of headers which will be automatically injected into all requests. This can be used
* e.g. to add an authorization token to all requests when using `ExternalServer`. It can also
* apply to incoming requests received on a `Socket` to modify the headers that will be delivered
* to the app. Any existing header with the same name is removed.
*
*/
  get injectRequestHeaders(): $.List<HttpOptions_Header>;
  _hasInjectRequestHeaders(): boolean;
  _initInjectRequestHeaders(length: number): $.List<HttpOptions_Header>;
  set injectRequestHeaders(value: $.List<HttpOptions_Header>);
  _adoptInjectResponseHeaders(value: $.Orphan<$.List<HttpOptions_Header>>): void;
  _disownInjectResponseHeaders(): $.Orphan<$.List<HttpOptions_Header>>;
  /**
* Same as `injectRequestHeaders` but for responses.
*
*/
  get injectResponseHeaders(): $.List<HttpOptions_Header>;
  _hasInjectResponseHeaders(): boolean;
  _initInjectResponseHeaders(length: number): $.List<HttpOptions_Header>;
  set injectResponseHeaders(value: $.List<HttpOptions_Header>);
  /**
* A CONNECT request for this host+port will be treated as a request to form a Cap'n Proto RPC
* connection. The server will expose a WorkerdBootstrap as the bootstrap interface, allowing
* events to be delivered to the target worker via capnp. Clients will use capnp for non-HTTP
* event types (especially JSRPC).
*
*/
  get capnpConnectHost(): string;
  set capnpConnectHost(value: string);
  toString(): string;
}
export declare class TlsOptions_Keypair extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  /**
* Private key in PEM format. Supports PKCS8 keys as well as "traditional format" RSA and DSA
* keys.
*
* Remember that you can use Cap'n Proto's `embed` syntax to reference an external file.
*
*/
  get privateKey(): string;
  set privateKey(value: string);
  /**
* Certificate chain in PEM format. A chain can be constructed by concatenating multiple
* PEM-encoded certificates, starting with the leaf certificate.
*
*/
  get certificateChain(): string;
  set certificateChain(value: string);
  toString(): string;
}
export declare const TlsOptions_Version: {
  /**
* A good default chosen by the code maintainers. May change over time.
*
*/
  readonly GOOD_DEFAULT: 0;
  readonly SSL3: 1;
  readonly TLS1DOT0: 2;
  readonly TLS1DOT1: 3;
  readonly TLS1DOT2: 4;
  readonly TLS1DOT3: 5;
};
export type TlsOptions_Version = (typeof TlsOptions_Version)[keyof typeof TlsOptions_Version];
/**
* Options that apply when using TLS. Can apply on either the client or the server side, depending
* on the context.
*
* This is based on KJ's TlsContext::Options.
*
*/
export declare class TlsOptions extends $.Struct {
  static readonly Keypair: typeof TlsOptions_Keypair;
  static readonly Version: {
    /**
  * A good default chosen by the code maintainers. May change over time.
  *
  */
    readonly GOOD_DEFAULT: 0;
    readonly SSL3: 1;
    readonly TLS1DOT0: 2;
    readonly TLS1DOT1: 3;
    readonly TLS1DOT2: 4;
    readonly TLS1DOT3: 5;
  };
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultRequireClientCerts: DataView<ArrayBufferLike>;
    defaultTrustBrowserCas: DataView<ArrayBufferLike>;
    defaultMinVersion: DataView<ArrayBufferLike>;
  };
  _adoptKeypair(value: $.Orphan<TlsOptions_Keypair>): void;
  _disownKeypair(): $.Orphan<TlsOptions_Keypair>;
  /**
* The default private key and certificate to use. Optional when acting as a client.
*
*/
  get keypair(): TlsOptions_Keypair;
  _hasKeypair(): boolean;
  _initKeypair(): TlsOptions_Keypair;
  set keypair(value: TlsOptions_Keypair);
  /**
* If true, then when acting as a server, incoming connections will be rejected unless they bear
* a certificate signed by one of the trusted CAs.
*
* Typically, when using this, you'd set `trustBrowserCas = false` and list a specific private CA
* in `trustedCertificates`.
*
*/
  get requireClientCerts(): boolean;
  set requireClientCerts(value: boolean);
  /**
* If true, trust certificates which are signed by one of the CAs that browsers normally trust.
* You should typically set this true when talking to the public internet, but you may want to
* set it false when talking to servers on your internal network.
*
*/
  get trustBrowserCas(): boolean;
  set trustBrowserCas(value: boolean);
  _adoptTrustedCertificates(value: $.Orphan<$.List<string>>): void;
  _disownTrustedCertificates(): $.Orphan<$.List<string>>;
  /**
* Additional CA certificates to trust, in PEM format. Remember that you can use Cap'n Proto's
* `embed` syntax to read the certificates from other files.
*
*/
  get trustedCertificates(): $.List<string>;
  _hasTrustedCertificates(): boolean;
  _initTrustedCertificates(length: number): $.List<string>;
  set trustedCertificates(value: $.List<string>);
  /**
* Minimum TLS version that will be allowed. Generally you should not override this unless you
* have unusual backwards-compatibility needs.
*
*/
  get minVersion(): TlsOptions_Version;
  set minVersion(value: TlsOptions_Version);
  /**
* OpenSSL cipher list string. The default is a curated list designed to be compatible with
* almost all software in current use (specifically, based on Mozilla's "intermediate"
* recommendations). The defaults will change in future versions of this software to account
* for the latest cryptanalysis.
*
* Generally you should only specify your own `cipherList` if:
* - You have extreme backwards-compatibility needs and wish to enable obsolete and/or broken
*   algorithms.
* - You need quickly to disable an algorithm recently discovered to be broken.
*
*/
  get cipherList(): string;
  set cipherList(value: string);
  toString(): string;
}
/**
* A module extending workerd functionality.
*
*/
export declare class Extension_Module extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
    defaultInternal: DataView<ArrayBufferLike>;
  };
  /**
* Full js module name. Must be a fully-qualified URL with a non-file: scheme,
* e.g. "my-extension:module". Workers using the new_module_registry
* compatibility flag reject extensions whose module names are not valid URLs;
* the original module registry tolerates any path-like name, but new
* extensions should always use the URL form.
*
*/
  get name(): string;
  set name(value: string);
  /**
* Internal modules can be imported by other extension modules only and not the user code.
*
*/
  get internal(): boolean;
  set internal(value: boolean);
  /**
* Raw source code of ES module.
*
*/
  get esModule(): string;
  set esModule(value: string);
  toString(): string;
}
/**
* Additional capabilities for workers.
*
*/
export declare class Extension extends $.Struct {
  static readonly Module: typeof Extension_Module;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  static _Modules: $.ListCtor<Extension_Module>;
  _adoptModules(value: $.Orphan<$.List<Extension_Module>>): void;
  _disownModules(): $.Orphan<$.List<Extension_Module>>;
  /**
* List of javascript modules provided by the extension.
* These modules can either be imported directly as user-level api (if not marked internal)
* or used to define more complicated workerd constructs such as wrapped bindings and events.
*
*/
  get modules(): $.List<Extension_Module>;
  _hasModules(): boolean;
  _initModules(length: number): $.List<Extension_Module>;
  set modules(value: $.List<Extension_Module>);
  toString(): string;
}
export declare class FallbackServiceRequest_Attribute extends $.Struct {
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  get name(): string;
  set name(value: string);
  get value(): string;
  set value(value: string);
  toString(): string;
}
export declare class FallbackServiceRequest extends $.Struct {
  static readonly Attribute: typeof FallbackServiceRequest_Attribute;
  static readonly _capnp: {
    displayName: string;
    id: string;
    size: $.ObjectSize;
  };
  static _Attributes: $.ListCtor<FallbackServiceRequest_Attribute>;
  get type(): string;
  set type(value: string);
  get specifier(): string;
  set specifier(value: string);
  get rawSpecifier(): string;
  set rawSpecifier(value: string);
  get referrer(): string;
  set referrer(value: string);
  _adoptAttributes(value: $.Orphan<$.List<FallbackServiceRequest_Attribute>>): void;
  _disownAttributes(): $.Orphan<$.List<FallbackServiceRequest_Attribute>>;
  get attributes(): $.List<FallbackServiceRequest_Attribute>;
  _hasAttributes(): boolean;
  _initAttributes(length: number): $.List<FallbackServiceRequest_Attribute>;
  set attributes(value: $.List<FallbackServiceRequest_Attribute>);
  toString(): string;
}
