// The Thrift interface between osquery and its extensions, written from the protocol's facts: names, field ids
// and types are what travels on the wire and are the same as in osquery 5.23.
//
// Wire: TBinaryProtocol, buffered (no frames), over a UNIX socket. Core listens at the socket it was started with;
// each extension listens at that path followed by "." and the uuid which core gave it when it registered.

/** One request to, or one row of the answer from, a plugin. */
typedef map<string, string> ExtensionPluginRequest
typedef list<map<string, string>> ExtensionPluginResponse

/** One core flag: its value now, its default, and its type ("bool", "string", "uint64", ...). */
struct InternalOptionInfo {
  1: string value,
  2: string default_value,
  3: string type,
}

/** Flag name to flag. */
typedef map<string, InternalOptionInfo> InternalOptionList

/** What an extension says about itself when it registers. */
struct InternalExtensionInfo {
  1: string name,
  2: string version,
  3: string sdk_version,
  4: string min_sdk_version,
}

/** Identifies a registered extension; core itself is 0. */
typedef i64 ExtensionRouteUUID

/** Plugin name to its route rows (a table's columns, for example). */
typedef map<string, ExtensionPluginResponse> ExtensionRouteTable

/** Registry name ("table", "config", "logger", ...) to its plugins. */
typedef map<string, ExtensionRouteTable> ExtensionRegistry

typedef map<ExtensionRouteUUID, InternalExtensionInfo> InternalExtensionList

enum ExtensionCode {
  EXT_SUCCESS = 0,
  EXT_FAILED = 1,
  EXT_FATAL = 2,
}

struct ExtensionStatus {
  1: i32 code,
  2: string message,
  3: ExtensionRouteUUID uuid,
}

struct ExtensionResponse {
  1: ExtensionStatus status,
  2: ExtensionPluginResponse response,
}

exception ExtensionException {
  1: i32 code,
  2: string message,
  3: ExtensionRouteUUID uuid,
}

/** Answered by every extension, and by core. */
service Extension {
  ExtensionStatus ping(),
  ExtensionResponse call(
    1: string registry,
    2: string item,
    3: ExtensionPluginRequest request),
  void shutdown(),
}

/** Answered by core only. */
service ExtensionManager extends Extension {
  InternalExtensionList extensions(),
  InternalOptionList options(),
  ExtensionStatus registerExtension(
    1: InternalExtensionInfo info,
    2: ExtensionRegistry registry),
  ExtensionStatus deregisterExtension(
    1: ExtensionRouteUUID uuid),
  ExtensionResponse query(
    1: string sql),
  ExtensionResponse getQueryColumns(
    1: string sql),
}
