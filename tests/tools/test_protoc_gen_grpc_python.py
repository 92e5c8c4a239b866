from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.text_format import Parse

from tools.protoc_gen_grpc_python import generate

WITHOUT_SERVICE = """
name: "one/v1/words.proto" package: "one.v1" syntax: "proto3"
message_type { name: "Word" }
"""
WITH_SERVICE = """
name: "one/v1/talk.proto" package: "one.v1" syntax: "proto3" dependency: "one/v1/words.proto"
service { name: "Talk" method { name: "Say" input_type: ".one.v1.Word" output_type: ".one.v1.Word" } }
"""


def request(*wanted: str) -> plugin_pb2.CodeGeneratorRequest:
    files = [Parse(text, FileDescriptorProto()) for text in (WITHOUT_SERVICE, WITH_SERVICE)]
    return plugin_pb2.CodeGeneratorRequest(proto_file=files, file_to_generate=wanted)


def test_a_file_with_a_service_becomes_a_stub_module() -> None:
    response = generate(request("one/v1/words.proto", "one/v1/talk.proto"))
    assert [file.name for file in response.file] == ["one/v1/talk_pb2_grpc.py"]
    assert "class TalkStub" in response.file[0].content


def test_a_file_without_a_service_becomes_nothing() -> None:
    response = generate(request("one/v1/words.proto"))
    assert list(response.file) == []
    assert response.supported_features & plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
