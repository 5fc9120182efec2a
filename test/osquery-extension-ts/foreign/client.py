"""A client made by Apache Thrift's own compiler and library for Python: client.py GENERATED SOCKET SERVICE METHOD JSON_ARGUMENTS."""
import json
import sys

sys.path.insert(0, sys.argv[1])
from osquery import Extension, ExtensionManager  # noqa: E402
from osquery.ttypes import InternalExtensionInfo  # noqa: E402
from thrift.protocol import TBinaryProtocol  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

_, _, path, service, method, arguments = sys.argv
transport = TTransport.TBufferedTransport(TSocket.TSocket(unix_socket=path))
# Not strict when it writes: as old libraries are.
protocol = TBinaryProtocol.TBinaryProtocol(transport, strictRead=True, strictWrite=False)
transport.open()
client = (Extension if service == 'Extension' else ExtensionManager).Client(protocol)
values = json.loads(arguments)
if method == 'registerExtension':
    values[0] = InternalExtensionInfo(**values[0])
result = getattr(client, method)(*values)


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return plain(vars(value)) if hasattr(value, '__dict__') else value


print(json.dumps(plain(result)))
transport.close()
