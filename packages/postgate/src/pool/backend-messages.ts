import type {
  CommandCompleteMessage,
  CopyDataMessage,
  CopyResponse,
  DatabaseError,
  DataRowMessage,
  ReadyForQueryMessage,
  RowDescriptionMessage,
} from "pg-protocol/dist/messages.js";

interface Plain {
  readonly length: number;
}

type Named<Message, Name extends string> = Omit<Message, "name"> & { readonly name: Name };

/** What a server sends while statements run, as `pg-protocol` reads it; the rest is of no interest here. */
export type BackendMessage =
  | Named<RowDescriptionMessage, "rowDescription">
  | Named<DataRowMessage, "dataRow">
  | Named<CommandCompleteMessage, "commandComplete">
  | Named<Plain, "emptyQuery">
  | (DatabaseError & { readonly name: "error" })
  | Named<ReadyForQueryMessage, "readyForQuery">
  | Named<CopyResponse, "copyInResponse" | "copyOutResponse">
  | Named<CopyDataMessage, "copyData">
  | Named<
      Plain,
      | "copyDone"
      | "notice"
      | "notification"
      | "parameterStatus"
      | "parseComplete"
      | "bindComplete"
      | "noData"
      | "functionCallResponse"
    >;
