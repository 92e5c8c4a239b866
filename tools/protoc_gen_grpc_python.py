"""A protoc plugin that runs grpcio-tools' built-in `grpc_python` generator.

buf reaches plugins through stdin and stdout; `grpc_python` exists only inside `grpc_tools.protoc`, which reads files.
The plugin of the same purpose on PATH, where there is one, may be another project's and writes other stubs.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """The stub modules of the files in `request` that define a service."""
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with_service = [file.name for file in request.proto_file if file.service and file.name in request.file_to_generate]
    if not with_service:
        return response
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        descriptors = folder / "descriptors.bin"
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = folder / "out"
        out.mkdir()
        arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}", *with_service]
        if protoc.main(arguments) != 0:
            response.error = f"grpc_python failed for {', '.join(with_service)}; its reason is above."
            return response
        for path in sorted(out.rglob("*.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
    return response


def main() -> None:
    """Serve one request from stdin, as protoc plugins do."""
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(request).SerializeToString())


if __name__ == "__main__":
    main()
