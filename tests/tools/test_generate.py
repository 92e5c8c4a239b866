from pathlib import Path

from tools import generate


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_folders_with_the_same_bytes_do_not_differ(tmp_path: Path) -> None:
    left = write(tmp_path / "left", {"a": "1", "b/c": "2"})
    right = write(tmp_path / "right", {"a": "1", "b/c": "2", "b/__pycache__/c": "compiled"})
    assert generate.differences(left, right) == []


def test_changed_missing_and_surplus_files_are_drift(tmp_path: Path) -> None:
    left = write(tmp_path / "left", {"same": "1", "changed": "2", "missing": "3"})
    right = write(tmp_path / "right", {"same": "1", "changed": "4", "surplus": "5"})
    assert generate.differences(left, right) == ["changed", "missing", "surplus"]


def test_stub_types_without_a_stub_are_dropped(tmp_path: Path) -> None:
    package = write(tmp_path, {"a_pb2_grpc.pyi": "", "b_pb2_grpc.pyi": "", "b_pb2_grpc.py": ""})
    generate.drop_empty_stubs(package)
    assert generate.files(package) == {"b_pb2_grpc.pyi", "b_pb2_grpc.py"}
