import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { messageOf, OpenWorkersError } from "@openworkers/core";

// nats-server's server/errors.json.
const code = {
  insufficientResources: 10023,
  consumerNameExists: 10013,
  consumerWorkQueueNotUnique: 10100,
  consumerWorkQueueFilters: 10099,
  maxMessageSize: 10054,
  storageExceeded: 10047,
  streamStoreFailed: 10077,
  subjectOverlap: 10065,
  replicasNotSupported: 10074,
  noPeers: 10005,
} as const;

/** Whether the bus may answer when it is asked again: it is away, electing a leader, or was too slow. */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof OpenWorkersError) return thrown.code === "BUS_UNAVAILABLE";
  if (refusalOf(thrown) !== undefined) return false;
  // 503 is what nats-server says while a cluster has no leader, or is starting.
  if (thrown instanceof JetStreamApiError)
    return (thrown.status === 503 && !isFull(thrown)) || lacksPeers(thrown);
  return (
    thrown instanceof errors.TimeoutError ||
    thrown instanceof errors.RequestError ||
    thrown instanceof errors.NoRespondersError ||
    thrown instanceof errors.ConnectionError ||
    thrown instanceof errors.ProtocolError ||
    (thrown instanceof Error && thrown.name === "JetStreamNotEnabled")
  );
}

/** The server's refusal of a subject that this user may not use, if that is what it was. */
export function refusalOf(thrown: unknown): Error | undefined {
  if (thrown instanceof errors.PermissionViolationError) return thrown;
  return thrown instanceof errors.RequestError ? refusalOf(thrown.cause) : undefined;
}

/** Whether nobody listens on the subject of a request. */
export function hasNoResponders(thrown: unknown): boolean {
  if (thrown instanceof errors.NoRespondersError) return true;
  if (thrown instanceof errors.RequestError) return thrown.isNoResponders();
  // JetStream's client takes the silence for its not being enabled.
  return thrown instanceof Error && thrown.name === "JetStreamNotEnabled";
}

export function isStreamMissing(thrown: unknown): boolean {
  return hasCode(thrown, JetStreamApiCodes.StreamNotFound);
}

export function isConsumerMissing(thrown: unknown): boolean {
  return hasCode(thrown, JetStreamApiCodes.ConsumerNotFound);
}

/**
 * Whether the cluster has too few nodes for a stream's replicas. So it says also while it forms, until its leader has heard
 * of each node how much room that has, and when one of them is away.
 */
export function lacksPeers(thrown: unknown): boolean {
  return hasCode(thrown, code.noPeers);
}

function hasCode(thrown: unknown, code: number): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === code;
}

function isFull(thrown: JetStreamApiError): boolean {
  return (
    thrown.code === code.storageExceeded ||
    thrown.code === code.insufficientResources ||
    (thrown.code === code.streamStoreFailed && /maximum|insufficient|no space/.test(thrown.message))
  );
}

const tooFewNodes = "OW_BUS_REPLICAS asks for more nodes than the cluster has, or some of them are not up.";

/** What it is when a cluster goes on having too few nodes for what it is asked. */
export function explainLackOfPeers(lacking: OpenWorkersError): OpenWorkersError {
  const { message, cause } = lacking;
  return new OpenWorkersError("CONFIG_INVALID", message, { cause, hint: tooFewNodes });
}

/** What the client's or the server's error means to who uses the bus. `what` begins the message: "Cannot …". */
export function explain(thrown: unknown, what: string): OpenWorkersError {
  if (thrown instanceof OpenWorkersError) return thrown;
  const message = `${what}: ${messageOf(thrown)}.`;
  if (refusalOf(thrown) !== undefined) {
    return new OpenWorkersError("CONFIG_INVALID", message, {
      cause: thrown,
      hint: "Give this service's NATS user the permissions that docs/bus.md lists.",
    });
  }
  if (
    thrown instanceof errors.AuthorizationError ||
    thrown instanceof errors.UserAuthenticationExpiredError
  ) {
    return new OpenWorkersError("CONFIG_INVALID", message, {
      cause: thrown,
      hint: "Check NATS_USER and NATS_PASSWORD, or the file that NATS_CREDS names.",
    });
  }
  if (thrown instanceof errors.InvalidArgumentError || thrown instanceof errors.InvalidSubjectError) {
    return new OpenWorkersError("INVALID_INPUT", message, { cause: thrown });
  }
  if (thrown instanceof JetStreamApiError) {
    if (isFull(thrown)) return new OpenWorkersError("BUS_FULL", message, { cause: thrown });
    switch (thrown.code) {
      case code.maxMessageSize:
        return new OpenWorkersError("INVALID_INPUT", message, { cause: thrown });
      case code.consumerWorkQueueNotUnique:
      case code.consumerWorkQueueFilters:
      case code.consumerNameExists:
      case code.subjectOverlap:
        return new OpenWorkersError("CONFLICT", message, { cause: thrown });
      case code.replicasNotSupported:
        return new OpenWorkersError("CONFIG_INVALID", message, { cause: thrown, hint: tooFewNodes });
      case code.noPeers:
        return new OpenWorkersError("BUS_UNAVAILABLE", message, { cause: thrown, hint: tooFewNodes });
    }
    if (thrown.status === 404) return new OpenWorkersError("NOT_FOUND", message, { cause: thrown });
  }
  if (isTransient(thrown) || thrown instanceof errors.ClosedConnectionError) {
    return new OpenWorkersError("BUS_UNAVAILABLE", message, {
      cause: thrown,
      hint: "Check that nats-server is running, with JetStream, and that NATS_URL is right.",
    });
  }
  return new OpenWorkersError("INTERNAL", message, { cause: thrown });
}
